// Package request is what every call brings with it beside its wish: its identity, and the page of a list it asks for. It
// holds values only and never fails.
package request

// Identity tells a repeated call from a new one.
type Identity struct {
	// Method is the full name of the RPC.
	Method string
	// ID is the caller's request_id; empty when the call is not to be remembered.
	ID string
	// Digest is that of everything else the caller sent.
	Digest []byte
	// ValidateOnly asks for the plan alone: whatever is done is rolled back. ID is empty then.
	ValidateOnly bool
}

// List asks for a page.
type List struct {
	// Method and Parent say of what.
	Method, Parent       string
	Size                 int
	Token, Filter, Order string
	// Only are the names of those that the caller may see, and Within the organisations of which he may see all; nil when there
	// is no limit.
	Only, Within []string
}
