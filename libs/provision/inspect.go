package provision

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/resource"
)

// Difference is one way in which an object differs from what a step asked for. An object that is gone is Missing. Of an
// attribute that holds several values, Want is one it lacks and Is one too many; the other is empty.
type Difference struct {
	// Step puts it right; empty when only a new object would.
	Step                string
	Type, ID, Name      string
	Missing             bool
	Attribute, Want, Is string
}

// String describes the difference for people.
func (d Difference) String() string {
	what := strings.ReplaceAll(d.Type[strings.LastIndexByte(d.Type, '.')+1:], "_", " ") + " " + cmp.Or(d.Name, d.ID)
	var text string
	switch {
	case d.Missing:
		text = what + " is gone"
	case d.Want == "":
		text = fmt.Sprintf("%s has %s %s, which nobody asked for", what, d.Attribute, d.Is)
	case d.Is == "":
		text = fmt.Sprintf("%s lacks %s %s", what, d.Attribute, d.Want)
	default:
		text = fmt.Sprintf("%s of %s is %s, not %s", d.Attribute, what, d.Is, d.Want)
	}
	if d.Step == "" {
		text += " (it cannot be changed back)"
	}
	return text
}

// Inspected is a resource and the differences of its objects.
type Inspected struct {
	Resource
	Conditions Conditions
	// Busy is true of a resource that was left alone: a worker holds it, it is being deleted, or it changed a moment ago.
	Busy        bool
	Differences []Difference
}

const inspectPage = 200

const selectInspected = `
SELECT uid, name, tenant, verb, generation, conditions, deleting OR (current_operation IS NOT NULL AND coalesce(lease_until > clock_timestamp(), false)) OR EXISTS (
       SELECT FROM provision_operations o WHERE o.resource_uid = r.uid AND coalesce(o.end_time, o.create_time) >= $3)
  FROM provision_resources r WHERE kind = $1 AND uid > $2 ORDER BY uid LIMIT $4`

// Inspect compares the objects of every resource with what their steps ask for, in whatever state the resource is. It judges a
// step that is done, whose object was made before a time. Each is called once for every resource, a Busy one too. The failure of
// one resource does not keep Inspect from the others; it returns all failures.
func (e *Engine) Inspect(ctx context.Context, before time.Time, each func(Inspected) error) error {
	var failed []error
	for _, typed := range e.cfg.Kinds {
		k := e.kinds[typed.KindName()]
		for last := ""; ; {
			page, err := e.inspectPage(ctx, k.Name, last, before)
			if err != nil {
				return err
			}
			for _, in := range page {
				if !in.Busy {
					if err := e.inspect(ctx, k, in, before); err != nil {
						failed = append(failed, fmt.Errorf("inspect %s: %w", in.Name, err))
						in.Busy = true
					}
				}
				if err := each(*in); err != nil {
					failed = append(failed, err)
				}
				last = in.UID
			}
			if len(page) < inspectPage {
				break
			}
		}
	}
	return errors.Join(failed...)
}

func (e *Engine) inspectPage(ctx context.Context, kind, last string, before time.Time) ([]*Inspected, error) {
	rows, err := e.cfg.Pool.Query(ctx, selectInspected, kind, last, before, inspectPage)
	if err != nil {
		return nil, fmt.Errorf("read resources of kind %s: %w", kind, err)
	}
	page, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*Inspected, error) {
		in := &Inspected{Resource: Resource{Kind: kind}}
		var conditions []byte
		err := row.Scan(&in.UID, &in.Name, &in.Tenant, &in.Verb, &in.Generation, &conditions, &in.Busy)
		if err == nil {
			in.Conditions, err = resource.ParseConditions(conditions)
		}
		return in, err
	})
	if err != nil {
		return nil, fmt.Errorf("read resources of kind %s: %w", kind, err)
	}
	return page, nil
}

// inspect compares the objects of one resource.
func (e *Engine) inspect(ctx context.Context, k *kind, in *Inspected, before time.Time) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = panicked(v)
		}
	}()
	if in.spec, err = k.Load(ctx, e.cfg.Pool, in.UID); err != nil {
		return fmt.Errorf("load spec: %w", err)
	}
	plan, err := k.Plan(in.Resource)
	if err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	rows, err := e.cfg.Pool.Query(ctx, selectLedger, in.UID)
	if err != nil {
		return fmt.Errorf("read ledger: %w", err)
	}
	l, err := scanLedger(rows)
	if err != nil {
		return err
	}
	for i := range plan {
		step := &plan[i]
		x := l.of(step.Name)
		if step.Check == nil || x == nil || !x.fulfils(step) || !x.made.Before(before) {
			continue
		}
		found, err := step.Check(ctx, &Run{Resource: in.Resource, step: step.Name, objects: l.objects()})
		if AbsentIsNone(err) != nil {
			return fmt.Errorf("%s: %w", step.Name, err)
		}
		in.Differences = append(in.Differences, found...)
	}
	return nil
}

// check is Step.Check of a step that makes an object. A missing parent is the difference of its own step.
func (m maker[T]) check(ctx context.Context, run *Run) ([]Difference, error) {
	had, ok := run.Object(run.Step())
	if !ok {
		return nil, nil
	}
	want, err := m.bound(ctx, run)
	if err != nil {
		return nil, err
	}
	found, err := m.Read(ctx, []string{had.ID})
	if err != nil {
		return nil, err
	}
	d := Difference{Step: run.Step(), Type: m.Name, ID: had.ID, Name: had.Name}
	if len(found) == 0 {
		d.Missing = true
		return []Difference{d}, nil
	}
	if !m.Overwrite { // what an overwriting step completes cannot be read
		if err := m.complete(ctx, run, &want); err != nil {
			return nil, err
		}
	}
	var out []Difference
	is := found[0]
	for _, a := range m.Diff(is, want) {
		one := d
		one.Attribute, one.Want, one.Is = a.Name, cmp.Or(a.text(&want), "none"), cmp.Or(a.text(&is), "none")
		if a.fixed {
			one.Step = ""
		}
		out = append(out, one)
	}
	if m.want.Mend == nil {
		return out, nil
	}
	more, _, err := m.want.Mend(ctx, run, is)
	return append(out, Of(d, more)...), err
}

// Of completes differences with the step and the object they are of.
func Of(d Difference, found []Difference) []Difference {
	out := slices.Clone(found)
	for i := range out {
		out[i].Step, out[i].Type, out[i].ID, out[i].Name = d.Step, d.Type, d.ID, d.Name
	}
	return out
}

// Values are the differences of an attribute with several values: those that are missing, and those that nobody asked for.
func Values[V any](attribute string, missing, surplus []V) []Difference {
	var out []Difference
	for _, v := range missing {
		out = append(out, Difference{Attribute: attribute, Want: fmt.Sprint(v)})
	}
	for _, v := range surplus {
		out = append(out, Difference{Attribute: attribute, Is: fmt.Sprint(v)})
	}
	return out
}
