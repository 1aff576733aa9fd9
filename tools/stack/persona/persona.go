// Package persona is somebody who uses a platform with identity: a person with a browser, an authenticator and the CLI, and with a
// file of logins of his own. The sandbox's demonstration and the end-to-end tests use it.
//
// A refusal of the CLI is an error with its output; an unknown page of the provider is an error, too.
package persona

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"

	"github.com/low-layer/platform/tools/identitysim/person"
	"github.com/low-layer/platform/tools/stack"
)

// Persona is somebody at a terminal.
type Persona struct {
	person.Person
	// Program is the CLI, Dir where it is run, Credentials the file of logins.
	Program, Dir, Credentials string

	stack *stack.Stack
}

// On is a persona of a platform.
func On(s *stack.Stack, who person.Person, program, dir, credentials string) *Persona {
	return &Persona{Person: who, Program: program, Dir: dir, Credentials: credentials, stack: s}
}

// Env is what the CLI is told: where the platform is, and where the persona's logins are.
func (p *Persona) Env() []string {
	return []string{"LOWLAYER_ADDRESS=" + p.stack.Addresses().Gateway, "LOWLAYER_CREDENTIALS=" + p.Credentials, "LOWLAYER_TOKEN="}
}

// Command is a command line of the CLI, as the persona runs it.
func (p *Persona) Command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, p.Program, args...)
	cmd.Dir, cmd.Env = p.Dir, append(os.Environ(), p.Env()...)
	return cmd
}

// LoginLine is the command line that LogIn runs, --mfa among more for a second factor.
func (p *Persona) LoginLine(more ...string) []string {
	return append([]string{"login", "--wait", "--no-browser", "--issuer", p.stack.Issuer()}, more...)
}

// LogIn logs in by the CLI and in the browser. The CLI's output goes to said.
func (p *Persona) LogIn(ctx context.Context, said io.Writer, more ...string) error {
	p.Seen = nil
	if err := p.Person.LogIn(ctx, p.stack.Issuer(), p.Command(ctx, p.LoginLine(more...)...), said); err != nil {
		return fmt.Errorf("%s: %w", p.Email, err)
	}
	if p.NewPassword != "" { // it has taken the place of the temporary one, which is asked for at the first login
		p.Password, p.NewPassword = p.NewPassword, ""
	}
	return nil
}

var shown = regexp.MustCompile(`First password, shown this once: (\S+)`)

// FirstPassword is the temporary password in what `lowlayer member add` said; empty when there is none.
func FirstPassword(said string) string {
	if m := shown.FindStringSubmatch(said); m != nil {
		return m[1]
	}
	return ""
}
