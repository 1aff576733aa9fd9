package provision

import (
	"context"
	"fmt"
	"hash/fnv"
	"reflect"
	"slices"
	"strings"

	"github.com/low-layer/platform/libs/errs"
)

// Type declares one type of external object, once: its attributes, and how it is found, read, made, mended and removed.
// Make turns it into steps, Object into the end of what they made.
type Type[T any] struct {
	// Name is the type in the ledger, for example neutron.network. It never changes.
	Name string
	// Attributes are all that a step sets or relies on. Creation, mending and drift go by this one list.
	Attributes []Attribute[T]
	// ID is the field that holds the object's id.
	ID func(*T) *string
	// External is the object as the ledger keeps it.
	External func(T) External
	// Find lists the objects with the wanted one's deterministic name, within its parents.
	Find func(ctx context.Context, want T) ([]T, error)
	// Read lists the objects of these ids; one that is gone is left out.
	Read func(ctx context.Context, ids []string) ([]T, error)
	// Create makes the object with one writing call.
	Create func(ctx context.Context, want T) (T, error)
	// Update writes the named attributes; every one when none is named. Nil when none may change.
	Update func(ctx context.Context, is T, attributes ...string) (T, error)
	// Overwrite has Update write without reading first: an attribute of the type cannot be read, a password for example.
	Overwrite bool
	// Unique is that the cloud refuses a second object of the name; a step adopts the object that a refused Create met.
	Unique bool
	// Delete asks for the end of an object. An absent one is no error.
	Delete func(ctx context.Context, run *Run, o External) error
	// Gone returns the objects that are still there. Nil stands for a look with Read.
	Gone func(ctx context.Context, run *Run, of []External) ([]External, error)
}

// Want is one object of a type that a step makes.
type Want[T any] struct {
	// Step has the name, the title, the needs and the digest, perhaps Verify and a deadline.
	Step Step
	// Object is the object as far as the plan knows it.
	Object T
	// Bind adds what finding the object takes and only a running step knows: the ids of its parents. May be nil.
	Bind func(ctx context.Context, run *Run, want *T) error
	// Complete adds what finding the object does not take. May be nil.
	Complete func(ctx context.Context, run *Run, want *T) error
	// Mend returns how the object differs in what no attribute holds, and what puts that right. May be nil.
	Mend func(ctx context.Context, run *Run, is T) ([]Difference, func(context.Context) error, error)
}

// Make is the step that makes an object, finds it again after a doubt, and mends it when it runs again.
func (t Type[T]) Make(w Want[T]) Step {
	m := maker[T]{Type: t, want: w}
	s := w.Step
	s.Object, s.Find, s.Do, s.Check = t.Name, m.find, m.do, m.check
	if w.Mend != nil {
		s.Restore = m.restore
	}
	return s
}

// Object is the end of the type's objects.
func (t Type[T]) Object() Object {
	gone := t.Gone
	if gone == nil {
		gone = func(ctx context.Context, _ *Run, of []External) ([]External, error) {
			listed, err := t.Read(ctx, IDs(of))
			return Still(of, t.externals(listed)), err
		}
	}
	return Object{Type: t.Name, Delete: t.Delete, Gone: gone}
}

// Look lists the objects with the wanted one's name, for Kind.Inventory.
func (t Type[T]) Look(ctx context.Context, want T) ([]External, error) {
	found, err := t.Find(ctx, want)
	return t.externals(found), err
}

// Diff lists the attributes in which an object differs from the wanted one.
func (t Type[T]) Diff(is, want T) []Attribute[T] {
	var out []Attribute[T]
	for _, a := range t.Attributes {
		if a.differs(&is, &want) {
			out = append(out, a)
		}
	}
	return out
}

func (t Type[T]) externals(of []T) []External {
	out := make([]External, len(of))
	for i, o := range of {
		out[i] = t.External(o)
	}
	return out
}

// Attribute is one attribute of an object. The zero of its class is mended: Update writes it.
type Attribute[T any] struct {
	Name          string
	fixed, parent bool
	differs       func(is, want *T) bool
	set           func(is, want *T)
	text          func(*T) string
}

