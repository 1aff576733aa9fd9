package resume_test

import (
	"testing"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/watch/resume"
)

func TestTokens(t *testing.T) {
	made := resume.New("acme", map[string]int64{"tenant": 3, "network": 0})
	token, err := resume.Parse(made.String(), "acme")
	if n, ok := token.Of("tenant"); err != nil || !ok || n != 3 {
		t.Errorf("got %v, %v, %v", n, ok, err)
	}
	if n, ok := token.Of("network"); !ok || n != 0 {
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
	made.Version = 2
	if _, err := resume.Parse(made.String(), "acme"); errs.ReasonOf(err) != resume.ReasonExpired {
		t.Errorf("of another version: %v", err)
	}
}

func FuzzParseToken(f *testing.F) {
	f.Add(resume.New("acme", map[string]int64{"tenant": 3}).String())
	f.Fuzz(func(t *testing.T, text string) {
		token, err := resume.Parse(text, "acme")
		if err != nil && errs.CodeOf(err) != errs.InvalidArgument && errs.CodeOf(err) != errs.OutOfRange {
			t.Errorf("%q: %v", text, err)
		}
		if n, ok := token.Of("tenant"); ok && n < 0 {
			t.Errorf("%q is before the beginning: %d", text, n)
		}
	})
}
