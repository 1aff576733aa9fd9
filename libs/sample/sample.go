// Package sample shortens tests that repeat one check at many points: a run takes a third of the points, chosen by LOWLAYER_SEED, which
// `make test` sets by the commit. Three successive seeds take every point. FULL=1 takes all in one run.
package sample

import (
	"os"
	"strconv"
	"testing"
)

const parts = 3

// Third returns a third of the points, in order, and logs the seed. A short list stays whole.
func Third[T any](t testing.TB, points []T) []T {
	t.Helper()
	text := os.Getenv("LOWLAYER_SEED")
	if os.Getenv("FULL") != "" || len(points) < parts {
		return points
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil && text != "" {
		t.Fatalf("read LOWLAYER_SEED: %v", err)
	}
	var some []T
	for i := seed % parts; i < uint64(len(points)); i += parts {
		some = append(some, points[i])
	}
	t.Logf("%d of %d points by LOWLAYER_SEED=%d; FULL=1 takes all", len(some), len(points), seed)
	return some
}
