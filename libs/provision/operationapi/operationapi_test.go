package operationapi_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"

	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/pg/pgtest"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/provision/internal/cloudfake"
	"github.com/low-layer/platform/libs/provision/operationapi"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	_ operationv1.OperationServiceServer = (*operationapi.Server)(nil)
	_ longrunningpb.OperationsServer     = (*operationapi.Server)(nil)
)

// world is an engine whose gates wait until they are let.
type world struct {
	engine *provision.Engine
	server *operationapi.Server
	create func(uid string) *provision.Operation
	let    func()
}

func newWorld(t *testing.T) world {
	t.Helper()
	pool, cloud := pgtest.Database(t, cloudfake.Migrations()...), cloudfake.New()
	let := make(chan struct{})
	cloud.Fault(func(ctx context.Context, call, typ, _ string) error {
		if call == "create" && typ == "gate" {
			select {
			case <-let:
			case <-ctx.Done():
			}
		}
		return nil
	})
	e, err := provision.New(provision.Config{
		Service: "garden", Pool: pool, Kinds: []provision.AnyKind{(&cloudfake.Garden{Cloud: cloud}).Kind()}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatalf("build engine: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	opened := false
	w := world{engine: e, server: operationapi.New(e, nil), let: func() {
		if !opened {
			opened = true
			close(let)
		}
	}}
	t.Cleanup(func() {
		w.let()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("engine: %v", err)
		}
	})
	w.create = func(uid string) (op *provision.Operation) {
		t.Helper()
		err := pg.InTx(t.Context(), pool, func(ctx context.Context, tx pgx.Tx) (err error) {
			op, err = cloudfake.Create(ctx, tx, e, uid, cloudfake.Spec{Size: 1})
			return err
		})
		if err != nil {
			t.Fatalf("create: %v", err)
		}
		return op
	}
	return w
}

func metadata(t *testing.T, op *longrunningpb.Operation) *operationv1.OperationMetadata {
	t.Helper()
	var m operationv1.OperationMetadata
	if err := op.GetMetadata().UnmarshalTo(&m); err != nil {
		t.Fatalf("metadata: %v", err)
	}
	return &m
}

func TestFollow(t *testing.T) {
	w := newWorld(t)
	uid := cloudfake.NewUID()
	op := w.create(uid)
	got, err := w.server.WaitOperation(t.Context(), &longrunningpb.WaitOperationRequest{Name: op.Name, Timeout: durationpb.New(20 * time.Millisecond)})
	if err != nil || got.GetDone() || got.GetName() != op.Name {
		t.Fatalf("while it runs: %v, %v", got, err)
	}
	if m := metadata(t, got); m.GetResource() != cloudfake.Name(uid) || m.GetResourceUid() != uid || m.GetVerb() != "create" || m.GetService() != "garden" {
		t.Errorf("metadata: %v", m)
	}
	w.let()
	got, err = w.server.WaitOperation(t.Context(), &longrunningpb.WaitOperationRequest{Name: op.Name})
	if err != nil || !got.GetDone() || got.GetResponse().GetTypeUrl() != "type.googleapis.com/google.protobuf.Int64Value" {
		t.Fatalf("at the end: %v, %v", got, err)
	}
	m := metadata(t, got)
	if m.GetProgressPercent() != 100 || m.GetStepsDone() != 6 || m.GetStepCount() != 6 || m.GetEndTime() == nil {
		t.Errorf("metadata: %v", m)
	}
	for _, s := range m.GetSteps() {
		if s.GetState() != operationv1.Step_DONE {
			t.Errorf("step %v", s)
		}
	}
}

// The answer comes home before the caller's deadline.
func TestWaitWithinDeadline(t *testing.T) {
	w := newWorld(t)
	op := w.create(cloudfake.NewUID())
	ctx, cancel := context.WithTimeout(t.Context(), 250*time.Millisecond)
	defer cancel()
	if got, err := w.server.WaitOperation(ctx, &longrunningpb.WaitOperationRequest{Name: op.Name}); err != nil || got.GetDone() {
		t.Errorf("got %v, %v", got, err)
	}
	_, err := w.server.WaitOperation(t.Context(), &longrunningpb.WaitOperationRequest{Name: op.Name, Timeout: durationpb.New(-time.Second)})
	if errs.ReasonOf(err) != errs.ReasonInvalidFields {
		t.Errorf("negative timeout: %v", err)
	}
}

func TestCancel(t *testing.T) {
	w := newWorld(t)
	op := w.create(cloudfake.NewUID())
	if _, err := w.server.CancelOperation(t.Context(), &longrunningpb.CancelOperationRequest{Name: op.Name}); err != nil {
		t.Fatalf("cancel: %v", err)
	}
	w.let()
	got, err := w.server.WaitOperation(t.Context(), &longrunningpb.WaitOperationRequest{Name: op.Name})
	if err != nil || codes.Code(got.GetError().GetCode()) != codes.Canceled { //nolint:gosec // a code is small
		t.Errorf("got %v, %v", got, err)
	}
	if !metadata(t, got).GetCancelRequested() {
		t.Error("the wish to cancel does not show")
	}
	_, err = w.server.CancelOperation(t.Context(), &longrunningpb.CancelOperationRequest{Name: op.Name})
	if errs.ReasonOf(err) != "OPERATION_DONE" {
		t.Errorf("cancel again: %v", err)
	}
}

func TestList(t *testing.T) {
	w := newWorld(t)
	w.let()
	var names []string
	for range 5 {
		op := w.create(cloudfake.NewUID())
		if _, err := w.server.WaitOperation(t.Context(), &longrunningpb.WaitOperationRequest{Name: op.Name}); err != nil {
			t.Fatalf("wait: %v", err)
		}
		names = append([]string{op.Name}, names...)
	}
	var got []string
	req := &longrunningpb.ListOperationsRequest{Name: "tenants/acme", PageSize: 2}
	for {
		resp, err := w.server.ListOperations(t.Context(), req)
		if err != nil {
			t.Fatalf("list: %v", err)
		}
		for _, op := range resp.GetOperations() {
			got = append(got, op.GetName())
		}
		if req.PageToken = resp.GetNextPageToken(); req.PageToken == "" {
			break
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(names) {
		t.Errorf("listed %v, want %v", got, names)
	}
	for filter, want := range map[string]int{
		`done`: 5, `done = false`: 0, `NOT done`: 0, `metadata.verb = "create"`: 5, `metadata.verb = "delete" OR done`: 5,
		`metadata.resource = "tenants/acme/gardens/x"`: 0, `metadata.request_id = ""`: 5, `metadata.request_id = "other"`: 0, `metadata.create_time > "2001-01-01T00:00:00Z" AND done`: 5,
	} {
		resp, err := w.server.ListOperations(t.Context(), &longrunningpb.ListOperationsRequest{Name: "tenants/acme", Filter: filter})
		if err != nil || len(resp.GetOperations()) != want {
			t.Errorf("%s: %d operations (%v), want %d", filter, len(resp.GetOperations()), err, want)
		}
	}
	if resp, err := w.server.ListOperations(t.Context(), &longrunningpb.ListOperationsRequest{Name: "tenants/other"}); err != nil || len(resp.GetOperations()) != 0 {
		t.Errorf("another tenant's: %v, %v", resp, err)
	}
	for name, req := range map[string]*longrunningpb.ListOperationsRequest{
		"name":   {Name: "organisations/x"},
		"filter": {Name: "tenants/acme", Filter: "colour = red"},
		"token":  {Name: "tenants/acme", PageToken: "bm9uZQ"},
	} {
		if _, err := w.server.ListOperations(t.Context(), req); errs.CodeOf(err) != errs.InvalidArgument {
			t.Errorf("bad %s: %v", name, err)
		}
	}
}

// The list of a tenant that neither is nor ever was says so; one that is gone keeps its past.
func TestList_missingTenant_isNotFound(t *testing.T) {
	w := newWorld(t)
	w.let()
	w.create(cloudfake.NewUID())
	tenants := map[string]bool{"tenants/here": true}
	server := operationapi.New(w.engine, func(_ context.Context, tenant resourcename.Tenant) error {
		if tenants[tenant.String()] {
			return nil
		}
		return errs.NotFound("tenant", tenant.String())
	})
	for name, want := range map[string]string{"tenants/here": "", "tenants/acme": "", "tenants/nobody": "TENANT_NOT_FOUND"} {
		for _, filter := range []string{"", "done AND NOT done"} {
			_, err := server.ListOperations(t.Context(), &longrunningpb.ListOperationsRequest{Name: name, Filter: filter})
			if errs.ReasonOf(err) != want {
				t.Errorf("%s %q: %v, want %q", name, filter, err, want)
			}
		}
	}
}

func TestNotFound(t *testing.T) {
	w := newWorld(t)
	op := w.create(cloudfake.NewUID())
	for _, name := range []string{"tenants/other/operations/" + op.ID, "tenants/acme/operations/op_network_06dq0000000000000000000000"} {
		_, get := w.server.GetOperation(t.Context(), &longrunningpb.GetOperationRequest{Name: name})
		_, wait := w.server.WaitOperation(t.Context(), &longrunningpb.WaitOperationRequest{Name: name})
		_, cancel := w.server.CancelOperation(t.Context(), &longrunningpb.CancelOperationRequest{Name: name})
		for call, err := range map[string]error{"get": get, "wait": wait, "cancel": cancel} {
			if errs.ReasonOf(err) != "OPERATION_NOT_FOUND" {
				t.Errorf("%s %s: %v", call, name, err)
			}
		}
	}
	for _, name := range []string{"", "operations/x", "tenants/acme/operations/", op.Name + "/x"} {
		_, get := w.server.GetOperation(t.Context(), &longrunningpb.GetOperationRequest{Name: name})
		_, wait := w.server.WaitOperation(t.Context(), &longrunningpb.WaitOperationRequest{Name: name})
		_, cancel := w.server.CancelOperation(t.Context(), &longrunningpb.CancelOperationRequest{Name: name})
		if err := errors.Join(get, wait, cancel); get == nil || wait == nil || cancel == nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestToProtoBlocked(t *testing.T) {
	got, err := operationapi.ToProto(&provision.Operation{
		Name: "tenants/acme/operations/op_x_1", State: provision.OperationRunning,
		Blockage: &provision.Blockage{Owner: provision.OwnerProvider, Reason: "CLOUD_QUOTA_EXCEEDED", Step: "gate"},
		Steps:    []provision.StepStatus{{Name: "gate", State: provision.StepRetrying, Attempts: 3}},
	})
	if err != nil {
		t.Fatalf("convert: %v", err)
	}
	m := metadata(t, got)
	if m.GetBlockage().GetOwner() != typev1.Blockage_PROVIDER || m.GetSteps()[0].GetState() != operationv1.Step_RETRYING || m.GetEndTime() != nil {
		t.Errorf("metadata: %v", m)
	}
}
