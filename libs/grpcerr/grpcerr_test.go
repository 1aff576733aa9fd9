package grpcerr

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/low-layer/platform/libs/errs"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"
)

// overTheWire is what a client sees of a server's error.
func overTheWire(t interface{ Fatal(...any) }, err error) error {
	raw, marshalErr := proto.Marshal(ToStatus(err).Proto())
	if marshalErr != nil {
		t.Fatal(marshalErr)
	}
	received := status.New(codes.OK, "").Proto()
	if unmarshalErr := proto.Unmarshal(raw, received); unmarshalErr != nil {
		t.Fatal(unmarshalErr)
	}
	return status.FromProto(received).Err()
}

func genError() *rapid.Generator[*errs.Error] {
	return rapid.Custom(func(t *rapid.T) *errs.Error {
		e := &errs.Error{
			Code:      errs.Code(rapid.SampledFrom([]uint32{1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16}).Draw(t, "code")),
			Reason:    rapid.StringMatching(`[A-Z][A-Z_]{1,30}`).Draw(t, "reason"),
			Message:   rapid.String().Draw(t, "message"),
			Ambiguous: rapid.Bool().Draw(t, "ambiguous"),
			Retry:     time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "retry")),
		}
		keys := rapid.SliceOfDistinct(rapid.StringMatching(`[a-z_]{1,12}`).Filter(func(k string) bool {
			return k != keyAmbiguous
		}), rapid.ID[string]).Draw(t, "keys")
		for _, key := range keys {
			e = e.With(key, rapid.String().Draw(t, "value"))
		}
		for range rapid.IntRange(0, maxViolations).Draw(t, "fields") {
			e.Fields = append(e.Fields, errs.Field(rapid.String().Draw(t, "field"), "%s", rapid.String().Draw(t, "description")))
		}
		for range rapid.IntRange(0, 3).Draw(t, "quota") {
			e.Quota = append(e.Quota, errs.QuotaViolation{
				Subject: rapid.String().Draw(t, "subject"), Description: rapid.String().Draw(t, "text"),
			})
		}
		return e
	})
}

func TestStatus_wire_keepsTheError(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := genError().Draw(t, "error")
		got := FromError(overTheWire(t, fmt.Errorf("in a handler: %w", want)))
		got.Err = nil
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got  %#v\nwant %#v", got, want)
		}
	})
}

func TestStatus_secondHop_keepsTheError(t *testing.T) {
	want := errs.Failed("TENANT_SUSPENDED", "resume the tenant first").With("tenant", "acme")
	want.Ambiguous = true
	relayed := overTheWire(t, want)
	got := FromError(overTheWire(t, fmt.Errorf("ask the tenant service: %w", relayed)))
	if got.Reason != want.Reason || got.Message != want.Message || !got.Ambiguous || !maps.Equal(got.Metadata, want.Metadata) {
		t.Errorf("got %+v", got)
	}
}

func TestCausesStayInside(t *testing.T) {
	cause := errors.New("dial tcp 10.0.0.7:5432: connection refused")
	for name, err := range map[string]error{
		"unknown": cause, "wrapped": fmt.Errorf("read: %w", cause), "internal": errs.Internal(cause),
		"typed":       errs.Wrap(cause, errs.Unavailable, "DATABASE_AWAY", "try again"),
		"unavailable": status.Error(codes.Unavailable, cause.Error()), "strange": status.Error(codes.Code(99), cause.Error()),
		"invalid": status.Error(codes.InvalidArgument, cause.Error()),
	} {
		st := ToStatus(err)
		if text := fmt.Sprint(st.Proto()); strings.Contains(text, "10.0.0.7") {
			t.Errorf("%s leaks: %s", name, text)
		}
		if !strings.Contains(fmt.Sprint(Mask(err).Err), "10.0.0.7") {
			t.Errorf("%s: the cause is lost to the log", name)
		}
	}
}

func TestMask_internal_hasAReference(t *testing.T) {
	internal := Mask(errors.New("bug"))
	if internal.Code != errs.CodeInternal || Reference(internal) == "" {
		t.Errorf("got %+v", internal)
	}
	again := FromError(overTheWire(t, internal))
	if Reference(Mask(again)) != Reference(internal) {
		t.Error("a relayed error changed its reference")
	}
	original := errs.Internal(errors.New("bug"))
	if masked := Mask(original); masked == original || original.Metadata != nil {
		t.Error("masking changed the caller's error")
	}
	if Reference(Mask(errs.NotFound("vpc", "x"))) != "" {
		t.Error("NOT_FOUND has a reference")
	}
}

