package filter

import "strings"

// pattern is a text in which `*` stands for any text: the literal pieces between the stars.
type pattern []string

// newPattern splits at stars; `\*` is a star and `\\` a backslash.
func newPattern(text string) pattern {
	pieces := pattern{}
	var piece strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '*':
			pieces = append(pieces, piece.String())
			piece.Reset()
		case text[i] == '\\' && i+1 < len(text) && (text[i+1] == '*' || text[i+1] == '\\'):
			i++
			piece.WriteByte(text[i])
		default:
			piece.WriteByte(text[i])
		}
	}
	return append(pieces, piece.String())
}

// plain is the text itself when there is no wildcard in it.
func (p pattern) plain() (string, bool) {
	return p[0], len(p) == 1
}

// anything says that every text matches.
func (p pattern) anything() bool {
	return len(p) > 1 && strings.Join(p, "") == ""
}

// like is the pattern in SQL's language; contains lets it match anywhere.
func (p pattern) like(contains bool) string {
	escape := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)
	pieces := make([]string, len(p))
	for i, piece := range p {
		pieces[i] = escape.Replace(piece)
	}
	text := strings.Join(pieces, "%")
	if contains {
		text = "%" + text + "%"
	}
	return text
}
