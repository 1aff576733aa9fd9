package rest

import "strings"

// ParseKey reads an Idempotency-Key: one string in quotes, as draft-ietf-httpapi-idempotency-key-header has it, or, as many
// clients send it, the same without quotes, spaces and backslashes.
func ParseKey(values []string) (key string, ok bool) {
	if len(values) != 1 {
		return "", false
	}
	text := strings.Trim(values[0], " \t")
	if inner, quoted := strings.CutPrefix(text, `"`); quoted {
		key, ok = unescape(inner)
	} else {
		key, ok = text, printable(text) && !strings.ContainsRune(text, '\\')
	}
	return key, ok && key != "" && len(key) <= maxRequestID
}

// unescape reads a string of structured fields from behind its first quote; nothing may come after the last.
func unescape(text string) (string, bool) {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '"':
			return out.String(), i == len(text)-1
		case c == '\\':
			i++
			if i == len(text) || (text[i] != '"' && text[i] != '\\') {
				return "", false
			}
			c = text[i]
		case c < ' ' || c > '~':
			return "", false
		}
		out.WriteByte(c)
	}
	return "", false
}
