package peertest

import (
	"context"
	"fmt"
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"

	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/grpcerr"
	"github.com/low-layer/platform/libs/ids"
)

// describe is a service of the protos as a gRPC server takes it.
func (f *Fake) describe(name protoreflect.FullName) (*grpc.ServiceDesc, error) {
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(name)
	if err != nil {
		return nil, err
	}
	service, ok := found.(protoreflect.ServiceDescriptor)
	if !ok {
		return nil, fmt.Errorf("%s is no service", name)
	}
	desc := &grpc.ServiceDesc{ServiceName: string(name), HandlerType: (*any)(nil)}
	for i := range service.Methods().Len() {
		m := service.Methods().Get(i)
		if m.IsStreamingClient() || m.IsStreamingServer() {
			continue
		}
		desc.Methods = append(desc.Methods, grpc.MethodDesc{
			MethodName: string(m.Name()),
			Handler: func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
				req, err := message(m.Input())
				if err == nil {
					err = decode(req)
				}
				if err != nil {
					return nil, err
				}
				resp, err := f.serve(ctx, m, req)
				if err != nil {
					return nil, grpcerr.ToStatus(err).Err()
				}
				return resp, nil
			},
		})
	}
	return desc, nil
}

func message(d protoreflect.MessageDescriptor) (proto.Message, error) {
	t, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName())
	if err != nil {
		return nil, err
	}
	return t.New().Interface(), nil
}

// perform does what the name and the types of a method say.
func (f *Fake) perform(m protoreflect.MethodDescriptor, req proto.Message) (proto.Message, error) {
	method := string(m.Name())
	if q, ok := req.(interface{ GetName() string }); ok && (method == "WaitOperation" || method == "GetOperation") {
		return f.look(q.GetName())
	}
	rule := f.rules[method]
	if m.Output().FullName() == (&longrunningpb.Operation{}).ProtoReflect().Descriptor().FullName() {
		return f.accept(method, rule, req)
	}
	f.settle()
	if rule.Check != nil {
		if err := rule.Check(&f.state, req); err != nil {
			return nil, err
		}
	}
	switch {
	case rule.Respond != nil:
		return rule.Respond(&f.state, req)
	case strings.HasPrefix(method, "Get"):
		return f.get(strings.TrimPrefix(method, "Get"), text(req.ProtoReflect(), "name"))
	case strings.HasPrefix(method, "List"):
		return f.list(m.Output(), req.ProtoReflect())
	default:
		return message(m.Output())
	}
}

func (f *Fake) get(kind, name string) (proto.Message, error) {
	if r := f.state[name]; r != nil && r.Kind == kind {
		return proto.Clone(r.Message), nil
	}
	return nil, errs.NotFound(strings.ToLower(kind), name)
}

// list fills the repeated field of the response. It knows the filter `field = true`.
func (f *Fake) list(output protoreflect.MessageDescriptor, req protoreflect.Message) (proto.Message, error) {
	out, err := message(output)
	if err != nil {
		return nil, err
	}
	filter, _, filtered := strings.Cut(text(req, "filter"), " = true")
	fields := output.Fields()
	for i := range fields.Len() {
		items := fields.Get(i)
		if !items.IsList() || items.Message() == nil {
			continue
		}
		to := out.ProtoReflect().Mutable(items).List()
		for _, name := range f.state.Names(string(items.Message().Name()), strings.TrimSuffix(text(req, "parent"), "/-")) {
			m := proto.Clone(f.state[name].Message).ProtoReflect()
			if !filtered || m.Get(field(m, protoreflect.Name(filter))).Bool() {
				to.Append(protoreflect.ValueOfMessage(m))
			}
		}
	}
	return out, nil
}

type seen struct{ content, operation string }

// work is an operation; finish runs at its end.
type work struct {
	op     *longrunningpb.Operation
	meta   *operationv1.OperationMetadata
	method string
	finish func()
}

// accept takes an order, or returns the operation of an earlier one with its request id.
func (f *Fake) accept(method string, rule Rule, req proto.Message) (proto.Message, error) {
	m := req.ProtoReflect()
	verb, kind := split(method)
	name := resourceOf(kind, rule, m)
	tenant, _, _ := strings.Cut(strings.TrimPrefix(name, "tenants/"), "/")
	content, err := proto.MarshalOptions{Deterministic: true}.Marshal(req)
	if err != nil {
		return nil, err
	}
	id := text(m, "request_id")
	key := tenant + "/" + method + "/" + id
	if first, again := f.seen[key]; again && id != "" {
		if first.content != string(content) {
			return nil, errs.New(errs.AlreadyExists, errs.ReasonRequestIDReused, "request_id %q was used for another request", id)
		}
		return f.view(f.operations[first.operation])
	}
	if err := f.check(verb, kind, name, rule, req); err != nil {
		return nil, err
	}
	if v := field(m, "validate_only"); v != nil && m.Get(v).Bool() {
		return f.view(f.plan(verb, kind, name, tenant))
	}
	w := f.begin(verb, kind, name, rule, m)
	w.method = method
	w.op = &longrunningpb.Operation{Name: resourcename.Operation{Tenant: tenant, Operation: ids.New("op_" + f.name)}.String()}
	f.operations[w.op.GetName()] = w
	f.seen[key] = seen{string(content), w.op.GetName()}
	f.ordered[method] = append(f.ordered[method], name)
	return f.view(w)
}

