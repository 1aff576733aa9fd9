package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	watchv1 "github.com/low-layer/platform/gen/go/lowlayer/watch/v1"
)

type watchStream = watchv1.WatchService_WatchTenantServer

// WatchTenant plays the next of the streams.
func (f *fakePlatform) WatchTenant(r *watchv1.WatchTenantRequest, to watchStream) error {
	f.mu.Lock()
	f.requests = append(f.requests, r)
	if len(f.streams) == 0 {
		f.mu.Unlock()
		return status.Error(codes.Internal, "there is no stream left")
	}
	play := f.streams[0]
	f.streams = f.streams[1:]
	f.mu.Unlock()
	return play(r, to)
}

// plays is a stream of messages with an end.
func plays(end error, messages ...*watchv1.WatchTenantResponse) func(*watchv1.WatchTenantRequest, watchStream) error {
	return func(_ *watchv1.WatchTenantRequest, to watchStream) error {
		for _, m := range messages {
			if err := to.Send(m); err != nil {
				return err
			}
		}
		return end
	}
}

func told(t *testing.T, token, kind, name string, resource proto.Message) *watchv1.WatchTenantResponse {
	t.Helper()
	m := &watchv1.WatchTenantResponse{
		Kind: watchv1.WatchTenantResponse_Kind(watchv1.WatchTenantResponse_Kind_value[kind]), Type: "vpc", Name: name, ResumeToken: token,
	}
	if resource != nil {
		packed, err := anypb.New(resource)
		if err != nil {
			t.Fatal(err)
		}
		m.Resource = packed
	}
	return m
}

func reasoned(t *testing.T, code codes.Code, reason string) error {
	t.Helper()
	s, err := status.New(code, "so it is").WithDetails(&errdetails.ErrorInfo{Reason: reason, Domain: "lowlayer.cloud"})
	if err != nil {
		t.Fatal(err)
	}
	return s.Err()
}

// watch runs the command until the last stream has been played, and then presses Ctrl-C.
func watch(t *testing.T, f *fakePlatform, address string, args ...string) (code int, out, notes string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f.streams = append(f.streams, func(_ *watchv1.WatchTenantRequest, to watchStream) error {
		if err := to.Send(&watchv1.WatchTenantResponse{Kind: watchv1.WatchTenantResponse_BOOKMARK}); err != nil {
			return err
		}
		cancel()
		<-to.Context().Done()
		return to.Context().Err()
	})
	var o, e bytes.Buffer
	code = Run(ctx, append([]string{"watch", "--address", address}, args...), Streams{In: strings.NewReader(""), Out: &o, Err: &e})
	return code, o.String(), e.String()
}

func TestWatch_brokenStream_resumes(t *testing.T) {
	f, address := newFake(t)
	metadata, err := anypb.New(&operationv1.OperationMetadata{Verb: "create", ProgressPercent: 40, StepsDone: 2, StepCount: 5})
	if err != nil {
		t.Fatal(err)
	}
	f.streams = append(
		f.streams,
		plays(
			status.Error(codes.Unavailable, "gone"),
			told(t, "", "BOOKMARK", "", nil),
			told(t, "", "SNAPSHOT", "tenants/acme/organisations/core/vpcs/dev", &networkv1.Vpc{State: typev1.State_ACTIVE}),
			told(t, "one", "BOOKMARK", "", nil),
			told(t, "two", "CHANGED", "tenants/acme/operations/op_1", &longrunningpb.Operation{Metadata: metadata})),
		plays(reasoned(t, codes.Unauthenticated, "TOKEN_EXPIRED"), told(t, "two", "BOOKMARK", "", nil)),
		plays(nil, told(t, "three", "DELETED", "tenants/acme/organisations/core/vpcs/dev", nil)),
		plays(reasoned(t, codes.OutOfRange, "WATCH_EXPIRED")),
		plays(status.Error(codes.Unavailable, "gone"), told(t, "four", "ADDED", "tenants/acme/organisations/core/vpcs/new", &networkv1.Vpc{State: typev1.State_CREATING})),
	)
	code, out, notes := watch(t, f, address, "acme", "--since", "zero", "--within", "acme/core", "--type", "vpc,operation")
	if code != exitOK {
		t.Errorf("exit code %d: %s", code, notes)
	}
	var lines []string
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		lines = append(lines, strings.Join(fields[1:], " "))
	}
	want := []string{
		"CHANGE TYPE STATE NAME",
		"SNAPSHOT vpc ACTIVE tenants/acme/organisations/core/vpcs/dev",
		"CHANGED vpc create 40% (2/5) tenants/acme/operations/op_1",
		"DELETED vpc - tenants/acme/organisations/core/vpcs/dev",
		"ADDED vpc CREATING tenants/acme/organisations/core/vpcs/new",
	}
	if strings.Join(lines, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s", out)
	}
	var since []string
	for _, m := range f.requests {
		if r, ok := m.(*watchv1.WatchTenantRequest); ok {
			since = append(since, r.GetResumeToken())
			if r.GetName() != "tenants/acme" || r.GetWithin() != "tenants/acme/organisations/core" || len(r.GetTypes()) != 2 {
				t.Errorf("asked for %v", r)
			}
		}
	}
	if got := strings.Join(since, " "); got != "zero two two three  four" {
		t.Errorf("the streams began at %q", got)
	}
	if !strings.Contains(notes, "not kept any more") || !strings.Contains(notes, "lowlayer watch acme --since four") {
		t.Errorf("notes: %s", notes)
	}
}

