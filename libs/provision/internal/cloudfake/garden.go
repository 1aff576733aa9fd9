package cloudfake

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/ids"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/provision"
)

// Migrations are the engine's and the garden's own.
func Migrations() []pg.Migrations {
	return append(provision.Migrations(), pg.Migrations{Name: "garden", FS: fstest.MapFS{
		"00001_gardens.sql": {Data: []byte(`-- +goose Up
CREATE TABLE gardens (uid text PRIMARY KEY, name text NOT NULL UNIQUE, size int NOT NULL, beds text[] NOT NULL);
CREATE TABLE garden_events (seq bigserial PRIMARY KEY, uid text NOT NULL, outcome text NOT NULL, state text NOT NULL, receipt int NOT NULL);
`)},
	}})
}

// Spec is what is wanted of a garden.
type Spec struct {
	Size int
	Beds []string
}

// Garden is a kind of six and more objects: soil and fence at once; a gate in the fence, paths on soil with a gate; one bed
// for each name; a sign that is no object; water, which takes a while to run.
type Garden struct {
	Cloud *Cloud

	mu    sync.Mutex
	asked map[string]int
}

// Kind is the garden for an engine.
func (g *Garden) Kind() provision.Kind[Spec] {
	k := provision.Kind[Spec]{
		Name: "garden", Plan: g.plan, Past: g.past, Load: load, Settled: settled,
		Response: func(spec Spec) proto.Message { return wrapperspb.Int64(int64(spec.Size)) },
	}
	for _, typ := range []string{"soil", "fence", "gate", "path", "bed", "water"} {
		k.Objects = append(k.Objects, g.end(typ))
	}
	return k
}

func load(ctx context.Context, q provision.Querier, uid string) (Spec, error) {
	var s Spec
	if err := q.QueryRow(ctx, `SELECT size, beds FROM gardens WHERE uid = $1`, uid).Scan(&s.Size, &s.Beds); err != nil {
		return s, fmt.Errorf("load garden: %w", err)
	}
	return s, nil
}

func settled(ctx context.Context, tx pgx.Tx, s provision.Settlement) error {
	if s.Removed {
		if _, err := tx.Exec(ctx, `DELETE FROM gardens WHERE uid = $1`, s.UID); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, `INSERT INTO garden_events (uid, outcome, state, receipt) VALUES ($1, $2, $3, $4)`,
		s.UID, s.Outcome.String(), string(s.State), len(s.Receipt))
	return err
}

// past is a step by its name alone: the type of its object comes first.
func (g *Garden) past(r provision.Resource, _ Spec, step string) (provision.Step, bool) {
	typ, _, _ := strings.Cut(step, "-")
	return g.step(r, step, typ, "", nil), true
}

func (g *Garden) plan(r provision.Resource, spec Spec) ([]provision.Step, error) {
	size := fmt.Sprint(spec.Size)
	steps := []provision.Step{
		g.step(r, "soil", "soil", size, map[string]string{"size": size}),
		g.step(r, "fence", "fence", "", nil),
		g.step(r, "gate", "gate", "", nil, "fence"),
		g.step(r, "path", "path", "", nil, "soil", "gate"),
		{
			Name: "sign", Title: "paint the sign", Needs: []string{"gate"}, Digest: size,
			Do: func(context.Context, *provision.Run) (provision.External, error) { return provision.External{}, nil },
		},
	}
	for _, bed := range spec.Beds {
		steps = append(steps, g.step(r, "bed-"+bed, "bed", size, map[string]string{"size": size}, "soil"))
	}
	water := g.step(r, "water", "water", "", nil, "path")
	water.Verify = func(_ context.Context, _ *provision.Run, x provision.External) error {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.asked == nil {
			g.asked = make(map[string]int)
		}
		if g.asked[x.ID]++; g.asked[x.ID] < 3 {
			return provision.NotYet(time.Millisecond, "water is running in")
		}
		return nil
	}
	return append(steps, water), nil
}

