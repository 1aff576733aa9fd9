package cli

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// screen writes text to a terminal or a pipe and escapes characters that control a terminal or reorder its text: most of it
// comes from other people. All output of the program but the progress bar's own control codes goes through one. It keeps the
// first error of writing.
type screen struct {
	to  io.Writer
	err error
}

func (s *screen) Write(text []byte) (int, error) {
	if s.err == nil {
		_, s.err = io.WriteString(s.to, escape(string(text)))
	}
	if s.err != nil {
		return 0, s.err
	}
	return len(text), nil
}

// escape writes controlling characters as in JSON (`\u001b`) and bytes that are not UTF-8 as `\xff`. Lines and tabs stay.
func escape(text string) string {
	if utf8.ValidString(text) && strings.IndexFunc(text, controls) < 0 {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[0])
		case controls(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteString(text[:size])
		}
		text = text[size:]
	}
	return b.String()
}

// escapeLine is escape for a text within a line: line ends and tabs are escaped too.
func escapeLine(text string) string {
	return strings.NewReplacer("\n", `\n`, "\t", `\t`).Replace(escape(text))
}

// controls is true for C0 and C1 characters but line end and tab, for bidirectional controls, and for Unicode's line separators.
func controls(r rune) bool {
	return r != '\n' && r != '\t' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}
