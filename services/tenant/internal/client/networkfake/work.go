package networkfake

import (
	"context"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"

	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/ids"
	"github.com/low-layer/platform/libs/resourcename"
)

// change is one accepted order.
type change struct {
	method, tenant, requestID string
	req                       proto.Message
	resource, uid             string
	// begin is done when the call is accepted, finish when its operation ends.
	begin, finish func()
}

// accept runs a mutating call: faults, replay, the order's own check, the work.
func (f *Fake) accept(c change, check func() error) (*longrunningpb.Operation, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[c.method]++
	fault := f.strike(c.method)
	if fault != nil && !fault.Executed {
		return nil, fault.Err
	}
	op, err := f.replayed(c)
	if op == nil && err == nil {
		if err = check(); err == nil {
			op = f.begun(c)
		}
	}
	if fault != nil {
		return nil, fault.Err
	}
	if err != nil {
		return nil, err
	}
	return f.view(op)
}

func (f *Fake) strike(method string) *Fault {
	for _, fault := range f.faults {
		if fault.Method == method && fault.Count > 0 {
			fault.Count--
			return fault
		}
	}
	return nil
}

func (f *Fake) replayed(c change) (*work, error) {
	if c.requestID == "" {
		return nil, nil
	}
	first, ok := f.seen[c.tenant+c.method+c.requestID]
	if !ok {
		return nil, nil
	}
	if first.digest != digest(c.req) {
		return nil, errs.New(errs.AlreadyExists, errs.ReasonRequestIDReused, "request_id %q was used for another request", c.requestID)
	}
	return f.operations[first.op], nil
}

func digest(m proto.Message) string {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func (f *Fake) begun(c change) *work {
	op := &longrunningpb.Operation{
		Name: resourcename.Operation{Tenant: c.tenant, Operation: ids.New("op_network")}.String(),
	}
	w := &work{op: op, method: c.method, finish: c.finish, meta: &operationv1.OperationMetadata{
		Resource: c.resource, ResourceUid: c.uid, Service: "network", StepCount: 2,
	}}
	f.operations[op.GetName()] = w
	f.seen[c.tenant+c.method+c.requestID] = seen{digest: digest(c.req), op: op.GetName()}
	if c.begin != nil {
		c.begin()
	}
	return w
}

// advance ends work that nothing holds.
func (f *Fake) advance(w *work) error {
	w.meta.Blockage = nil
	if w.op.GetDone() {
		return nil
	}
	if f.held[w.method] {
		w.meta.Blockage = f.blockage
		return nil
	}
	if w.finish != nil {
		w.finish()
	}
	w.meta.StepsDone, w.op.Done = w.meta.GetStepCount(), true
	response, err := anypb.New(&emptypb.Empty{})
	if err != nil {
		return err
	}
	w.op.Result = &longrunningpb.Operation_Response{Response: response}
	return nil
}

func (f *Fake) view(w *work) (*longrunningpb.Operation, error) {
	meta, err := anypb.New(w.meta)
	if err != nil {
		return nil, err
	}
	out := proto.CloneOf(w.op)
	out.Metadata = meta
	return out, nil
}

// WaitOperation ends the operation, unless it is held.
func (f *Fake) WaitOperation(_ context.Context, req *longrunningpb.WaitOperationRequest) (*longrunningpb.Operation, error) {
	return f.look("WaitOperation", req.GetName())
}

// GetOperation is WaitOperation: the fake has no time of its own.
func (f *Fake) GetOperation(_ context.Context, req *longrunningpb.GetOperationRequest) (*longrunningpb.Operation, error) {
	return f.look("GetOperation", req.GetName())
}

func (f *Fake) look(method, name string) (*longrunningpb.Operation, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[method]++
	if fault := f.strike(method); fault != nil {
		return nil, fault.Err
	}
	w := f.operations[name]
	if w == nil {
		return nil, errs.NotFound("operation", name)
	}
	if err := f.advance(w); err != nil {
		return nil, err
	}
	return f.view(w)
}
