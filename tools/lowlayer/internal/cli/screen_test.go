package cli

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
)

func TestEscape(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain, ünïcode 世界 👍\n\t": "plain, ünïcode 世界 👍\n\t",
		"\x1b[2J":                 `\u001b[2J`,
		"a\rb":                    `a\u000db`,
		"\x00\x07\x7f":            `\u0000\u0007\u007f`,
		"\u009b31m":               `\u009b31m`,
		"\x9b31m":                 `\x9b31m`,
		"a\xffb":                  `a\xffb`,
		"\u202eevil\u202c\u2066":  `\u202eevil\u202c\u2066`,
		"\u200f\u061c\u2028":      `\u200f\u061c\u2028`,
		"\ufffd":                  "\ufffd",
	} {
		if got := escape(text); got != want {
			t.Errorf("escape(%q) = %s, want %s", text, got, want)
		}
	}
	if got := escapeLine("a\nb\tc\x1b"); got != `a\nb\tc\u001b` {
		t.Errorf("got %s", got)
	}
}

const evil = "Acme\x1b]0;owned\x07\rtenants/other\u202e\u009b"

// No command prints a control character of another person's text, in any output.
func TestRun_controlCharacters_areEscaped(t *testing.T) {
	f, address := newFake(t)
	f.tenants["tenants/acme"] = &tenantv1.Tenant{Name: "tenants/acme", DisplayName: evil, Labels: map[string]string{"a": evil + "\nb\tc"}}
	for _, output := range []string{"table", "json", "yaml", "name"} {
		for _, args := range [][]string{{"tenant", "get", "acme"}, {"tenant", "list"}, {"tree", "acme"}, {"tenant", "update", "acme", "--display-name", evil, "--plan"}} {
			out, errs, _ := cliRun(t, address, append(args, "-o", output)...)
			if strings.ContainsFunc(out+errs, controls) {
				t.Errorf("%v -o %s prints %q %q", args, output, out, errs)
			}
		}
	}
	out, _, _ := cliRun(t, address, "tenant", "get", "acme", "-o", "json")
	var got struct{ DisplayName string }
	if err := json.Unmarshal([]byte(out), &got); err != nil || got.DisplayName != evil {
		t.Errorf("JSON keeps the text: got %q, %v", got.DisplayName, err)
	}
	f.refuse("GetTenant", status.Error(codes.NotFound, "there is no "+evil))
	if _, errs, code := cliRun(t, address, "tenant", "get", "acme"); code != exitNotFound || strings.ContainsFunc(errs, controls) || !strings.Contains(errs, `\u001b`) {
		t.Errorf("%d %q", code, errs)
	}
}

// A cell of a table is one line: a line end in it cannot forge a row.
func TestTable_lineEndInACell_staysInItsRow(t *testing.T) {
	f, address := newFake(t)
	f.tenants["tenants/acme"] = &tenantv1.Tenant{Name: "tenants/acme", DisplayName: "Acme\nother\tOther"}
	if out, _, _ := cliRun(t, address, "tenant", "list"); strings.Count(out, "\n") != 2 || !strings.Contains(out, `Acme\nother\tOther`) {
		t.Errorf("got %q", out)
	}
}

// Errors of cobra, strconv and absent causes reach a person in plain words.
func TestRun_usageErrors_haveNoRawTexts(t *testing.T) {
	t.Parallel()
	_, address := newFake(t)
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"tenant list --limit many":             `--limit "many": invalid syntax; see`,
		"tenant list --timeout soon":           `--timeout "soon": invalid duration "soon"; see`,
		"tenant get":                           "get takes 1 argument, not 0",
		"member get acme":                      "get takes 2 arguments, not 1",
		"watch a b":                            "watch takes at most 1 argument, not 2",
		"receipt verify":                       "name the files of the receipts",
		"receipt verify x.json --key " + empty: "the file holds no public key as PEM",
	} {
		_, errs, code := cliRun(t, address, strings.Fields(line)...)
		if code != exitUsage || !strings.Contains(errs, want) || strings.Contains(errs, "strconv") || strings.Contains(errs, "%!") {
			t.Errorf("%s: %d %s, want %s", line, code, errs, want)
		}
	}
}

func TestDiscover_errorStatus_isNamed(t *testing.T) {
	t.Parallel()
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadGateway)
		_, _ = w.Write([]byte("{}"))
	}))
	defer issuer.Close()
	_, err := discover(t.Context(), issuer.URL)
	if err == nil || !strings.HasSuffix(err.Error(), "it responds with 502 Bad Gateway") {
		t.Errorf("got %v", err)
	}
}

type fullDisk struct{ err error }

func (d fullDisk) Write([]byte) (int, error) { return 0, d.err }

func TestRun_outputCannotBeWritten_fails(t *testing.T) {
	t.Parallel()
	for _, output := range []string{"table", "json", "yaml", "name"} {
		var errs strings.Builder
		code := Run(t.Context(), []string{"version", "-o", output}, Streams{In: strings.NewReader(""), Out: fullDisk{errors.New("no space left")}, Err: &errs})
		if code != exitFailure || !strings.Contains(errs.String(), "no space left") {
			t.Errorf("-o %s: %d %s", output, code, &errs)
		}
	}
}
