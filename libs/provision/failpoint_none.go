//go:build !failpoint

package provision

// FailpointFromEnvironment returns nil: this binary was built without the tag `failpoint`.
func FailpointFromEnvironment() func(Point) { return nil }