func (f *Fake) check(verb, kind, name string, rule Rule, req proto.Message) error {
	r := f.state[name]
	switch {
	case verb == "Create" && r != nil:
		return errs.Exists(strings.ToLower(kind), name)
	case verb == "Delete" && (r == nil || r.Kind != kind):
		return errs.NotFound(strings.ToLower(kind), name)
	case verb == "Delete":
		m := r.Message.ProtoReflect()
		if p := field(m, "deletion_protection"); p != nil && m.Get(p).Bool() {
			return errs.Protected(name)
		}
	}
	if rule.Check == nil {
		return nil
	}
	return rule.Check(&f.state, req)
}

// plan is the operation of a call with validate_only: one object, as the verb says.
func (f *Fake) plan(verb, kind, name, tenant string) *work {
	action := operationv1.PlannedObject_UPDATE
	switch verb {
	case "Create", "Ensure":
		action = operationv1.PlannedObject_CREATE
	case "Delete":
		action = operationv1.PlannedObject_DELETE
	}
	return &work{
		op: &longrunningpb.Operation{Name: resourcename.Operation{Tenant: tenant, Operation: "plan"}.String(), Done: true},
		meta: &operationv1.OperationMetadata{Resource: name, Service: f.name, Plan: &operationv1.Plan{Objects: []*operationv1.PlannedObject{{
			Action: action, Type: f.name + "." + strings.ToLower(kind), Resource: name, Service: f.name,
		}}}},
	}
}

func (f *Fake) begin(verb, kind, name string, rule Rule, req protoreflect.Message) *work {
	w := &work{meta: &operationv1.OperationMetadata{Resource: name, Service: f.name, StepCount: 2}}
	switch verb {
	case "Delete":
		w.finish = func() { delete(f.state, name) }
	case "Create", "Ensure":
		uid := ids.New(strings.ToLower(kind))
		if rule.UID != nil {
			uid = rule.UID(req)
		}
		w.meta.ResourceUid = uid
		made := &Resource{Kind: kind, Message: proto.Clone(req.Interface())}
		if body := field(req, protoreflect.Name(strings.ToLower(kind))); body != nil && body.Message() != nil {
			made.Message = proto.Clone(req.Get(body).Message().Interface())
		}
		setText(made.Message.ProtoReflect(), "name", name)
		setText(made.Message.ProtoReflect(), "uid", uid)
		f.state[name] = made
		f.state.mark(name, typev1.State_CREATING, nil)
		w.finish = func() {
			if f.state[name] == made {
				f.state.mark(name, typev1.State_ACTIVE, nil)
			}
		}
	}
	return w
}

// split cuts the verb off a method.
func split(method string) (verb, kind string) {
	i := strings.IndexFunc(method[1:], func(r rune) bool { return r >= 'A' && r <= 'Z' }) + 1
	return method[:i], method[i:]
}

func resourceOf(kind string, rule Rule, req protoreflect.Message) string {
	if rule.Name != nil {
		return rule.Name(req)
	}
	if name := text(req, "name"); name != "" {
		return name
	}
	singular := strings.ToLower(kind)
	return text(req, "parent") + "/" + singular + "s/" + text(req, protoreflect.Name(singular+"_id"))
}

// settle ends every operation that nothing holds: those of a real service end without a look at them.
func (f *Fake) settle() {
	for _, w := range f.operations {
		f.advance(w)
	}
}

func (f *Fake) advance(w *work) {
	w.meta.Blockage = nil
	switch {
	case w.op.GetDone():
	case f.held[w.method]:
		w.meta.Blockage = f.blockage
	default:
		if w.finish != nil {
			w.finish()
		}
		w.meta.StepsDone, w.op.Done = w.meta.GetStepCount(), true
	}
}

func (f *Fake) look(name string) (proto.Message, error) {
	w := f.operations[name]
	if w == nil {
		return nil, errs.NotFound("operation", name)
	}
	f.advance(w)
	return f.view(w)
}

func (f *Fake) view(w *work) (proto.Message, error) {
	out := proto.CloneOf(w.op)
	var err error
	if out.Metadata, err = anypb.New(w.meta); err != nil {
		return nil, err
	}
	if out.GetDone() && out.GetError() == nil {
		response, err := anypb.New(&emptypb.Empty{})
		if err != nil {
			return nil, err
		}
		out.Result = &longrunningpb.Operation_Response{Response: response}
	}
	return out, nil
}
