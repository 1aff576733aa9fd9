package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/low-layer/platform/tools/identitysim/person"
	"github.com/low-layer/platform/tools/stack"
	"github.com/low-layer/platform/tools/stack/persona"
)

// An answer that is not settled is asked for again so soon, and for so long.
const (
	lookAgain   = 250 * time.Millisecond
	settleLimit = time.Minute
)

// A narrator shows commands as a person types them, with what they answer, and holds each to how it must end.
type narrator struct {
	set    settings
	stack  *stack.Stack
	out    io.Writer
	who    *persona.Persona
	folder string
}

func (n *narrator) heading(text string) { say(n.out, "\n── %s ──", text) }

// meet makes somebody who has not logged in yet.
func (n *narrator) meet(email, password, newPassword string) *persona.Persona {
	name, _, _ := strings.Cut(email, "@")
	return persona.On(n.stack, person.Person{Email: email, Password: password, NewPassword: newPassword},
		filepath.Join(n.set.bin, "lowlayer"), n.set.checkout, filepath.Join(n.folder, name+".json"))
}

// as changes who types.
func (n *narrator) as(who *persona.Persona) {
	n.who = who
	say(n.out, "$ export LOWLAYER_CREDENTIALS=%s   # %s from here on", who.Credentials, who.Email)
}

// plainWord needs no quotes in a shell.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

func commandLine(args []string) string {
	words := make([]string, len(args))
	for i, a := range args {
		if words[i] = a; !plainWord.MatchString(a) {
			words[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
	}
	return "bin/lowlayer " + strings.Join(words, " ")
}

// does runs a command that must succeed, and returns its output.
func (n *narrator) does(ctx context.Context, args ...string) (string, error) {
	code, said, err := n.run(ctx, n.out, "", args)
	if err == nil && code != 0 {
		err = fmt.Errorf("%s: it must succeed and ended with %d", commandLine(args), code)
	}
	return said, err
}

// waitsFor runs a command that must succeed again and again until its answer is settled, and shows the last run.
func (n *narrator) waitsFor(ctx context.Context, settled func(said string) (bool, error), args ...string) error {
	unseen := *n
	unseen.out = io.Discard
	begin, tick := time.Now(), time.NewTicker(lookAgain)
	defer tick.Stop()
	for {
		said, err := unseen.does(ctx, args...)
		if err != nil {
			return err
		}
		done, err := settled(said)
		if done || err != nil {
			say(n.out, "$ %s\n%s", commandLine(args), strings.TrimRight(said, "\n"))
			return err
		}
		if waited := time.Since(begin); waited > settleLimit {
			return fmt.Errorf("%s: not settled after %s: %s", commandLine(args), waited.Round(time.Second), said)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// writes is does with the answer in a file.
func (n *narrator) writes(ctx context.Context, file string, args ...string) error {
	f, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("keep an answer: %w", err)
	}
	code, _, err := n.run(ctx, f, " > "+file, args)
	if err = errors.Join(err, f.Close()); err == nil && code != 0 {
		err = fmt.Errorf("%s: it must succeed and ended with %d", commandLine(args), code)
	}
	return err
}

// refused runs a command that must be refused with an exit code and, among others, these words.
func (n *narrator) refused(ctx context.Context, want int, words string, args ...string) (string, error) {
	code, said, err := n.run(ctx, n.out, "", args)
	switch {
	case err != nil:
		return "", err
	case code != want || !strings.Contains(said, words):
		return "", fmt.Errorf("%s: it must be refused with %d and %q, and ended with %d", commandLine(args), want, words, code)
	}
	return said, nil
}

// run shows a command and what it says. The answer goes to a file when there is one, and is part of the story otherwise.
func (n *narrator) run(ctx context.Context, answer io.Writer, redirection string, args []string) (code int, said string, err error) {
	say(n.out, "$ %s%s", commandLine(args), redirection)
	cmd := n.who.Command(ctx, args...)
	cmd.WaitDelay = 5 * time.Second
	var text bytes.Buffer
	both := io.MultiWriter(n.out, &text)
	cmd.Stdout, cmd.Stderr = both, both // one pipe, so what comes first is shown first
	if answer != n.out {
		cmd.Stdout = answer
	}
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		return exit.ExitCode(), text.String(), nil
	}
	if err != nil {
		return 0, "", fmt.Errorf("%s: %w", commandLine(args), err)
	}
	return 0, text.String(), nil
}

// pageWords are what somebody does on a page.
var pageWords = map[string]string{
	"password": "enters the password", "new password": "replaces the temporary password", "enrol": "sets up an authenticator app",
	"otp": "enters a one-time code", "consent": "lets the CLI in",
}

// logsIn logs in, with the demo in the place of the person at the browser.
func (n *narrator) logsIn(ctx context.Context, more ...string) error {
	say(n.out, "$ %s", commandLine(n.who.LoginLine(more...)))
	if err := n.who.LogIn(ctx, n.out, more...); err != nil {
		return err
	}
	var did []string
	for _, page := range n.who.Seen {
		did = append(did, pageWords[page])
	}
	say(n.out, "  (the demo was %s at the browser, who %s)", n.who.Email, strings.Join(did, ", "))
	return nil
}