func TestMask_foreignError_keepsItsClass(t *testing.T) {
	for _, c := range []struct {
		err    error
		code   errs.Code
		reason string
	}{
		{context.Canceled, errs.Canceled, ReasonCancelled},
		{errs.Internal(context.DeadlineExceeded), errs.DeadlineExceeded, ReasonDeadline},
		{fmt.Errorf("q: %w", status.Error(codes.DeadlineExceeded, "x")), errs.DeadlineExceeded, ReasonDeadline},
		{status.Error(codes.Canceled, "x"), errs.Canceled, ReasonCancelled},
		{status.Error(codes.Unimplemented, "x"), errs.Unimplemented, ReasonUnimplemented},
		{status.Error(codes.Unavailable, "x"), errs.Unavailable, ReasonPeerUnavailable},
	} {
		if got := Mask(c.err); got.Code != c.code || got.Reason != c.reason {
			t.Errorf("%v became %v", c.err, got)
		}
	}
}

func TestFromError_brokenConnection_isAmbiguous(t *testing.T) {
	for _, c := range []struct {
		err       error
		code      errs.Code
		reason    string
		ambiguous bool
	}{
		{status.Error(codes.Unavailable, "connection lost"), errs.Unavailable, "UNAVAILABLE", true},
		{status.Error(codes.DeadlineExceeded, "too late"), errs.DeadlineExceeded, "DEADLINE_EXCEEDED", true},
		{status.Error(codes.Canceled, "cancelled"), errs.Canceled, "CANCELLED", true},
		{status.Error(codes.NotFound, "no"), errs.CodeNotFound, "NOT_FOUND", false},
		{status.Error(codes.Code(77), "odd"), errs.Code(77), "UNKNOWN", false},
		{context.DeadlineExceeded, errs.DeadlineExceeded, "DEADLINE_EXCEEDED", true},
		{context.Canceled, errs.Canceled, "CANCELLED", true},
		{errors.New("bug"), errs.CodeInternal, errs.ReasonInternal, false},
	} {
		got := FromError(c.err)
		if got.Code != c.code || got.Reason != c.reason || got.Ambiguous != c.ambiguous {
			t.Errorf("%v became %+v", c.err, got)
		}
		if !errors.Is(got, c.err) {
			t.Errorf("%v: the cause is lost", c.err)
		}
	}
}

func TestMask_transportText_isHidden(t *testing.T) {
	for _, code := range []codes.Code{codes.Unavailable, codes.DeadlineExceeded, codes.Canceled, codes.Unknown, codes.Internal, codes.DataLoss} {
		received := status.Error(code, "dial tcp 10.0.0.7:9102: connection refused")
		// A handler that returns what it got from another service.
		relayed := ToStatus(fmt.Errorf("ask the network service: %w", FromError(received)))
		if text := fmt.Sprint(relayed.Proto()); strings.Contains(text, "10.0.0.7") {
			t.Errorf("%s leaks: %s", code, text)
		}
		if !strings.Contains(FromError(received).Error(), "10.0.0.7") {
			t.Errorf("%s: the log does not learn the cause", code)
		}
	}
}

func TestFromError_nil_isNil(t *testing.T) {
	if ToStatus(nil) != nil || FromError(nil) != nil || RequestID(nil) != "" || RequestID(errors.New("x")) != "" {
		t.Error("nil became something")
	}
}

func TestDetailsAreBounded(t *testing.T) {
	fields := make([]errs.Violation, 500)
	for i := range fields {
		fields[i] = errs.Field(fmt.Sprintf("labels[%d]", i), "%s", strings.Repeat("é", 4096))
	}
	e := errs.Invalid(fields...)
	e.Message = strings.Repeat("m", 1<<16) + "\xff"
	st := ToStatus(e)
	if size := proto.Size(st.Proto()); size > 64<<10 {
		t.Errorf("a status of %d bytes", size)
	}
	i := slices.IndexFunc(st.Details(), func(d any) bool { _, is := d.(*errdetails.BadRequest); return is })
	if i < 0 {
		t.Fatal("no BadRequest")
	}
	violations := st.Details()[i].(*errdetails.BadRequest).GetFieldViolations()
	if last := violations[len(violations)-1]; len(violations) != maxViolations+1 || !strings.Contains(last.GetDescription(), "468 more") {
		t.Errorf("%d violations, the last %v", len(violations), last)
	}
}

func TestStatus_details_haveTheRequestId(t *testing.T) {
	err := Status(errs.Stale("tenants/acme"), "req-1").Err()
	if RequestID(err) != "req-1" {
		t.Errorf("got %q", RequestID(err))
	}
}
