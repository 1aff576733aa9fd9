package resume_test

import (
	"encoding/base64"
	"testing"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/watch/resume"
)

func TestTokens(t *testing.T) {
	made := resume.New("acme", map[string]resume.Place{"tenant": {Epoch: "1.2.3", Sequence: 3}, "network": {}})
	token, err := resume.Parse(made.String(), "acme")
	if n, ok := token.Of("tenant"); err != nil || !ok || n != (resume.Place{Epoch: "1.2.3", Sequence: 3}) {
		t.Errorf("got %v, %v, %v", n, ok, err)
	}
	if n, ok := token.Of("network"); !ok || n != (resume.Place{}) {
		t.Errorf("got %v, %v", n, ok)
	}
	if _, ok := token.Of("billing"); ok {
		t.Error("it says something of a service it does not know")
	}
	for _, bad := range []string{"", "x", "bm9wZQ", made.String() + "=", made.String()[1:]} {
		if _, err := resume.Parse(bad, "acme"); errs.ReasonOf(err) != errs.ReasonInvalidFields {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := resume.Parse(made.String(), "other"); errs.ReasonOf(err) != errs.ReasonInvalidFields {
		t.Errorf("of another tenant: %v", err)
	}
	// As it was before there were epochs.
	old, err := resume.Parse(base64.RawURLEncoding.EncodeToString([]byte(`{"t":"acme","s":{"tenant":3},"v":1}`)), "acme")
	if p, ok := old.Of("tenant"); err != nil || !ok || p != (resume.Place{Sequence: 3}) {
		t.Errorf("without an epoch: %v, %v, %v", p, ok, err)
	}
	made.Version = 2
	if _, err := resume.Parse(made.String(), "acme"); errs.ReasonOf(err) != resume.ReasonExpired {
		t.Errorf("of another version: %v", err)
	}
}

func FuzzParseToken(f *testing.F) {
	f.Add(resume.New("acme", map[string]resume.Place{"tenant": {Epoch: "1.2.3", Sequence: 3}}).String())
	f.Fuzz(func(t *testing.T, text string) {
		token, err := resume.Parse(text, "acme")
		if err != nil && errs.CodeOf(err) != errs.InvalidArgument && errs.CodeOf(err) != errs.OutOfRange {
			t.Errorf("%q: %v", text, err)
		}
		if n, ok := token.Of("tenant"); ok && n.Sequence < 0 {
			t.Errorf("%q is before the beginning: %v", text, n)
		}
	})
}
