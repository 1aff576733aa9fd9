package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/low-layer/platform/tools/identitysim/person"
	"github.com/low-layer/platform/tools/openstacksim/sim"
	"github.com/low-layer/platform/tools/stack"
	"github.com/low-layer/platform/tools/stack/persona"
)

// TestREADME_everyCommandBlock_runs runs each line of each block of shell commands in the README, in its order and as it stands.
// Only ports are moved, so that the test runs beside a sandbox, and the login is finished in a browser.
func TestREADME_everyCommandBlock_runs(t *testing.T) {
	r := newReader(t)
	t.Cleanup(func() { r.run(context.WithoutCancel(t.Context()), t, "make down") })
	blocks := r.blocks(t)
	if len(blocks) < 5 {
		t.Fatalf("the README has %d blocks of commands", len(blocks))
	}
	for _, line := range slices.Concat(blocks...) {
		switch {
		case regexp.MustCompile(`^make (demo|test)\b`).MatchString(line): // a stage of its own
			r.isStage(t, line)
		case strings.HasPrefix(line, "bin/lowlayer login"):
			r.logIn(t, line)
		default:
			r.run(t.Context(), t, line)
		}
		if t.Failed() {
			t.FailNow()
		}
	}
}

// reader does what a reader of the README does, in a home and with a platform of its own.
type reader struct {
	repo, home string
	offset     int
	env        []string
}

func newReader(t *testing.T) *reader {
	t.Helper()
	repo, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	home, err := os.MkdirTemp("", "lowlayer-readme-") //nolint:usetesting // the folders above that of t.TempDir are closed to the account of the database
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	if err := os.Chmod(home, 0o755); err != nil { // the account of the database walks through it
		t.Fatal(err)
	}
	r := &reader{repo: repo, home: home, offset: freeOffset(t)}
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOCACHE", "GOMODCACHE", "GOPATH").Output()
	if err != nil {
		t.Fatal(err)
	}
	caches := strings.Fields(string(out))
	r.env = append(os.Environ(), "HOME="+home, "GOCACHE="+caches[0], "GOMODCACHE="+caches[1], "GOPATH="+caches[2],
		"LOWLAYER_SANDBOX_DIR="+filepath.Join(home, "state"), "LOWLAYER_SANDBOX_PORT_OFFSET="+strconv.Itoa(r.offset),
		"LOWLAYER_ADDRESS="+r.addresses(t).Gateway, "LOWLAYER_CREDENTIALS="+filepath.Join(home, "credentials.json"))
	r.cloud(t)
	return r
}

// freeOffset returns how far the ports move for two platforms, the second ten above the first.
func freeOffset(t *testing.T) int {
	t.Helper()
	for offset := 1000; offset < 20000; offset += 20 {
		one, err := stack.Defaults().Shift(offset)
		if err != nil {
			t.Fatal(err)
		}
		two, err := one.Shift(10)
		if err != nil {
			t.Fatal(err)
		}
		if one.AllFree(t.Context()) && two.AllFree(t.Context()) {
			return offset
		}
	}
	t.Fatal("no ports are free")
	return 0
}

func (r *reader) addresses(t *testing.T) stack.Addresses {
	t.Helper()
	a, err := stack.Defaults().Shift(r.offset)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// cloud writes the clouds.yaml of a cloud "mycloud" where the README expects it.
func (r *reader) cloud(t *testing.T) {
	t.Helper()
	server, err := sim.Start(t.Context(), sim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	file := filepath.Join(r.home, ".config/openstack/clouds.yaml")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, fmt.Appendf(nil, `clouds:
  mycloud:
    region_name: RegionOne
    auth: {auth_url: %q, username: admin, password: labpass, project_name: admin, user_domain_name: Default, project_domain_name: Default}
`, server.AuthURL), 0o600); err != nil {
		t.Fatal(err)
	}
}

var fence = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$")

// blocks returns the lines of every block of commands, with the ports moved.
func (r *reader) blocks(t *testing.T) [][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(r.repo, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	beside, err := r.addresses(t).Shift(10)
	if err != nil {
		t.Fatal(err)
	}
	usual, own := stack.Defaults(), r.addresses(t)
	moved := strings.NewReplacer(usual.Gateway, own.Gateway, usual.Identity, own.Identity, "127.0.0.1:8090", beside.Gateway,
		"PORT_OFFSET=10", "PORT_OFFSET="+strconv.Itoa(r.offset+10))
	var out [][]string
	for _, m := range fence.FindAllStringSubmatch(string(text), -1) {
		switch m[1] {
		case "sh":
			out = append(out, strings.Split(strings.TrimSpace(moved.Replace(m[2])), "\n"))
		case "text":
		default:
			t.Errorf("a block of the README is %q: mark commands as sh and anything else as text", m[1])
		}
	}
	return out
}

// isStage checks that the CI runs what the README promises, because a test does not run itself.
func (r *reader) isStage(t *testing.T, line string) {
	t.Helper()
	target := strings.Fields(line)[1]
	ci, err := os.ReadFile(filepath.Join(r.repo, ".ci/run"))
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^stage (\d+ )?` + target + `$`).Match(ci) {
		t.Errorf(".ci/run has no stage %s", target)
	}
}

// lineTimeout bounds one line; `make up` builds what changed.
const lineTimeout = 5 * time.Minute

// run runs a line, which must succeed and print something.
func (r *reader) run(ctx context.Context, t *testing.T, line string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, lineTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", line)
	cmd.Dir, cmd.Env = r.repo, r.env
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil || strings.TrimSpace(out.String()) == "" {
		t.Errorf("%s: %v\n%s", line, err, out.String())
	}
	if strings.Contains(out.String(), `"status":4`) || strings.Contains(out.String(), `"status":5`) {
		t.Errorf("%s responds with an error: %s", line, out.String())
	}
}

// logIn runs the login of the README as the operator, with a browser and an authenticator.
func (r *reader) logIn(t *testing.T, line string) {
	t.Helper()
	s, err := stack.New(stack.Options{Dir: filepath.Join(r.home, "state"), Bin: filepath.Join(r.repo, "bin"), Addresses: r.addresses(t), Identity: true})
	if err != nil {
		t.Fatal(err)
	}
	if want := "bin/lowlayer login --mfa --issuer " + s.Issuer(); line != want {
		t.Fatalf("the README logs in by %q, want %q", line, want)
	}
	operator := persona.On(s, person.Person{Email: stack.OperatorEmail, Password: stack.Password}, filepath.Join(r.repo, "bin/lowlayer"), r.repo,
		filepath.Join(r.home, "credentials.json"))
	logIn(t, operator, "--mfa")
}
