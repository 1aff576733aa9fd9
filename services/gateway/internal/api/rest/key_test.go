package rest_test

import (
	"strings"
	"testing"

	"github.com/low-layer/platform/services/gateway/internal/api/rest"

	"github.com/dunglas/httpsfv"
)

func TestParseKey(t *testing.T) {
	for text, want := range map[string]string{
		"8e03978e-40d5-43dd-bc93-6894a57f9324": "8e03978e-40d5-43dd-bc93-6894a57f9324", `"once"`: "once", "  once\t": "once",
		`"two words"`: "two words", `"a\"b\\c"`: `a"b\c`, strings.Repeat("k", 64): strings.Repeat("k", 64),
		"": "", `""`: "", `"`: "", `"open`: "", `open"`: "", `"a" `: "a", `"a"b`: "", `"a";p=1`: "", "two words": "", `a\b`: "", "a\x00": "",
		"clé": "", `"\n"`: "", `"a\`: "", strings.Repeat("k", 65): "", `"` + strings.Repeat("k", 65) + `"`: "",
	} {
		got, ok := rest.ParseKey([]string{text})
		if (want != "") != ok || (ok && got != want) {
			t.Errorf("%q is %q, %v", text, got, ok)
		}
	}
	for _, values := range [][]string{nil, {"a", "b"}, {"a", "a"}} {
		if key, ok := rest.ParseKey(values); ok {
			t.Errorf("%q is %q", values, key)
		}
	}
}

// A quoted key is read as by the structured fields library; a key that was read can be written and read again.
func FuzzParseKey(f *testing.F) {
	for _, seed := range []string{"once", `"once"`, `"a\"b\\c"`, `"a";p=1`, ` "x" `, "", `"`, "clé", strings.Repeat("k", 65)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		key, ok := rest.ParseKey([]string{text})
		trimmed := strings.Trim(text, " \t")
		if strings.HasPrefix(trimmed, `"`) {
			item, err := httpsfv.UnmarshalItem([]string{trimmed})
			want, isText := "", false
			if err == nil && len(item.Params.Names()) == 0 {
				want, isText = item.Value.(string)
			}
			// A semicolon without a name is refused by both; one with a name is a parameter, which keys have not.
			if isText = isText && want != "" && len(want) <= 64; isText != ok || (ok && want != key) {
				t.Errorf("%q is %q, %v; the library says %q, %v, %v", text, key, ok, want, isText, err)
			}
		}
		if !ok {
			return
		}
		written, err := httpsfv.Marshal(httpsfv.NewItem(key))
		if err != nil {
			t.Fatalf("%q gave %q, which is no string: %v", text, key, err)
		}
		if again, ok := rest.ParseKey([]string{written}); !ok || again != key {
			t.Errorf("%q gave %q, which is read again as %q, %v", text, key, again, ok)
		}
	})
}
