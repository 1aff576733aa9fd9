// Package stacktest runs the whole platform in a test and uses it as people do: by the CLI, over REST and over gRPC. A
// platform that a test starts ends with the test, and its logs are kept when the test fails.
package stacktest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/low-layer/platform/libs/mtls"
	"github.com/low-layer/platform/tools/identitysim/person"
	"github.com/low-layer/platform/tools/stack"
	"github.com/low-layer/platform/tools/stack/persona"
)

// Patience bounds every wait; nothing takes nearly as long on an idle machine.
const Patience = 3 * time.Minute

// Platform is a running platform.
type Platform struct {
	*stack.Stack
	bin, repo string
	env       []string
	token     string
}

// Meet makes somebody who has not logged in yet: the person, and the platform as the person uses it.
func (p *Platform) Meet(t testing.TB, who person.Person) (*persona.Persona, *Platform) {
	t.Helper()
	one := persona.On(p.Stack, who, p.Program("lowlayer"), p.repo, filepath.Join(t.TempDir(), "credentials.json"))
	return one, p.with("", one.Env()...)
}

// WithToken is the platform as a program with an access token uses it.
func (p *Platform) WithToken(token string) *Platform { return p.with(token, "LOWLAYER_TOKEN="+token) }

// WithEnv is the platform as programs with these settings see it, which have no other login.
func (p *Platform) WithEnv(env ...string) *Platform { return p.with("", env...) }

func (p *Platform) with(token string, env ...string) *Platform {
	other := *p
	other.token, other.env = token, slices.Concat(p.env, env)
	return &other
}

// Result is what a program said.
type Result struct {
	Out, Err string
	Code     int
}

// Start starts a platform on free ports that ends with the test.
func Start(t testing.TB, opts stack.Options) *Platform {
	t.Helper()
	p, err := Launch(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(t.Failed()); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("logs are kept in %s", p.Dir())
		}
	})
	return p
}

// launches is how often a start is tried: another program may take a free port first.
const launches = 3

// Launch starts a platform on free ports in a folder of its own; Close is the caller's.
func Launch(ctx context.Context, opts stack.Options) (*Platform, error) {
	for attempt := 1; ; attempt++ {
		p, err := Open(opts)
		if err != nil {
			return nil, err
		}
		if err = p.Stack.Start(ctx); err == nil {
			return p, nil
		}
		if err = errors.Join(err, p.Close(attempt == launches)); attempt == launches {
			return nil, fmt.Errorf("start a platform, logs are kept in %s: %w", p.Dir(), err)
		}
	}
}

// Open prepares a platform on free ports in a folder of its own; Start and Close are the caller's.
func Open(opts stack.Options) (*Platform, error) {
	repo, err := findRepo()
	if err != nil {
		return nil, err
	}
	if opts.Bin, err = programs(repo); err != nil {
		return nil, err
	}
	if opts.Addresses, err = stack.Free(); err != nil {
		return nil, err
	}
	if opts.Dir, err = os.MkdirTemp("", "lowlayer-test-"); err != nil {
		return nil, err
	}
	if err := os.Chmod(opts.Dir, 0o755); err != nil { // the database's account walks there
		return nil, err
	}
	// A test's own settings come later and so count.
	opts.Env = append(stack.Generous(), opts.Env...)
	s, err := stack.New(opts)
	if err != nil {
		return nil, err
	}
	return &Platform{Stack: s, bin: opts.Bin, repo: repo}, nil
}

// Close stops the platform and removes its folder, unless it is to be kept.
func (p *Platform) Close(keep bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), Patience) // the test's own has ended
	defer cancel()
	err := p.Stop(ctx)
	if keep {
		return err
	}
	return errors.Join(err, os.RemoveAll(p.Dir()))
}

// Repo is the top of the repository.
func (p *Platform) Repo() string { return p.repo }

// Program is the path of a built program.
func (p *Platform) Program(name string) string { return filepath.Join(p.bin, name) }

func findRepo() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("the test does not run inside the repository")
		}
	}
}

