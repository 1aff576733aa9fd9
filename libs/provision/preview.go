package provision

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/fielddiff"
	"github.com/low-layer/platform/libs/usage"
)

// PlanAction is what becomes of an object, in the words of lowlayer.operation.v1.PlannedObject.Action.
type PlanAction string

// The actions.
const (
	PlanCreate PlanAction = "CREATE"
	PlanUpdate PlanAction = "UPDATE"
	PlanDelete PlanAction = "DELETE"
)

// Preview is what an operation would do if it ran now.
type Preview struct {
	// Steps are those of the work: PENDING, or SKIPPED when they are done already and stay.
	Steps   []StepStatus
	Objects []PlannedObject
	Quota   []QuotaEffect
	// Usage are the quantities that the change alters.
	Usage []usage.Effect
	// Fields are the differences of the resources themselves. The service sets them, from what its transaction wrote.
	Fields []fielddiff.Difference
	// PurgeTime is when what a deletion leaves for now goes, zero when it leaves nothing; Purged is what that is. The service that
	// has such deletions sets them.
	PurgeTime time.Time
	Purged    []PlannedObject
}

// PlannedObject is one object and what becomes of it. ID and Name are empty while it is to be made.
type PlannedObject struct {
	Action   PlanAction
	Step     string
	Title    string
	Type     string
	ID, Name string
	Resource string
	Service  string
}

// QuotaEffect is what a change does to one limit: how much more is in use, and the limit it sets, 0 for none.
type QuotaEffect struct {
	Resource    string
	UsageChange int
	Limit       int
	// Quota names the quota that is counted (libs/quota), empty when none is; TakenAfter is what is taken of it afterwards, and
	// EffectiveLimit the limit that holds then, -1 when none is known.
	Quota          string
	TakenAfter     int
	EffectiveLimit int
}

// Preview answers, for an operation that was accepted in this transaction, what it would do, as an operation that is
// done and has no name: the caller rolls back, and nothing of it is left. It holds the plan of the kind against the ledger
// by the rules the work itself goes by, and calls nothing but Kind.Load, Kind.Plan and Kind.Quota.
func (e *Engine) Preview(ctx context.Context, tx pgx.Tx, op *Operation) (*Operation, error) {
	r := Resource{UID: op.ResourceUID}
	err := tx.QueryRow(ctx, `SELECT kind, name, tenant, verb, generation, deleting FROM provision_resources WHERE uid = $1`, r.UID).
		Scan(&r.Kind, &r.Name, &r.Tenant, &r.Verb, &r.Generation, &r.Deleting)
	if err != nil {
		return nil, fmt.Errorf("read %s to plan: %w", op.Resource, err)
	}
	kind := e.kinds[r.Kind]
	if kind == nil {
		return nil, fmt.Errorf("plan %s: this engine does not know the kind %q", r.Name, r.Kind)
	}
	rows, err := tx.Query(ctx, selectLedger, r.UID)
	if err != nil {
		return nil, fmt.Errorf("read ledger of %s to plan: %w", r.Name, err)
	}
	held, err := scanLedger(rows)
	if err != nil {
		return nil, err
	}
	plan, err := kind.planOf(ctx, tx, &r)
	if err != nil && !r.Deleting {
		return nil, err
	}
	p := &planner{service: e.cfg.Service, resource: r, ledger: held, plan: plan}
	if r.Deleting {
		// A deletion walks the ledger; the plan only has the titles.
		plan = nil
	}
	p.lay(plan)
	if kind.Quota != nil {
		p.out.Quota = kind.Quota(r, p.out)
	}
	if p.out.Usage, err = e.effects(ctx, tx, kind, op, r, p.out); err != nil {
		return nil, err
	}
	done := *op
	done.ID, done.Name, done.State, done.EndTime, done.RequestID = "", "", OperationSucceeded, op.CreateTime, ""
	done.Steps, done.Progress, done.Response, done.Blockage, done.Preview = nil, Progress{}, nil, nil, &p.out
	return &done, nil
}

