package fan

import (
	"cmp"
	"context"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/grpcerr"
	"github.com/low-layer/platform/libs/paging"
	"github.com/low-layer/platform/services/gateway/internal/api/merge"
	"github.com/low-layer/platform/services/gateway/internal/client"
)

// entry is an item of a merged list.
type entry struct{ proto.Message }

// GetName returns the resource name.
func (e entry) GetName() string { return text(e.Message, "name") }

// dated is true for items that know when they were created: by `create_time`, or an operation by its metadata.
func dated(m protoreflect.MessageDescriptor) bool {
	return m.Fields().ByName("create_time") != nil || m.Fields().ByName("metadata") != nil
}

// created returns when an item was created. An item of unknown age sorts last, where it displaces no other.
func created(e entry) time.Time {
	fields := e.ProtoReflect().Descriptor().Fields()
	f := cmp.Or(fields.ByName("create_time"), fields.ByName("metadata"))
	switch v := e.ProtoReflect().Get(f).Message().Interface().(type) {
	case *timestamppb.Timestamp:
		return v.AsTime()
	case *anypb.Any:
		var md operationv1.OperationMetadata
		if v.UnmarshalTo(&md) == nil {
			return md.GetCreateTime().AsTime()
		}
	}
	return time.Time{}
}

// parent returns the tenant that a list is of.
func parent(in proto.Message) (string, error) {
	name := cmp.Or(text(in, "parent"), text(in, "name"))
	_, err := resourcename.ParseTenant(name)
	return name, err //nolint:wrapcheck // an error of the API
}

// merge returns a page of the lists of all services, newest first.
func (s *Server) merge(ctx context.Context, m *method, in proto.Message) (proto.Message, error) {
	bound, err := parent(in)
	if err != nil {
		return nil, err
	}
	uid, err := s.tenantUID(ctx, m, in)
	if err != nil {
		return nil, err
	}
	if m.desc.Input().Fields().ByName("tenant_uid") != nil {
		bound += " " + uid
	}
	partial := flag(in, "return_partial_success")
	page, err := merge.List[entry]{
		Backends: s.backends.All(), Tokens: s.tokens, Made: created,
		Binding:  paging.Binding{Method: string(m.desc.Name()), Parent: bound, Filter: text(in, "filter")},
		PageSize: size(in), PageToken: text(in, "page_token"), Partial: partial,
		Fetch: func(ctx context.Context, b client.Backend, size int32, token string) (merge.Page[entry], error) {
			request := proto.Clone(in)
			set(request, "page_size", size)
			set(request, "page_token", token)
			set(request, "return_partial_success", false)
			set(request, "tenant_uid", uid)
			out := m.output.New().Interface()
			if err := b.Conn.Invoke(ctx, m.target, request, out); err != nil {
				return merge.Page[entry]{}, err //nolint:wrapcheck // merge does
			}
			return merge.Page[entry]{Items: m.entries(out), Next: text(out, "next_page_token")}, nil
		},
	}.Page(ctx)
	if err != nil {
		return nil, err //nolint:wrapcheck // an error of the API
	}
	out := m.output.New().Interface()
	m.put(out, page.Items)
	set(out, "next_page_token", page.NextPageToken)
	set(out, "tenant_uid", uid)
	setUnreachable(out, page.Unreachable)
	return out, nil
}

// tenantUID returns the unique id of the tenant that a list is of, as the directory knows it, empty when the request has no such
// field. While the directory is away and a part will do, each service finds the tenant by itself.
func (s *Server) tenantUID(ctx context.Context, m *method, in proto.Message) (string, error) {
	b, ok := s.backends.Find(directory)
	if uid := text(in, "tenant_uid"); !ok || uid != "" || m.desc.Input().Fields().ByName("tenant_uid") == nil {
		return uid, nil
	}
	request := m.input.New().Interface()
	set(request, "parent", text(in, "parent"))
	set(request, "page_size", int32(1))
	out, err := m.invoke(ctx, b, request)
	if err != nil {
		if flag(in, "return_partial_success") && down(err) {
			return "", nil
		}
		return "", err
	}
	return text(out, "tenant_uid"), nil
}

