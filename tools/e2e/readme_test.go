package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/low-layer/platform/tools/identitysim/person"
	"github.com/low-layer/platform/tools/stack"
	"github.com/low-layer/platform/tools/stack/stacktest"
)

// TestReadme_commands_succeed runs the commands under "Use it" as they stand, but for the address and the folder of grpcurl.
func TestReadme_commands_succeed(t *testing.T) {
	p := platform(t)
	purged(t, p, "acme")
	if r := p.Run(t, "tools/build/install", "grpcurl"); r.Code != 0 {
		t.Fatalf("install grpcurl: %+v", r)
	}
	for _, command := range readmeCommands(t, p, "## Use it", "```sh\n") {
		typed(t, p, command)
	}
}

// TestReadme_commandsWithLogins_succeed does the same for a platform with identity, which runs already. A simulated browser logs in.
func TestReadme_commandsWithLogins_succeed(t *testing.T) {
	p := logins.use(t)
	operator, as := p.Meet(t, person.Person{Email: stack.OperatorEmail, Password: stack.Password})
	typedLogins := 0
	for _, command := range readmeCommands(t, p, "With one, people and programs have roles", "```\n") {
		switch {
		case command == "make down && LOWLAYER_SANDBOX_IDENTITY=1 make up":
		case command == p.Program("lowlayer")+" login --mfa --issuer "+p.Issuer():
			logIn(t, operator, "--mfa")
			typedLogins++
		default:
			typed(t, as, command)
		}
	}
	if typedLogins != 1 {
		t.Errorf("%d logins", typedLogins)
	}
}

// readmeCommands are those of the first block after a text, for this platform.
func readmeCommands(t *testing.T, p *stacktest.Platform, after, fence string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(p.Repo(), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), after)
	_, block, _ := strings.Cut(section, fence)
	block, _, ok := strings.Cut(block, "```")
	if !ok {
		t.Fatalf("the README has no commands after %q", after)
	}
	a, usual := p.Addresses(), stack.Defaults()
	block = strings.NewReplacer(usual.Gateway, a.Gateway, usual.Identity, a.Identity, "bin/lowlayer", p.Program("lowlayer")).Replace(block)
	return strings.Split(strings.TrimSpace(block), "\n")
}

// typed runs a command, which must succeed and say something.
func typed(t *testing.T, p *stacktest.Platform, command string) {
	t.Helper()
	r := p.Run(t, "bash", "-euo", "pipefail", "-c", command)
	if r.Code != 0 || strings.TrimSpace(r.Out+r.Err) == "" {
		t.Errorf("%s: exit code %d\n%s%s", command, r.Code, r.Out, r.Err)
	}
	if strings.Contains(r.Out, `"status":4`) || strings.Contains(r.Out, `"status":5`) {
		t.Errorf("%s responds with an error: %s", command, r.Out)
	}
}
