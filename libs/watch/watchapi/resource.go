package watchapi

import (
	"context"

	"google.golang.org/protobuf/proto"
)

// Page is how many resources List reads at once when a stream begins.
const Page = 200

// Resource describes a watched type of resources by the functions a service has for it: names N and resources T.
type Resource[N, T any] struct {
	Type, Permission string
	Parse            func(name string) (N, error)
	Get              func(ctx context.Context, name N) (T, error)
	List             func(ctx context.Context, tenant, token string) (all []T, next string, err error)
	Name             func(T) string
	Message          func(T) proto.Message
}

// Kind is the resource as the server watches it.
func (r Resource[N, T]) Kind() Kind {
	return Kind{
		Type: r.Type, Permission: r.Permission,
		Get: func(ctx context.Context, name string) (proto.Message, error) {
			parsed, err := r.Parse(name)
			if err != nil {
				return nil, err
			}
			found, err := r.Get(ctx, parsed)
			if err != nil {
				return nil, err
			}
			return r.Message(found), nil
		},
		List: func(ctx context.Context, tenant, token string) ([]Item, string, error) {
			all, next, err := r.List(ctx, tenant, token)
			if err != nil {
				return nil, "", err
			}
			items := make([]Item, len(all))
			for i, v := range all {
				items[i] = Item{Name: r.Name(v), Message: r.Message(v)}
			}
			return items, next, nil
		},
	}
}