// Attr is an attribute that holds one value.
func Attr[T any, V comparable](name string, field func(*T) *V) Attribute[T] {
	return Attribute[T]{
		Name: name, differs: func(is, want *T) bool { return *field(is) != *field(want) },
		set: func(is, want *T) { *field(is) = *field(want) },
		text: func(of *T) string {
			if v := reflect.ValueOf(field(of)).Elem(); v.Kind() != reflect.Bool && v.IsZero() {
				return ""
			}
			return fmt.Sprint(*field(of))
		},
	}
}

// ListAttr is an attribute that holds several values, in an order that counts.
func ListAttr[T any, V comparable](name string, field func(*T) *[]V) Attribute[T] {
	return Attribute[T]{
		Name: name, differs: func(is, want *T) bool { return !slices.Equal(*field(is), *field(want)) },
		set: func(is, want *T) { *field(is) = *field(want) }, text: func(of *T) string { return strings.Join(texts(*field(of)), ", ") },
	}
}

// SetAttr is an attribute that holds several values, in any order.
func SetAttr[T any, V comparable](name string, field func(*T) *[]V) Attribute[T] {
	a := ListAttr(name, field)
	a.differs = func(is, want *T) bool {
		return !slices.Equal(slices.Sorted(slices.Values(texts(*field(is)))), slices.Sorted(slices.Values(texts(*field(want)))))
	}
	return a
}

func texts[V any](of []V) []string {
	out := make([]string, len(of))
	for i, v := range of {
		out[i] = fmt.Sprint(v)
	}
	return out
}

// Fixed is the attribute as one that only creation sets.
func (a Attribute[T]) Fixed() Attribute[T] { a.fixed = true; return a }

// Inverse is the attribute as one of which the object holds the opposite.
func (a Attribute[T]) Inverse() Attribute[T] {
	text := a.text
	a.text = func(of *T) string {
		if text(of) == "true" {
			return "false"
		}
		return "true"
	}
	return a
}

// Parent is the attribute as one that holds the id of what the object stands in: with another one it is another object.
func (a Attribute[T]) Parent() Attribute[T] { a.fixed, a.parent = true, true; return a }

type maker[T any] struct {
	Type[T]
	want Want[T]
}

func (m maker[T]) bound(ctx context.Context, run *Run) (T, error) {
	want := m.want.Object
	if m.want.Bind == nil {
		return want, nil
	}
	err := m.want.Bind(ctx, run, &want)
	return want, err
}

// restore mends an object that is there.
func (m maker[T]) restore(ctx context.Context, run *Run, o External) error {
	found, err := m.Read(ctx, []string{o.ID})
	if err != nil || len(found) == 0 {
		return err
	}
	return m.rectify(ctx, run, found[0])
}

// rectify puts right what no attribute holds.
func (m maker[T]) rectify(ctx context.Context, run *Run, is T) error {
	if m.want.Mend == nil {
		return nil
	}
	found, mend, err := m.want.Mend(ctx, run, is)
	if err != nil || len(found) == 0 {
		return err
	}
	return mend(ctx)
}

// find looks by name, and by the id the ledger has: people rename things. Where a parent is missing, the object is too.
func (m maker[T]) find(ctx context.Context, run *Run) ([]External, error) {
	want, err := m.bound(ctx, run)
	if err != nil {
		return nil, AbsentIsNone(err)
	}
	found, err := m.Find(ctx, want)
	if err != nil {
		return nil, err
	}
	out := m.externals(found)
	had, ok := run.Object(run.Step())
	if !ok || slices.ContainsFunc(out, func(o External) bool { return o.ID == had.ID }) {
		return out, nil
	}
	same, err := m.Read(ctx, []string{had.ID})
	return append(m.externals(same), out...), err
}

func (m maker[T]) do(ctx context.Context, run *Run) (External, error) {
	want, err := m.bound(ctx, run)
	if err != nil {
		return External{}, err
	}
	if had, ok := run.Existing(); ok {
		if m.Overwrite {
			if err := m.complete(ctx, run, &want); err != nil {
				return External{}, err
			}
			return m.overwrite(ctx, want, had.ID)
		}
		is, err := m.Read(ctx, []string{had.ID})
		if err != nil {
			return External{}, err
		}
		if len(is) > 0 && !slices.ContainsFunc(m.Diff(is[0], want), func(a Attribute[T]) bool { return a.parent }) {
			return m.mend(ctx, run, is[0], want)
		}
	}
	if err := m.complete(ctx, run, &want); err != nil {
		return External{}, err
	}
	made, err := m.Create(ctx, want)
	if m.Unique && errs.ReasonOf(err) == reasonConflict {
		return m.adopt(ctx, want, err)
	}
	return m.External(made), err
}

