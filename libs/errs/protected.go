package errs

// Protected is the refusal to delete something that is protected against it, or what it lies in. Name is what is
// protected; the message says how to lift that.
func Protected(name string) *Error {
	return Failed("DELETION_PROTECTED", "%q is protected against deletion; to delete it, first update it with deletion_protection = false", name).
		With("resource", name)
}