// chain returns a page of one service, and after its last page the first of the next service, the directory first.
func (s *Server) chain(ctx context.Context, m *method, in proto.Message) (proto.Message, error) {
	name, err := parent(in)
	if err != nil {
		return nil, err
	}
	binding := paging.Binding{Method: string(m.desc.Name()), Parent: name + " " + text(in, "tenant_uid")}
	values, err := s.tokens.Decode(text(in, "page_token"), binding)
	if err != nil {
		return nil, err //nolint:wrapcheck // an error of the API
	}
	order := s.order()
	uid, service, token := text(in, "tenant_uid"), order[0].Name, ""
	for i, to := range []*string{&uid, &service, &token} {
		if i < len(values) {
			*to, _ = values[i].(string)
		}
	}
	i := slices.IndexFunc(order, func(b client.Backend) bool { return b.Name == service })
	if i < 0 {
		return nil, errs.Invalid(errs.Field("page_token", "is of a service that is not there any more; leave it out to begin anew"))
	}
	request := proto.Clone(in)
	set(request, "tenant_uid", uid)
	set(request, "page_token", token)
	out, err := m.invoke(ctx, order[i], request)
	if err != nil {
		return nil, err
	}
	uid, token = cmp.Or(uid, text(out, "tenant_uid")), text(out, "next_page_token")
	set(out, "tenant_uid", uid)
	if token == "" {
		if i+1 == len(order) {
			return out, nil
		}
		service = order[i+1].Name
	}
	if token, err = s.tokens.Encode(binding, uid, service, token); err != nil {
		return nil, errs.Internal(err)
	}
	set(out, "next_page_token", token)
	return out, nil
}

// join returns the lists of all services as one. The directory knows what exists: another service that does not know the parent
// has nothing of it yet.
func (s *Server) join(ctx context.Context, m *method, in proto.Message) (proto.Message, error) {
	var all []entry
	var unreachable []string
	for _, b := range s.order() {
		got, err := m.invoke(ctx, b, in)
		switch {
		case err == nil:
			all = append(all, m.entries(got)...)
		case grpcerr.FromError(err).Code == errs.CodeNotFound && b.Name != directory:
		case flag(in, "return_partial_success") && down(err):
			unreachable = append(unreachable, "services/"+b.Name)
		default:
			return nil, err
		}
	}
	slices.SortStableFunc(all, func(a, b entry) int {
		current := func(e entry) int {
			if flag(e.Message, "current") {
				return 0
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.GetName(), b.GetName()), cmp.Compare(current(a), current(b)))
	})
	out := m.output.New().Interface()
	m.put(out, all)
	setUnreachable(out, unreachable)
	return out, nil
}

// entries returns the items of a response.
func (m *method) entries(out proto.Message) []entry {
	list := out.ProtoReflect().Get(m.items).List()
	all := make([]entry, list.Len())
	for i := range all {
		all[i] = entry{list.Get(i).Message().Interface()}
	}
	return all
}

// put writes the items of a response.
func (m *method) put(out proto.Message, all []entry) {
	list := out.ProtoReflect().Mutable(m.items).List()
	for _, e := range all {
		list.Append(protoreflect.ValueOfMessage(e.ProtoReflect()))
	}
}

func setUnreachable(out proto.Message, services []string) {
	if f := out.ProtoReflect().Descriptor().Fields().ByName("unreachable"); f != nil {
		list := out.ProtoReflect().Mutable(f).List()
		for _, s := range services {
			list.Append(protoreflect.ValueOfString(s))
		}
	}
}

func size(in proto.Message) int32 {
	f := in.ProtoReflect().Descriptor().Fields().ByName("page_size")
	return int32(in.ProtoReflect().Get(f).Int()) //nolint:gosec // it is an int32
}

func down(err error) bool {
	code := grpcerr.FromError(err).Code
	return code == errs.Unavailable || code == errs.DeadlineExceeded
}
