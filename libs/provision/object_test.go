package provision

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/low-layer/platform/libs/errs"
)

// box is an object of a cloud in memory that counts its calls.
type box struct{ ID, Name, Parent, Colour, Key string }

type boxes struct {
	held    []box
	calls   []string
	refused error
}

func (b *boxes) typ() Type[box] {
	return Type[box]{
		Name: "box",
		Attributes: []Attribute[box]{
			Attr("name", func(x *box) *string { return &x.Name }), Attr("colour", func(x *box) *string { return &x.Colour }),
			Attr("parent", func(x *box) *string { return &x.Parent }).Parent(), Attr("key", func(x *box) *string { return &x.Key }).Fixed(),
		},
		ID:       func(x *box) *string { return &x.ID },
		External: func(x box) External { return External{ID: x.ID, Name: x.Name} },
		Find: func(_ context.Context, want box) ([]box, error) {
			b.calls = append(b.calls, "find")
			return b.where(func(x box) bool { return x.Name == want.Name && x.Parent == want.Parent }), nil
		},
		Read: func(_ context.Context, ids []string) ([]box, error) {
			b.calls = append(b.calls, "read")
			return b.where(func(x box) bool { return slices.Contains(ids, x.ID) }), nil
		},
		Create: func(_ context.Context, want box) (box, error) {
			b.calls = append(b.calls, "create")
			if b.refused != nil {
				return box{}, b.refused
			}
			want.ID = "new"
			b.held = append(b.held, want)
			return want, nil
		},
		Update: func(_ context.Context, is box, _ ...string) (box, error) {
			b.calls = append(b.calls, "update")
			i := slices.IndexFunc(b.held, func(x box) bool { return x.ID == is.ID })
			b.held[i] = is
			return is, nil
		},
	}
}

func (b *boxes) where(is func(box) bool) []box {
	return slices.DeleteFunc(slices.Clone(b.held), func(x box) bool { return !is(x) })
}

func boxStep(t Type[box]) Step {
	return t.Make(Want[box]{
		Step: Step{Name: "box"}, Object: box{Name: "n", Colour: "red"},
		Bind: func(_ context.Context, run *Run, want *box) (err error) {
			want.Parent, err = run.Made("shelf")
			return err
		},
		Complete: func(_ context.Context, _ *Run, want *box) error { want.Key = "k"; return nil },
	})
}

func onShelf(shelf string, existing *External) *Run {
	return &Run{step: "box", existing: existing, objects: map[string]External{"shelf": {ID: shelf}, "box": {ID: "old"}}}
}

func TestTypeDo(t *testing.T) {
	old := &External{ID: "old"}
	is := box{ID: "old", Name: "n", Parent: "s", Colour: "red", Key: "k"}
	other := func(change func(*box)) box { b := is; change(&b); return b }
	for name, c := range map[string]struct {
		held     []box
		existing *External
		change   func(*Type[box], *boxes)
		calls    []string
		want     box
	}{
		"creates once":               {calls: []string{"create"}, want: other(func(b *box) { b.ID = "new" })},
		"writes nothing when equal":  {held: []box{is}, existing: old, calls: []string{"read"}, want: is},
		"mends what differs":         {held: []box{other(func(b *box) { b.Colour, b.Name = "blue", "x" })}, existing: old, calls: []string{"read", "update"}, want: is},
		"leaves fixed attributes":    {held: []box{other(func(b *box) { b.Key = "z" })}, existing: old, calls: []string{"read"}, want: other(func(b *box) { b.Key = "z" })},
		"makes another elsewhere":    {held: []box{other(func(b *box) { b.Parent = "t" })}, existing: old, calls: []string{"read", "create"}, want: other(func(b *box) { b.ID = "new" })},
		"makes anew what is gone":    {existing: old, calls: []string{"read", "create"}, want: other(func(b *box) { b.ID = "new" })},
		"overwrites without reading": {held: []box{is}, existing: old, change: func(t *Type[box], _ *boxes) { t.Overwrite = true }, calls: []string{"update"}, want: is},
		"adopts a unique name's own": {
			held: []box{other(func(b *box) { b.Colour = "blue" })}, calls: []string{"create", "find", "update"}, want: is,
			change: func(t *Type[box], b *boxes) {
				t.Unique = true
				b.refused = errs.New(errs.Aborted, "CLOUD_CONFLICT", "taken")
			},
		},
	} {
		b := &boxes{held: c.held}
		typ := b.typ()
		if c.change != nil {
			c.change(&typ, b)
		}
		o, err := boxStep(typ).Do(t.Context(), onShelf("s", c.existing))
		if err != nil || o.ID != c.want.ID || !slices.Equal(b.calls, c.calls) || !slices.Contains(b.held, c.want) {
			t.Errorf("%s: made %v with %v, the cloud holds %v, %v", name, o, b.calls, b.held, err)
		}
	}
}