// programs are those of LOWLAYER_BIN, or built here.
func programs(repo string) (string, error) {
	if bin := os.Getenv("LOWLAYER_BIN"); bin != "" {
		return bin, nil
	}
	cmd := exec.Command("make", "build") //nolint:noctx // bounded by the test's own time limit
	cmd.Dir = repo
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("make build: %w: %s", err, out)
	}
	return filepath.Join(repo, "bin"), nil
}

// Lowlayer runs the CLI in the top of the repository.
func (p *Platform) Lowlayer(t testing.TB, args ...string) Result {
	t.Helper()
	return p.Run(t, append([]string{filepath.Join(p.bin, "lowlayer")}, args...)...)
}

// Run runs any program in the top of the repository, with the platform's address in its environment.
func (p *Platform) Run(t testing.TB, command ...string) Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), Patience) // cleanups run programs too
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = p.repo
	cmd.Env = slices.Concat(os.Environ(), []string{"LOWLAYER_ADDRESS=" + p.Addresses().Gateway}, p.env)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.WaitDelay = time.Second // a child of the program may hold its output open
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("run %s: %v", command[0], err)
	}
	return Result{Out: out.String(), Err: errs.String(), Code: cmd.ProcessState.ExitCode()}
}

// Must is Lowlayer for what has to succeed.
func (p *Platform) Must(t testing.TB, args ...string) string {
	t.Helper()
	r := p.Lowlayer(t, args...)
	if r.Code != 0 {
		t.Fatalf("lowlayer %s: exit code %d\n%s%s", strings.Join(args, " "), r.Code, r.Out, r.Err)
	}
	return r.Out
}

// REST makes one REST call and reads the JSON of its response. It carries the token of WithToken.
func (p *Platform) REST(t testing.TB, method, path, body string) (int, http.Header, map[string]any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+p.Addresses().Gateway+path, in)
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if p.token != "" {
		req.Header.Set("Authorization", "Bearer "+p.token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	text, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	var answer map[string]any
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatalf("%s %s responds with %d and %q: %v", method, path, resp.StatusCode, text, err)
	}
	return resp.StatusCode, resp.Header, answer
}

// Dial connects to one of the platform's addresses.
func Dial(t testing.TB, address string) *grpc.ClientConn {
	t.Helper()
	return dial(t, address, insecure.NewCredentials())
}

func dial(t testing.TB, address string, creds credentials.TransportCredentials) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(creds))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return conn
}

// DialService connects to a service past the gateway, as the service or the operator whose certificate the platform has.
func (p *Platform) DialService(t testing.TB, as, service, address string) *grpc.ClientConn {
	t.Helper()
	identity, err := mtls.Open(p.TLSDir(as), as, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	creds, err := identity.Client(service)
	if err != nil {
		t.Fatal(err)
	}
	return dial(t, address, creds)
}

// Inventory is what the simulator holds that carries the word in its name or tags, counted by type.
func (p *Platform) Inventory(t testing.TB, word string) map[string]int {
	t.Helper()
	var all struct {
		Objects []struct {
			Type, Name string
			Tags       []string
		}
	}
	p.askSimulator(t, "inventory", &all)
	counts := make(map[string]int)
	for _, o := range all.Objects {
		if strings.Contains(o.Name, word) || strings.Contains(strings.Join(o.Tags, " "), word) {
			counts[o.Type]++
		}
	}
	return counts
}

// CloudCalls is how many calls the simulator has had.
func (p *Platform) CloudCalls(t testing.TB) int {
	t.Helper()
	var all struct{ Counts []struct{ Count int } }
	p.askSimulator(t, "calls", &all)
	n := 0
	for _, c := range all.Counts {
		n += c.Count
	}
	return n
}

func (p *Platform) askSimulator(t testing.TB, what string, answer any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+p.Addresses().Simulator+"/_sim/"+what, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(json.NewDecoder(resp.Body).Decode(answer), resp.Body.Close()); err != nil {
		t.Fatal(err)
	}
}

// Eventually waits until done holds, and fails the test when it does not within Patience.
func Eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	limit := time.NewTimer(Patience)
	defer limit.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-limit.C:
			t.Fatalf("%s did not happen within %s", what, Patience)
		case <-tick.C:
		}
	}
}
