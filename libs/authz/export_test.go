package authz

import "io/fs"

// Forget forgets all decisions.
func (a *Authorizer) Forget() { clear(a.memo) }

// CheckPolicies reads policies.
func CheckPolicies(files fs.FS) error {
	_, err := readPolicies(files)
	return err
}
