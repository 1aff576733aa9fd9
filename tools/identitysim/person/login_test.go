package person

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
)

func TestInvitation_lastLine_isRecognised(t *testing.T) {
	for name, c := range map[string]struct {
		said string
		want Invitation
	}{
		"a code":     {"Open http://id.test/device\nand enter the code ABCD-EFGH (good for 10m0s)\n", Invitation{"http://id.test/device", "ABCD-EFGH"}},
		"a way back": {"Open http://id.test/auth?a=b&redirect_uri=http%3A%2F%2F127.0.0.1\n", Invitation{"http://id.test/auth?a=b&redirect_uri=http%3A%2F%2F127.0.0.1", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			var got Invitation
			lines := strings.SplitAfter(strings.TrimSuffix(c.said, "\n"), "\n")
			for n, line := range lines {
				if got.Read(line) != (n == len(lines)-1) {
					t.Errorf("line %d: %q", n, line)
				}
			}
			if got != c.want {
				t.Errorf("got %+v", got)
			}
		})
	}
	var none Invitation
	if none.Read("Error: the platform cannot be reached") || none.Read("and enter the code ABCD-EFGH") {
		t.Errorf("got %+v", none)
	}
}

// A person who is not let in must not keep the program, which would wait for minutes.
func TestLogIn_refusedPerson_endsTheProgram(t *testing.T) {
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, `<html>Invalid username or password.<form action="/realms/lowlayer/in"><input name="username"><input name="password"></form></html>`)
	}))
	defer provider.Close()
	issuer := provider.URL + "/realms/lowlayer"
	program := exec.CommandContext(t.Context(), "sh", "-c", `printf 'Open %s/device\nand enter the code ABCD (good for 10m0s)\n' "$0" >&2; exec sleep 600`, issuer)
	ada := &Person{Email: "ada@acme.test", Password: "wrong"}
	err := ada.LogIn(t.Context(), issuer, program, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "log in as ada@acme.test") || !strings.Contains(err.Error(), "Invalid username or password.") {
		t.Errorf("got %v", err)
	}
}

func TestLogIn_noInvitation_fails(t *testing.T) {
	var said strings.Builder
	program := exec.CommandContext(t.Context(), "sh", "-c", "echo 'Error: no such issuer' >&2; exit 2")
	if err := (&Person{}).LogIn(t.Context(), "http://127.0.0.1:1/realms/lowlayer", program, &said); err == nil || said.String() != "Error: no such issuer\n" {
		t.Errorf("%v %q", err, said.String())
	}
}
