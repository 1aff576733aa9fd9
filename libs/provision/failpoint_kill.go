//go:build failpoint

package provision

import (
	"os"
	"strings"
	"syscall"
)

// FailpointFromEnvironment has the process kill itself, as kill -9 would, at the point LOWLAYER_FAILPOINT names:
// `kind/verb/step:When`, where `*` stands for any part. With LOWLAYER_FAILPOINT_ONCE it does so only while the file of
// that name does not exist, and makes it first, so that the next process lives.
//
// It is in binaries built with the tag `failpoint` only; in all others it returns nil.
func FailpointFromEnvironment() func(Point) {
	wanted := os.Getenv("LOWLAYER_FAILPOINT")
	if wanted == "" {
		return nil
	}
	marker := os.Getenv("LOWLAYER_FAILPOINT_ONCE")
	return func(p Point) {
		if matches(wanted, p) && first(marker) {
			// SIGKILL cannot be caught: nothing after this runs.
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
}

func matches(wanted string, p Point) bool {
	place, when, _ := strings.Cut(wanted, ":")
	parts := strings.Split(place, "/")
	if len(parts) != 3 {
		return false
	}
	for i, have := range []string{p.Kind, p.Verb, p.Step} {
		if parts[i] != "*" && parts[i] != have {
			return false
		}
	}
	return when == "*" || when == string(p.When)
}

// first is true for the one process that makes the marker.
func first(marker string) bool {
	if marker == "" {
		return true
	}
	f, err := os.OpenFile(marker, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return false
	}
	return f.Close() == nil
}
