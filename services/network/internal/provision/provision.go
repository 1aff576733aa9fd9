// Package provision is the life of the network service's resources in the cloud: which steps make a boundary, a hub, a VPC
// and a peering, and how each of their objects ends. There is one file per resource and one per kind of object; making
// and ending an object stand side by side.
//
// Every step makes at most one writing call, finds again by name what it may have made without an answer, and mends what
// it made before when it is run again. Only objects of the ledger are ever removed: what others put in the way of a
// deletion is named in the error, and the resource is BLOCKED until they take it away.
package provision

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/openstack/neutron"
	engine "github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/services/network/internal/core/boundary"
	"github.com/low-layer/platform/services/network/internal/core/hub"
	"github.com/low-layer/platform/services/network/internal/core/peering"
	"github.com/low-layer/platform/services/network/internal/core/vpc"
)

// waitForParent is how often a step looks whether what it stands on is there.
const waitForParent = 300 * time.Millisecond

// Records is the service's own rows.
type Records interface {
	LoadBoundary(ctx context.Context, q engine.Querier, uid string) (boundary.Boundary, error)
	LoadHub(ctx context.Context, q engine.Querier, uid string) (hub.Hub, error)
	LoadVpc(ctx context.Context, q engine.Querier, uid string) (vpc.Vpc, error)
	LoadPeering(ctx context.Context, q engine.Querier, uid string) (peering.Peering, error)
	// Boundary and HubOf answer what a resource stands on, as it is now.
	Boundary(ctx context.Context, tenant string) (boundary.Boundary, error)
	HubOf(ctx context.Context, tenant, organisation string) (hub.Hub, error)
	Vpc(ctx context.Context, uid string) (vpc.Vpc, error)
	// VpcsOf are those linked to a hub, PeeringsOf those that hold a VPC.
	VpcsOf(ctx context.Context, tenant, organisation string) ([]vpc.Vpc, error)
	PeeringsOf(ctx context.Context, vpcUID string) ([]peering.Peering, error)
	Settlements
}

// Settlements records what became of a resource, in the engine's transaction, together with the event that tells of it.
type Settlements interface {
	SettleBoundary(ctx context.Context, tx pgx.Tx, s engine.Settlement, cloud boundary.Cloud) error
	SettleHub(ctx context.Context, tx pgx.Tx, s engine.Settlement, cloud hub.Cloud) error
	SettleVpc(ctx context.Context, tx pgx.Tx, s engine.Settlement, cloud vpc.Cloud) error
	SettlePeering(ctx context.Context, tx pgx.Tx, s engine.Settlement) error
}

// Messages are resources as the API shows them; an operation answers one at its end.
type Messages struct {
	Hub     func(hub.Hub) proto.Message
	Vpc     func(vpc.Vpc) proto.Message
	Peering func(peering.Peering) proto.Message
}

// Kit is what steps are made with.
type Kit struct {
	cloud    neutron.Cloud
	records  Records
	messages Messages
}

// New makes a Kit.
func New(cloud neutron.Cloud, records Records, messages Messages) *Kit {
	return &Kit{cloud: cloud, records: records, messages: messages}
}

// Kinds are all kinds of resources of the service.
func (k *Kit) Kinds() []engine.Kind {
	kinds := []engine.Kind{k.Boundary(), k.Hub(), k.Vpc(), k.Peering()}
	for i := range kinds {
		kinds[i].Inventory, kinds[i].Quota = k.inventory, quotaEffect
	}
	return kinds
}

// digest is a short form of a step's inputs; other inputs, other digest.
func digest(parts ...any) string {
	h := fnv.New64a()
	for _, p := range parts {
		_, _ = fmt.Fprintf(h, "%v\x00", p) // a hash never fails to write
	}
	return fmt.Sprintf("%016x", h.Sum64())
}

// reasonNoObject is the reason of a step that needs an object which is not in the ledger.
const reasonNoObject = "STEP_WITHOUT_OBJECT"

// absentIsNone is for Observe: where that which would hold an object is missing, the object is too.
func absentIsNone(err error) error {
	if errs.CodeOf(err) == errs.CodeNotFound || errs.ReasonOf(err) == reasonNoObject {
		return nil
	}
	return err
}

// need answers the id of what an earlier step made.
func need(run *engine.Run, step string) (string, error) {
	o, ok := run.Object(step)
	if !ok {
		return "", errs.New(errs.CodeInternal, reasonNoObject, "step %q has left no object; the operator must look into the ledger", step)
	}
	return o.ID, nil
}

// needs is need for several steps.
func needs(run *engine.Run, steps ...string) ([]string, error) {
	ids := make([]string, len(steps))
	for i, s := range steps {
		id, err := need(run, s)
		if err != nil {
			return nil, err
		}
		ids[i] = id
	}
	return ids, nil
}

// waiting says what a resource stands on and where that is, for the users who watch.
func waiting(what string, state engine.State) error {
	return engine.NotYet(waitForParent, "waits for %s, which is %s", what, strings.ToLower(string(state)))
}

// specOf is the typed spec of a resource.
func specOf[T any](r engine.Resource) (T, error) {
	s, ok := r.Spec.(T)
	if !ok {
		return s, fmt.Errorf("plan %s %s: its spec is a %T", r.Kind, r.Name, r.Spec)
	}
	return s, nil
}

// lookFor finds what a step made, by the name it gave it, and by the id the ledger has: people rename things.
func lookFor[T any](ctx context.Context, run *engine.Run, by neutron.Filter,
	list func(context.Context, neutron.Filter) ([]T, error), external func(T) engine.External,
) ([]engine.External, error) {
	found, err := list(ctx, by)
	if err != nil {
		return nil, err
	}
	out := externals(found, external)
	had, ok := run.Object(run.Step())
	if !ok || slices.ContainsFunc(out, func(o engine.External) bool { return o.ID == had.ID }) {
		return out, nil
	}
	same, err := list(ctx, neutron.Filter{IDs: []string{had.ID}})
	return append(externals(same, external), out...), err
}

func externals[T any](found []T, external func(T) engine.External) []engine.External {
	out := make([]engine.External, len(found))
	for i, f := range found {
		out[i] = external(f)
	}
	return out
}

func ids(of []engine.External) []string {
	out := make([]string, len(of))
	for i, o := range of {
		out[i] = o.ID
	}
	return out
}

// still answers those of the objects whose id is listed.
func still[T any](of []engine.External, listed []T, id func(T) string) []engine.External {
	there := make(map[string]bool, len(listed))
	for _, l := range listed {
		there[id(l)] = true
	}
	var out []engine.External
	for _, o := range of {
		if there[o.ID] {
			out = append(out, o)
		}
	}
	return out
}
