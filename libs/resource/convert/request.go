package convert

import (
	"context"
	"crypto/sha256"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/low-layer/platform/libs/authz"
	"github.com/low-layer/platform/libs/paging"
	"github.com/low-layer/platform/libs/resource"
)

// Repeatable is a request with a request_id.
type Repeatable interface {
	proto.Message
	GetRequestId() string
}

// Identity is that of the call of the context. Its digest covers every field of the request but request_id.
func Identity(ctx context.Context, req Repeatable) (resource.Identity, error) {
	method, _ := grpc.Method(ctx)
	if v, ok := req.(interface{ GetValidateOnly() bool }); ok && v.GetValidateOnly() {
		return resource.Identity{Method: method, ValidateOnly: true}, nil
	}
	if req.GetRequestId() == "" {
		return resource.Identity{Method: method}, nil
	}
	content := proto.Clone(req)
	m := content.ProtoReflect()
	m.Clear(m.Descriptor().Fields().ByName("request_id"))
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(content)
	if err != nil {
		return resource.Identity{}, fmt.Errorf("digest request: %w", err)
	}
	digest := sha256.Sum256(raw)
	return resource.Identity{Method: method, ID: req.GetRequestId(), Digest: digest[:]}, nil
}

// Pageable is a request for a page.
type Pageable interface {
	GetPageSize() int32
	GetPageToken() string
	GetFilter() string
	GetOrderBy() string
}

// List is the page that the call of the context asks for. A request without a parent lists everything.
func List(ctx context.Context, req Pageable) resource.List {
	method, _ := grpc.Method(ctx)
	out := resource.List{
		Method: method, Size: paging.Size(req.GetPageSize()), Token: req.GetPageToken(), Filter: req.GetFilter(), Order: req.GetOrderBy(),
	}
	if r, ok := req.(interface{ GetParent() string }); ok {
		out.Parent = r.GetParent()
	}
	if r, ok := req.(interface{ GetShowDeleted() bool }); ok {
		out.All = r.GetShowDeleted()
	}
	return out
}

// Narrowed is List, limited to the resources of a level that the caller may see.
func Narrowed(ctx context.Context, req Pageable, level authz.Level) resource.List {
	out, places := List(ctx, req), authz.Narrowed(ctx)
	out.Only, out.Within = places.Limit(level), places.Above(level)
	return out
}
