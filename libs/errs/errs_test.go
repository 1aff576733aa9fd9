package errs_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/low-layer/platform/libs/errs"
)

func TestConstructors_haveReason_andRemedy(t *testing.T) {
	cases := []struct {
		err    *errs.Error
		code   errs.Code
		reason string
		says   string
	}{
		{errs.NotFound("vpc", "tenants/a/vpcs/b"), errs.CodeNotFound, "VPC_NOT_FOUND", "check the name"},
		{errs.NotFound("drift finding", "x"), errs.CodeNotFound, "DRIFT_FINDING_NOT_FOUND", "check the name"},
		{errs.Exists("tenant", "tenants/a"), errs.AlreadyExists, "TENANT_EXISTS", "choose another id"},
		{errs.Stale("tenants/a"), errs.Aborted, "ETAG_MISMATCH", "read it again"},
		{errs.Failed("VPC_PEERED", "end %d peerings first", 2), errs.FailedPrecondition, "VPC_PEERED", "end 2 peerings first"},
		{errs.Internal(errors.New("boom")), errs.CodeInternal, "INTERNAL", "request id"},
		{errs.Invalid(errs.Field("a.b", "must be %d", 1)), errs.InvalidArgument, "INVALID_FIELDS", "a.b"},
		{errs.InvalidAs("CIDR_OVERLAP", errs.Field("vpc.cidr", "overlaps x")), errs.InvalidArgument, "CIDR_OVERLAP", "vpc.cidr: overlaps x"},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			if c.err.Code != c.code || c.err.Reason != c.reason {
				t.Errorf("got %d %s, want %d %s", c.err.Code, c.err.Reason, c.code, c.reason)
			}
			if !strings.Contains(c.err.Message, c.says) {
				t.Errorf("message %q does not say %q", c.err.Message, c.says)
			}
		})
	}
}

func TestWrap_cause_isNotInTheMessage(t *testing.T) {
	cause := errors.New("password=hunter2")
	err := errs.Internal(cause)
	if !errors.Is(err, cause) {
		t.Error("the cause is lost")
	}
	if strings.Contains(err.Message, "hunter2") {
		t.Errorf("the message shows the cause: %q", err.Message)
	}
}

func TestAs_wrappedError_isFound(t *testing.T) {
	err := fmt.Errorf("create vpc: %w", errs.NotFound("vpc", "x"))
	e, ok := errs.As(err)
	if !ok || e.Reason != "VPC_NOT_FOUND" {
		t.Fatalf("got %v, %v", e, ok)
	}
	if errs.CodeOf(err) != errs.CodeNotFound || errs.ReasonOf(err) != "VPC_NOT_FOUND" {
		t.Errorf("got %d %s", errs.CodeOf(err), errs.ReasonOf(err))
	}
	if errs.CodeOf(nil) != 0 || errs.CodeOf(errors.New("x")) != errs.Unknown || errs.ReasonOf(errors.New("x")) != "" {
		t.Error("errors of others are not told apart")
	}
}

func TestFieldsCollectsAll(t *testing.T) {
	var f errs.Fields
	if f.Err() != nil {
		t.Fatal("no field, yet an error")
	}
	f.Add("vpc.cidr", "must be inside %s", "10.0.0.0/8")
	f.Add("vpc.mode", "unknown")
	e, _ := errs.As(f.Err())
	if len(e.Fields) != 2 || !strings.Contains(e.Error(), "vpc.cidr: must be inside 10.0.0.0/8") || !strings.Contains(e.Error(), "vpc.mode") {
		t.Errorf("got %v", e)
	}
}

func TestWithKeepsFacts(t *testing.T) {
	e := errs.Failed("X", "y").With("a", "1").With("b", "2")
	if e.Metadata["a"] != "1" || e.Metadata["b"] != "2" {
		t.Errorf("got %v", e.Metadata)
	}
}
