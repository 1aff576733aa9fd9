package filter

import (
	"errors"
	"strings"

	"go.einride.tech/aip/filtering"
	expr "google.golang.org/genproto/googleapis/api/expr/v1alpha1"
)

// parseExpression reads the grammar of AIP-160; what the names and values mean is the checker's business.
func parseExpression(text string) (*expr.ParsedExpr, *problem) {
	var parser filtering.Parser
	parser.Init(text)
	parsed, err := parser.Parse()
	if err != nil {
		return nil, syntax(text, err)
	}
	return parsed, nil
}

// syntax finds where parsing stopped: the furthest position of the chain of errors, since each rule of the grammar
// adds the place where it began.
func syntax(text string, err error) *problem {
	at := 0
	unterminated := false
	for ; err != nil; err = errors.Unwrap(err) {
		positioned, ok := err.(interface {
			Position() filtering.Position
			Message() string
		})
		if !ok {
			continue
		}
		at = max(at, int(positioned.Position().Offset))
		unterminated = unterminated || strings.Contains(positioned.Message(), "unterminated")
	}
	rest := strings.TrimSpace(text[min(at, len(text)):])
	switch {
	case unterminated:
		return &problem{at, "a quoted value does not end: close its quote"}
	case rest == "":
		return &problem{at, `the filter ends too early: complete it, for example name = "value"`}
	case strings.HasPrefix(rest, ")"):
		return &problem{at, "this parenthesis closes nothing: remove it, or open one before"}
	default:
		return &problem{at, `this is not understood: write FIELD = "value", join with AND or OR, ` +
			`and put values with other than letters, digits and _ in double quotes`}
	}
}
