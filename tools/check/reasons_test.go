package main

import (
	"slices"
	"testing"
)

func TestReasonsIn(t *testing.T) {
	text := `
return errs.Failed("VPC_PEERED", "x")
return errs.New(errs.CodeNotFound, "HUB_NOT_READY", "y")
return errs.Wrap(err, errs.Unavailable, "AWAY", "z")
return errs.InvalidAs("CIDR_OVERLAP", f)
ReasonSize = "CIDR_SIZE"
v := errs.NotFound("vpc", name)
x := "NOT_A_REASON"
`
	want := []string{"VPC_PEERED", "HUB_NOT_READY", "AWAY", "CIDR_OVERLAP", "CIDR_SIZE"}
	if got := reasonsIn(text); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