func (m maker[T]) complete(ctx context.Context, run *Run, want *T) error {
	if m.want.Complete == nil {
		return nil
	}
	return m.want.Complete(ctx, run, want)
}

// mend writes the attributes that differ, with one call, and none when nothing does.
func (m maker[T]) mend(ctx context.Context, run *Run, is, want T) (External, error) {
	if err := m.rectify(ctx, run, is); err != nil {
		return External{}, err
	}
	if err := m.complete(ctx, run, &want); err != nil {
		return External{}, err
	}
	var changed []string
	for _, a := range m.Diff(is, want) {
		if !a.fixed {
			a.set(&is, &want)
			changed = append(changed, a.Name)
		}
	}
	if len(changed) == 0 || m.Update == nil {
		return m.External(is), nil
	}
	_, err := m.Update(ctx, is, changed...)
	return m.External(is), err
}

func (m maker[T]) overwrite(ctx context.Context, want T, id string) (External, error) {
	*m.ID(&want) = id
	is, err := m.Update(ctx, want)
	return m.External(is), err
}

// adopt takes over the object of the unique name. The name holds our uid, so the object is ours, and a list that did not
// show it lagged.
func (m maker[T]) adopt(ctx context.Context, want T, refusal error) (External, error) {
	found, err := m.Find(ctx, want)
	if err != nil || len(found) == 0 {
		return External{}, refusal
	}
	return m.overwrite(ctx, want, *m.ID(&found[0]))
}

// reasonConflict is the reason of a call that the cloud refuses because of another object.
const reasonConflict = "CLOUD_CONFLICT"

// reasonNoObject is the reason of a step that needs an object which is not in the ledger.
const reasonNoObject = "STEP_WITHOUT_OBJECT"

// Made returns the id of what an earlier step made.
func (r *Run) Made(step string) (string, error) {
	o, ok := r.Object(step)
	if !ok {
		return "", errs.New(errs.CodeInternal, reasonNoObject, "an earlier step has left no object; the operator must look into the ledger").With("step", step)
	}
	return o.ID, nil
}

// AbsentIsNone is for Find: where the parent of an object is missing, the object is missing too.
func AbsentIsNone(err error) error {
	if errs.CodeOf(err) == errs.CodeNotFound || errs.ReasonOf(err) == reasonNoObject {
		return nil
	}
	return err
}

// IDs are the ids of objects.
func IDs(of []External) []string {
	out := make([]string, len(of))
	for i, o := range of {
		out[i] = o.ID
	}
	return out
}

// Still returns the objects whose id is listed.
func Still(of, listed []External) []External {
	there := make(map[string]bool, len(listed))
	for _, l := range listed {
		there[l.ID] = true
	}
	return slices.DeleteFunc(slices.Clone(of), func(o External) bool { return !there[o.ID] })
}

// Before is an object whose removal waits until first returns nil.
func Before(o Object, first func(context.Context, *Run) error) Object {
	remove := o.Delete
	o.Delete = func(ctx context.Context, run *Run, x External) error {
		if err := first(ctx, run); err != nil {
			return err
		}
		return remove(ctx, run, x)
	}
	return o
}

// Digest is a short form of a step's inputs; other inputs have another digest.
func Digest(parts ...any) string {
	h := fnv.New64a()
	for _, p := range parts {
		_, _ = fmt.Fprintf(h, "%v\x00", p) // a hash never fails to write
	}
	return fmt.Sprintf("%016x", h.Sum64())
}

// Wait is a step that makes nothing and is done once ready returns nil. Ready returns NotYet to be asked again.
func Wait(s Step, ready func(context.Context, *Run) error) Step {
	if s.Digest == "" {
		s.Digest = "1"
	}
	s.Do = func(ctx context.Context, run *Run) (External, error) { return External{}, ready(ctx, run) }
	return s
}

// Set is a step that makes no object of its own and whose call bears repeating.
func Set(s Step, do func(context.Context, *Run) error) Step {
	s.Do = func(ctx context.Context, run *Run) (External, error) { return External{}, do(ctx, run) }
	return s
}
