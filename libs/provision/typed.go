package provision

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/low-layer/platform/libs/usage"
)

// Kind is one kind of resource, whose spec is a T: how the spec is read, which steps fulfil it, which objects they make.
type Kind[T any] struct {
	Name string
	// Objects are the types of objects it may own. Removal goes by them, whether or not a plan still has their steps.
	Objects []Object
	// Load reads the spec of a resource.
	Load func(ctx context.Context, q Querier, uid string) (T, error)
	// Plan returns the steps that fulfil the spec; it is pure. During a deletion its steps only look for what they made.
	Plan func(r Resource, spec T) ([]Step, error)
	// Past returns a step that an earlier plan had, to look for what it may have made. Nil when every plan has every step
	// that makes an object.
	Past func(r Resource, spec T, step string) (Step, bool)
	// Quota is what a preview shows of limits. May be nil.
	Quota func(r Resource, spec T, p Preview) []QuotaEffect
	// Usage returns what the resource is billed for while it is as wanted. The engine writes the spans, in the transactions that end
	// its operations and accept its deletion. Nil for a kind that is free.
	Usage func(spec T) []usage.Item
	// Brings returns the usage of resources of other services that come or go with the change, for a preview. May be nil.
	Brings func(r Resource, spec T, p Preview) []usage.Effect
	// Inventory lists what the cloud holds under the resource's uid, by the cloud's own lists and not by the ledger. It is
	// the last look of a deletion, which goes on until nothing is left. Nil when there is nothing to list by.
	Inventory func(ctx context.Context, run *Run) ([]External, error)
	// Settled is the service's own part of a transition, in its transaction; its outbox event belongs here. May be nil.
	Settled func(ctx context.Context, tx pgx.Tx, s Settlement) error
	// Response is the response of an operation at its end. Nil, and every deletion, stand for google.protobuf.Empty.
	Response func(spec T) proto.Message
}

// AnyKind is a Kind of any spec, as the engine takes it. Only Kind implements it.
type AnyKind interface {
	KindName() string
	erase() *kind
}

// SpecOf is the spec of the resource an Object's function works for. It fails when the spec could not be read.
func SpecOf[T any](r Resource) (T, error) {
	spec, ok := r.spec.(T)
	if !ok {
		return spec, fmt.Errorf("spec of %s %s is a %T", r.Kind, r.Name, r.spec)
	}
	return spec, nil
}

// Among returns the step of a name, for Kind.Past.
func Among(steps []Step, name string) (Step, bool) {
	for _, s := range steps {
		if s.Name == name {
			return s, true
		}
	}
	return Step{}, false
}

// kind is a Kind without its type: the resource carries the spec.
type kind struct {
	Name      string
	Objects   []Object
	Load      func(ctx context.Context, q Querier, uid string) (any, error)
	Plan      func(Resource) ([]Step, error)
	Past      func(Resource, string) (Step, bool)
	Quota     func(Resource, Preview) []QuotaEffect
	Usage     func(Resource) []usage.Item
	Brings    func(Resource, Preview) []usage.Effect
	Inventory func(context.Context, *Run) ([]External, error)
	Settled   func(context.Context, pgx.Tx, Settlement) error
	Response  func(ctx context.Context, q Querier, uid string) (proto.Message, error)
}

// KindName is the name of the kind.
func (k Kind[T]) KindName() string { return k.Name }

func (k Kind[T]) erase() *kind {
	out := &kind{Name: k.Name, Objects: k.Objects, Inventory: k.Inventory, Settled: k.Settled}
	if k.Load != nil {
		out.Load = func(ctx context.Context, q Querier, uid string) (any, error) { return k.Load(ctx, q, uid) }
	}
	if k.Plan != nil {
		out.Plan = func(r Resource) ([]Step, error) {
			spec, err := SpecOf[T](r)
			if err != nil {
				return nil, err
			}
			return k.Plan(r, spec)
		}
	}
	if k.Past != nil {
		out.Past = func(r Resource, step string) (Step, bool) {
			spec, err := SpecOf[T](r)
			if err != nil {
				return Step{}, false
			}
			return k.Past(r, spec, step)
		}
	}
	if k.Quota != nil {
		out.Quota = func(r Resource, p Preview) []QuotaEffect {
			spec, err := SpecOf[T](r)
			if err != nil {
				return nil
			}
			return k.Quota(r, spec, p)
		}
	}
	if k.Usage != nil {
		out.Usage = func(r Resource) []usage.Item {
			spec, err := SpecOf[T](r)
			if err != nil {
				return nil
			}
			return k.Usage(spec)
		}
	}
	if k.Brings != nil {
		out.Brings = func(r Resource, p Preview) []usage.Effect {
			spec, err := SpecOf[T](r)
			if err != nil {
				return nil
			}
			return k.Brings(r, spec, p)
		}
	}
	if k.Response != nil {
		out.Response = func(ctx context.Context, q Querier, uid string) (proto.Message, error) {
			spec, err := k.Load(ctx, q, uid)
			if err != nil {
				return nil, err
			}
			return k.Response(spec), nil
		}
	}
	return out
}

// Intercept is a kind whose steps and objects pass through the given functions, which may be nil. Tests put faults there.
func Intercept(k AnyKind, step func(*Step), object func(*Object)) AnyKind {
	return intercepted{AnyKind: k, step: step, object: object}
}

type intercepted struct {
	AnyKind
	step   func(*Step)
	object func(*Object)
}

func (i intercepted) erase() *kind {
	k := *i.AnyKind.erase()
	if i.step != nil {
		plan, past := k.Plan, k.Past
		k.Plan = func(r Resource) ([]Step, error) {
			steps, err := plan(r)
			for j := range steps {
				i.step(&steps[j])
			}
			return steps, err
		}
		if past != nil {
			k.Past = func(r Resource, name string) (Step, bool) {
				s, ok := past(r, name)
				if ok {
					i.step(&s)
				}
				return s, ok
			}
		}
	}
	if i.object != nil {
		k.Objects = append([]Object(nil), k.Objects...)
		for j := range k.Objects {
			i.object(&k.Objects[j])
		}
	}
	return &k
}
