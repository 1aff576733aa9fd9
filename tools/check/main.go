// Command check holds the rules of the repository that no ready-made linter knows.
//
//	check imports           the dependency rule, over `go list` of every module; prints the offending chain
//	check licences          every dependency has a licence of the allow-list
//	check protos            every RPC carries lowlayer.authz.v1.rule, names its resource, and every mutation has a request_id
//	check reasons           every reason of an error is declared in a proto
//	check readmes           every `make` target, `bin/` program and file that a README names exists
//	check vulnerabilities   govulncheck, where its database can be reached
//	check words [FOLDER…]   plain words in comments, messages, test names and documents
//	check unclean           the folders with findings of `check words`, for tools/check/words.unclean
//
// It prints one line per offence and exits 1 when there are any.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	alone := func(check func(context.Context) ([]string, error)) func(context.Context, []string) ([]string, error) {
		return func(ctx context.Context, _ []string) ([]string, error) { return check(ctx) }
	}
	checks := map[string]func(context.Context, []string) ([]string, error){
		"imports":         alone(imports),
		"licences":        alone(licences),
		"protos":          alone(protos),
		"readmes":         alone(readmes),
		"reasons":         alone(reasons),
		"unclean":         unclean,
		"vulnerabilities": alone(vulnerabilities),
		"words":           words,
	}
	if len(os.Args) < 2 || checks[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: check imports|licences|protos|readmes|reasons|unclean|vulnerabilities|words [FOLDER…]")
		os.Exit(2)
	}
	offences, err := checks[os.Args[1]](ctx, os.Args[2:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "check %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
	for _, o := range offences {
		fmt.Println(o)
	}
	if len(offences) > 0 && os.Args[1] != "unclean" {
		os.Exit(1)
	}
}
