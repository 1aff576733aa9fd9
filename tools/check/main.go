// Command check holds the rules of the repository that no ready-made linter knows: which package may import which, that every
// RPC declares its rule, and that the commands a README shows exist.
//
//	check imports     the dependency rule, over `go list` of every module; prints the offending chain
//	check protos      every RPC carries lowlayer.authz.v1.rule, tells where its resource is named, and every mutation has a request_id
//	check reasons     every reason of an error has a page at the gateway
//	check readmes     every `make` target, `bin/` program and file a README names exists
//
// It exits 1 with one line per offence.
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
	checks := map[string]func(context.Context) ([]string, error){
		"imports": imports,
		"protos":  protos,
		"readmes": readmes,
		"reasons": reasons,
	}
	if len(os.Args) != 2 || checks[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: check imports|protos|readmes|reasons")
		os.Exit(2)
	}
	offences, err := checks[os.Args[1]](ctx)
	if err != nil {
		fmt.Fprintf(os.Stderr, "check %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
	for _, o := range offences {
		fmt.Println(o)
	}
	if len(offences) > 0 {
		os.Exit(1)
	}
}
