// Package etag makes the etags of resources: short, opaque, equal exactly when the parts they are made of are equal.
package etag

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"github.com/low-layer/platform/libs/errs"
)

// Of makes an etag of the parts that identify one version of a resource, for example its uid and generation.
func Of(parts ...any) string {
	h := sha256.New()
	for _, p := range parts {
		s := fmt.Sprint(p)
		_, _ = fmt.Fprintf(h, "%d:%s", len(s), s) // a hash never fails to write
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:12])
}

// Check returns errs.Stale for the resource when the caller gave an etag other than the current one.
func Check(name, given, current string) error {
	if given != "" && given != current {
		return errs.Stale(name)
	}
	return nil
}
