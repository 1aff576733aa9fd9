package person

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
)

var (
	openLine = regexp.MustCompile(`^Open (\S+)$`)
	codeLine = regexp.MustCompile(`^and enter the code (\S+)`)
)

// Invitation is where a program that logs in sends the person, in the words of `lowlayer login`.
type Invitation struct{ address, code string }

// Read takes one line of what the program says. It is true once the person knows enough to go to the browser.
func (i *Invitation) Read(line string) bool {
	line = strings.TrimSpace(line)
	if m := openLine.FindStringSubmatch(line); m != nil {
		i.address = m[1]
		return strings.Contains(i.address, "redirect_uri=") // the browser comes back by itself: there is no code
	}
	if m := codeLine.FindStringSubmatch(line); m != nil && i.address != "" {
		i.code = m[1]
		return true
	}
	return false
}

// Accept goes to the browser, to the end of the pages, and back to the program when they lead there.
func (p *Person) Accept(ctx context.Context, issuer string, i Invitation) error {
	provider, _, _ := strings.Cut(issuer, "/realms/")
	transport := &http.Transport{DisableKeepAlives: true}
	browser, err := Browser(provider, transport)
	if err != nil {
		return err
	}
	start := i.address
	if i.code != "" {
		start += "?" + url.Values{"user_code": {i.code}}.Encode()
	}
	page, err := p.Walk(ctx, browser, start)
	if err != nil {
		return fmt.Errorf("log in as %s: %w", p.Email, err)
	}
	if page.To == "" {
		if page.Status != http.StatusOK || !strings.Contains(page.Body, "Device Login Successful") {
			return fmt.Errorf("log in as %s: the pages %v end with %d: %s", p.Email, p.Seen, page.Status, page.Words())
		}
		return nil
	}
	back, err := url.Parse(page.To)
	if err != nil {
		return fmt.Errorf("go back to the program: %w", err)
	}
	_, err = send(ctx, &http.Client{Transport: transport}, http.MethodGet, back, nil)
	return err
}

// LogIn runs a program that logs in, and plays the person in its browser. Its standard error goes to said, too.
func (p *Person) LogIn(ctx context.Context, issuer string, program *exec.Cmd, said io.Writer) error {
	ctx, giveUp := context.WithCancel(ctx)
	defer giveUp()
	words, speak := io.Pipe()
	program.Stderr = io.MultiWriter(said, speak)
	if err := program.Start(); err != nil {
		return fmt.Errorf("start the login: %w", err)
	}
	accepted := make(chan error, 1)
	go func() {
		err := p.listen(ctx, issuer, words)
		if err != nil {
			_ = program.Process.Kill() // it would wait minutes for somebody who does not come
		}
		_, _ = io.Copy(io.Discard, words) // a reader that stops would stop the program
		accepted <- err
	}()
	ended := program.Wait()
	_ = speak.Close() // ends the listening, and never fails
	if ended != nil {
		giveUp() // no reader waits at the end of the pages any more
	}
	if err := errors.Join(ended, <-accepted); err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	return nil
}

// listen accepts the first invitation.
func (p *Person) listen(ctx context.Context, issuer string, words io.Reader) error {
	var i Invitation
	lines := bufio.NewScanner(words)
	for lines.Scan() {
		if i.Read(lines.Text()) {
			return p.Accept(ctx, issuer, i)
		}
	}
	return lines.Err()
}