func TestTypeFind(t *testing.T) {
	b := &boxes{held: []box{{ID: "old", Name: "renamed", Parent: "s"}, {ID: "twin", Name: "n", Parent: "s"}, {ID: "far", Name: "n", Parent: "t"}}}
	find := boxStep(b.typ()).Find
	found, err := find(t.Context(), onShelf("s", nil))
	if err != nil || !slices.Equal(IDs(found), []string{"old", "twin"}) {
		t.Errorf("found %v, %v; want the ledger's object and the one of the name", found, err)
	}
	if found, err := find(t.Context(), &Run{step: "box"}); err != nil || len(found) != 0 {
		t.Errorf("found %v, %v without a parent", found, err)
	}
}

func TestTypeGone(t *testing.T) {
	b := &boxes{held: []box{{ID: "a"}, {ID: "c"}}}
	left, err := b.typ().Object().Gone(t.Context(), nil, []External{{ID: "a"}, {ID: "b"}})
	if err != nil || !slices.Equal(IDs(left), []string{"a"}) {
		t.Errorf("still there %v, %v", left, err)
	}
}

func TestTypeDiff(t *testing.T) {
	var names []string
	for _, a := range (&boxes{}).typ().Diff(box{Name: "a", Key: "1"}, box{Name: "b", Key: "2"}) {
		names = append(names, a.Name)
	}
	if !slices.Equal(names, []string{"name", "key"}) {
		t.Errorf("differences in %v", names)
	}
	tags := ListAttr("tags", func(x *[]string) *[]string { return x })
	if tags.differs(&[]string{"a"}, &[]string{"a"}) || !tags.differs(&[]string{"a"}, &[]string{"b"}) {
		t.Error("lists are compared by their values, in order")
	}
}

func TestBefore_firstFails_keepsTheObject(t *testing.T) {
	removed := false
	o := Object{Delete: func(context.Context, *Run, External) error { removed = true; return nil }}
	wait := NotYet(0, "wait")
	for _, first := range []error{wait, nil} {
		err := Before(o, func(context.Context, *Run) error { return first }).Delete(t.Context(), nil, External{})
		if !errors.Is(err, first) || removed != (first == nil) {
			t.Errorf("first %v: removed %t, %v", first, removed, err)
		}
	}
}

// A doubt about a step that left the plan is settled by Past; without a readable spec it stays a doubt.
func TestObserver_stepOutsideThePlan(t *testing.T) {
	x := &entry{step: "box", objectType: "box", state: entryIntent}
	past := func(_ Resource, _ int, name string) (Step, bool) {
		return Step{Name: name, Object: "box", Find: nobody}, name == "box"
	}
	k := Kind[int]{Name: "k", Past: past}.erase()
	s := &situation{kind: k, resource: Resource{spec: 1}, rows: map[string]*stepRow{}}
	if s.observer(&task{entry: x}) == nil {
		t.Error("Past is not asked")
	}
	if s.observer(&task{entry: &entry{step: "other", objectType: "box"}}) != nil {
		t.Error("a step that Past does not know is looked for")
	}
	s = &situation{kind: k, unplanned: errors.New("the spec is unreadable")}
	observe := s.observer(&task{entry: x})
	if observe == nil {
		t.Fatal("the doubt would be forgotten")
	}
	if _, err := observe(t.Context(), nil); !errors.Is(err, s.unplanned) {
		t.Errorf("got %v", err)
	}
}

func TestSpecOf_otherType_fails(t *testing.T) {
	if _, err := SpecOf[string](Resource{Kind: "k", spec: 1}); err == nil {
		t.Error("a number passed for a string")
	}
	if got, err := SpecOf[int](Resource{spec: 7}); err != nil || got != 7 {
		t.Errorf("got %d, %v", got, err)
	}
}
