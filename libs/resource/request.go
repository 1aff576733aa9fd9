package resource

// Identity distinguishes a repeated call from a new one.
type Identity struct {
	// Method is the full name of the RPC.
	Method string
	// ID is the caller's request_id. A call without one is not remembered.
	ID string
	// Digest is that of the request without its request_id.
	Digest []byte
	// ValidateOnly asks for the plan: the transaction is rolled back. ID is empty then.
	ValidateOnly bool
}

// List asks for a page.
type List struct {
	// Method and Parent bind the page token.
	Method, Parent       string
	Size                 int
	Token, Filter, Order string
	// All includes the rows that a list leaves out by default, for example deleted resources.
	All bool
	// Only are the names the caller may see, Within the parents below which the caller may see everything. Both nil: no limit.
	Only, Within []string
}

// Page is one page of a list. Next is the token of the page after it, empty for the last.
type Page[T any] struct {
	Items []T
	Next  string
}
