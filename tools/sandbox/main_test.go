package main

import (
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestUp_identityVariable_decidesLogins runs the command line as `make up` does. The platform runs already and one of its ports is
// taken, so nothing starts: the error shows which setting was asked for.
func TestUp_identityVariable_decidesLogins(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	offset := l.Addr().(*net.TCPAddr).Port - 8080
	taken := l.Addr().String() + " of gateway: held by"
	for name, c := range map[string]struct {
		kept     bool
		variable string
		args     []string
		says     string
	}{
		"variable asks for logins":         {variable: "1", says: "runs without identity"},
		"variable repeats what runs":       {kept: true, variable: "1", says: taken},
		"variable asks for none":           {kept: true, variable: "0", says: "runs with identity"},
		"flag asks for logins":             {args: []string{"--identity"}, says: "runs without identity"},
		"flag wins over the variable":      {kept: true, variable: "1", args: []string{"--identity=false"}, says: "runs with identity"},
		"neither keeps what is remembered": {kept: true, says: taken},
	} {
		t.Run(name, func(t *testing.T) {
			if c.variable != "" {
				t.Setenv(identityVariable, c.variable)
			}
			dir := filepath.Join(t.TempDir(), "state")
			if err := writeKept(dir, kept{offset: offset, identity: c.kept}); err != nil {
				t.Fatal(err)
			}
			if c.says != taken {
				runAs(t, dir, "gateway")
			}
			cmd, err := command()
			if err != nil {
				t.Fatal(err)
			}
			cmd.SetOut(t.Output())
			cmd.SetArgs(append([]string{"up", "--dir", dir, "--bin", filepath.Join(clone(t), "bin"), "--port-offset", strconv.Itoa(offset)}, c.args...))
			if err := cmd.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%q is not in %v", c.says, err)
			}
			if now, err := readKept(dir); now.identity != c.kept || err != nil {
				t.Errorf("%+v is remembered, %v", now, err)
			}
		})
	}
}