func (g *Garden) step(r provision.Resource, name, typ, digest string, attributes map[string]string, needs ...string) provision.Step {
	full := r.UID + "/" + name
	return provision.Step{
		Name: name, Title: "create the " + name, Needs: needs, Object: typ, Digest: digest + "/" + strings.Join(needs, ","),
		Find: func(ctx context.Context, _ *provision.Run) ([]provision.External, error) {
			found, err := g.Cloud.Find(ctx, typ, full)
			return externals(found), err
		},
		Do: func(ctx context.Context, run *provision.Run) (provision.External, error) {
			var uses []string
			for _, need := range needs {
				x, ok := run.Object(need)
				if !ok {
					return provision.External{}, fmt.Errorf("step %s runs before %s", name, need)
				}
				uses = append(uses, x.ID)
			}
			run.CloudRequest("req-" + name)
			if old, ok := run.Existing(); ok {
				o, err := g.Cloud.Update(ctx, old.ID, attributes, uses)
				return external(o), err
			}
			o, err := g.Cloud.Create(ctx, Object{Type: typ, Name: full, Attributes: attributes, Uses: uses})
			return external(o), err
		},
	}
}

func (g *Garden) end(typ string) provision.Object {
	return provision.Object{
		Type: typ,
		Delete: func(ctx context.Context, _ *provision.Run, x provision.External) error {
			err := g.Cloud.Delete(ctx, x.ID)
			if errs.ReasonOf(err) == "CLOUD_NOT_FOUND" {
				return nil
			}
			return err
		},
		Gone: func(ctx context.Context, _ *provision.Run, xs []provision.External) ([]provision.External, error) {
			all, err := g.Cloud.Find(ctx, typ, "")
			if err != nil {
				return nil, err
			}
			return slices.DeleteFunc(externals(all), func(o provision.External) bool {
				return !slices.ContainsFunc(xs, func(x provision.External) bool { return x.ID == o.ID })
			}), nil
		},
	}
}

func external(o Object) provision.External {
	return provision.External{ID: o.ID, Name: o.Name, Attributes: o.Attributes}
}

func externals(os []Object) []provision.External {
	out := make([]provision.External, len(os))
	for i, o := range os {
		out[i] = external(o)
	}
	return out
}

// NewUID is an id for a garden.
func NewUID() string { return ids.New("garden") }

// Name is the resource name of a garden.
func Name(uid string) string { return "tenants/acme/gardens/" + uid }

// Create records a new garden.
func Create(ctx context.Context, tx pgx.Tx, e *provision.Engine, uid string, s Spec) (*provision.Operation, error) {
	_, err := tx.Exec(ctx, `INSERT INTO gardens (uid, name, size, beds) VALUES ($1, $2, $3, $4)`, uid, Name(uid), s.Size, beds(s))
	if err != nil {
		return nil, fmt.Errorf("insert garden: %w", err)
	}
	return e.Accept(ctx, tx, Change(uid, "create", provision.Creating))
}

// Update records another wish for a garden.
func Update(ctx context.Context, tx pgx.Tx, e *provision.Engine, uid string, s Spec) (*provision.Operation, error) {
	_, err := tx.Exec(ctx, `UPDATE gardens SET size = $2, beds = $3 WHERE uid = $1`, uid, s.Size, beds(s))
	if err != nil {
		return nil, fmt.Errorf("update garden: %w", err)
	}
	return e.Accept(ctx, tx, Change(uid, "update", provision.Updating))
}

// Delete records that a garden is to go.
func Delete(ctx context.Context, tx pgx.Tx, e *provision.Engine, uid string) (*provision.Operation, error) {
	c := Change(uid, "delete", provision.Deleting)
	c.Deleting = true
	return e.Accept(ctx, tx, c)
}

// Change is a change of a garden.
func Change(uid, verb string, transient provision.State) provision.Change {
	return provision.Change{
		Kind: "garden", UID: uid, Name: Name(uid), Tenant: "acme", Verb: verb, Transient: transient, Final: provision.Active,
	}
}

func beds(s Spec) []string {
	if s.Beds == nil {
		return []string{}
	}
	return s.Beds
}