func TestWatch_permanentError_ends(t *testing.T) {
	for reason, c := range map[string]struct {
		err  error
		code int
	}{
		"refused":         {reasoned(t, codes.NotFound, "TENANT_NOT_FOUND"), exitNotFound},
		"never reached":   {status.Error(codes.Unavailable, "gone"), exitUnavailable},
		"a token that is": {reasoned(t, codes.InvalidArgument, "INVALID_FIELDS"), exitInvalid},
	} {
		f, address := newFake(t)
		f.streams = append(f.streams, plays(c.err))
		if code, _, notes := watch(t, f, address, "acme", "--since", "garbage"); code != c.code || strings.Contains(notes, "To go on") {
			t.Errorf("%s: exit code %d: %s", reason, code, notes)
		}
	}
}

// A table leaves out a line that repeats the one above; a program gets each change.
func TestWatch_sameLine_isPrintedOnce(t *testing.T) {
	for form, want := range map[string]int{"table": 4, "name": 5, "json": 5} { // the table has heads
		f, address := newFake(t)
		dev, prod := "tenants/acme/organisations/core/vpcs/dev", "tenants/acme/organisations/core/vpcs/prod"
		going := &networkv1.Vpc{State: typev1.State_CREATING}
		f.streams = append(f.streams, plays(
			nil, told(t, "one", "CHANGED", dev, going), told(t, "two", "CHANGED", dev, going), told(t, "three", "CHANGED", prod, going),
			told(t, "four", "CHANGED", prod, going), told(t, "five", "CHANGED", dev, going)))
		code, out, notes := watch(t, f, address, "acme", "-o", form)
		if code != exitOK || strings.Count(out, "\n") != want || !strings.Contains(notes, "--since five") {
			t.Errorf("%s: exit code %d\n%s%s", form, code, out, notes)
		}
	}
}

func TestWatch_json_isAnObjectALine(t *testing.T) {
	f, address := newFake(t)
	f.tenants["tenants/acme"] = &tenantv1.Tenant{Name: "tenants/acme"}
	f.streams = append(f.streams, plays(nil, told(t, "one", "ADDED", "tenants/acme/organisations/core/vpcs/dev", &networkv1.Vpc{Name: "dev"}), told(t, "two", "DELETED", "b", nil)))
	code, out, notes := watch(t, f, address, "-o", "json", "-q") // the only tenant there is
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if code != exitOK || len(lines) != 2 || notes != "" {
		t.Fatalf("exit code %d\n%s\n%s", code, out, notes)
	}
	var m struct {
		Kind, ResumeToken string
		Resource          struct{ Name string }
	}
	if err := json.Unmarshal([]byte(lines[0]), &m); err != nil || m.Kind != "ADDED" || m.ResumeToken != "one" || m.Resource.Name != "dev" {
		t.Errorf("%s: %v", lines[0], err)
	}
	if code, _, notes := watch(t, f, address, "a/b"); code != exitUsage {
		t.Errorf("a name that is no tenant's: exit code %d: %s", code, notes)
	}
	f.tenants["tenants/other"] = &tenantv1.Tenant{Name: "tenants/other"}
	if code, _, notes := watch(t, f, address); code != exitUsage || !strings.Contains(notes, "name the tenant") {
		t.Errorf("two tenants: exit code %d: %s", code, notes)
	}
}

// A stream within what is not there is silent, which looks like one in which nothing happens.
func TestWatch_withinAbsentPlace_warns(t *testing.T) {
	for within, there := range map[string]bool{"acme/core": true, "acme/nope": false, "acme/core/dev": true, "acme/core/nope": false} {
		f, address := newFake(t)
		f.organisations["tenants/acme/organisations/core"] = &tenantv1.Organisation{}
		f.vpcs["tenants/acme/organisations/core/vpcs/dev"] = &networkv1.Vpc{}
		code, out, notes := watch(t, f, address, "acme", "--within", within)
		name, err := withinName(within)
		if err != nil {
			t.Fatal(err)
		}
		if code != exitOK || out != "" || strings.Contains(notes, "There is no "+name+",") == there {
			t.Errorf("%s: %d %q %q", within, code, out, notes)
		}
	}
}
