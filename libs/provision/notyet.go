package provision

import (
	"errors"
	"fmt"
	"time"
)

type notYet struct {
	after time.Duration
	text  string
}

func (n *notYet) Error() string { return n.text }

// NotYet is the result of a Verify, or of a Do that waits, when it is to be called again after a while. The text says what
// it waits for. It is neither an error nor an attempt.
func NotYet(after time.Duration, format string, args ...any) error {
	return &notYet{after: after, text: fmt.Sprintf(format, args...)}
}

func asNotYet(err error) (*notYet, bool) {
	var n *notYet
	ok := errors.As(err, &n)
	return n, ok
}