// planOf loads the spec and asks for the plan.
func (k *kind) planOf(ctx context.Context, q Querier, r *Resource) (plan []Step, err error) {
	err = guarded(func() error {
		if r.spec, err = k.Load(ctx, q, r.UID); err != nil {
			return fmt.Errorf("load spec: %w", err)
		}
		if plan, err = k.Plan(*r); err != nil {
			return fmt.Errorf("plan: %w", err)
		}
		return k.check(plan)
	})
	return plan, err
}

// planner holds a plan against a ledger.
type planner struct {
	service  string
	resource Resource
	ledger   *ledger
	plan     []Step
	// replaced are the steps whose object is another one afterwards: what refers to it is done again.
	replaced []string
	out      Preview
}

func (p *planner) lay(plan []Step) {
	for i := range plan {
		p.step(&plan[i])
	}
	left := slices.Clone(p.ledger.entries)
	// What was made last goes first.
	slices.Reverse(left)
	for _, x := range left {
		planned := slices.ContainsFunc(plan, func(s Step) bool { return s.Name == x.step })
		if !x.live() || !planned {
			p.removal(x)
		}
	}
}

func (p *planner) step(s *Step) {
	x := p.ledger.of(s.Name)
	exists := x != nil && x.state == entryPresent
	row := StepStatus{Name: s.Name, Title: s.title(exists), State: StepPending, ObjectType: s.Object}
	if x != nil {
		row.ObjectID = x.ID
	}
	again := slices.ContainsFunc(s.Needs, func(need string) bool { return slices.Contains(p.replaced, need) })
	switch {
	case x != nil && x.fulfils(s) && !again:
		row.State = StepSkipped
	case x == nil || x.ID == "":
		p.add(PlanCreate, s.Name, s.Title, s.Object, External{})
	case x.objectType != s.Object || (s.Replaces && x.digest != s.Digest):
		p.add(PlanDelete, s.Name, removalTitle(p.plan, x), x.objectType, x.External)
		p.add(PlanCreate, s.Name, s.Title, s.Object, External{})
		p.replaced = append(p.replaced, s.Name)
	case x.digest != s.Digest || again:
		p.add(PlanUpdate, s.Name, row.Title, s.Object, x.External)
	default:
		// It is only looked at, or waited for.
	}
	p.out.Steps = append(p.out.Steps, row)
}

func (p *planner) removal(x *entry) {
	if x.objectType == "" {
		return
	}
	title := removalTitle(p.plan, x)
	p.out.Steps = append(p.out.Steps, StepStatus{
		Name: removePrefix + x.step, Title: title, State: StepPending, ObjectType: x.objectType, ObjectID: x.ID,
	})
	if x.state != entryDoubt {
		p.add(PlanDelete, x.step, title, x.objectType, x.External)
	}
}

// add notes an object; steps that make none, and attempts of which nobody knows an object, have nothing to note.
func (p *planner) add(a PlanAction, step, title, typ string, x External) {
	if typ == "" || (a != PlanCreate && x.ID == "") {
		return
	}
	p.out.Objects = append(p.out.Objects, PlannedObject{
		Action: a, Step: step, Title: title, Type: typ, ID: x.ID, Name: x.Name, Resource: p.resource.Name, Service: p.service,
	})
}

// Removals answers what goes when the resources are deleted: all they have by the ledger.
func (e *Engine) Removals(ctx context.Context, q Querier, uids []string) ([]PlannedObject, error) {
	rows, err := q.Query(ctx, `SELECT l.step, l.object_type, l.external_id, l.external_name, r.name
		  FROM provision_ledger l JOIN provision_resources r ON r.uid = l.resource_uid
		 WHERE l.resource_uid = ANY($1) AND l.external_id <> '' AND l.object_type <> '' AND l.state <> 'DOUBT'
		 ORDER BY r.create_time DESC, r.name, l.ordinal DESC, l.step`, uids)
	if err != nil {
		return nil, fmt.Errorf("read what would go: %w", err)
	}
	objects, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (PlannedObject, error) {
		o := PlannedObject{Action: PlanDelete, Service: e.cfg.Service}
		err := row.Scan(&o.Step, &o.Type, &o.ID, &o.Name, &o.Resource)
		o.Title = removalTitle(nil, &entry{objectType: o.Type, External: External{Name: o.Name}})
		return o, err
	})
	if err != nil {
		return nil, fmt.Errorf("read what would go: %w", err)
	}
	return objects, nil
}
