package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/low-layer/platform/libs/fielddiff"
)

// Changes collects what a transaction does to resources. The zero value is ready; a nil one collects nothing.
type Changes struct {
	order []string
	of    map[string]*pair
}

type pair struct{ before, after proto.Message }

func (c *Changes) at(resource string) *pair {
	if c.of == nil {
		c.of = map[string]*pair{}
	}
	p := c.of[resource]
	if p == nil {
		p = &pair{}
		c.of[resource] = p
	}
	return p
}

// Before notes a resource as it was read. The first time counts.
func (c *Changes) Before(resource string, m proto.Message) {
	if c == nil {
		return
	}
	if p := c.at(resource); p.before == nil && p.after == nil {
		p.before = m
	}
}

// After notes a resource as it was written, nil when it was removed. The last time counts.
func (c *Changes) After(resource string, m proto.Message) {
	if c == nil {
		return
	}
	c.at(resource).after = m
	if !slices.Contains(c.order, resource) {
		c.order = append(c.order, resource)
	}
}

// Resource is the one that was written first, empty when none was.
func (c *Changes) Resource() string {
	if c == nil || len(c.order) == 0 {
		return ""
	}
	return c.order[0]
}

// List is what was written, in the order in which it was first written: whole, or what differs of it.
func (c *Changes) List(whole bool) ([]Change, error) {
	if c == nil {
		return nil, nil
	}
	var out []Change
	for _, resource := range c.order {
		p := c.of[resource]
		before, err := fields(p.before)
		if err != nil {
			return nil, fmt.Errorf("note %s before: %w", resource, err)
		}
		after, err := fields(p.after)
		if err != nil {
			return nil, fmt.Errorf("note %s after: %w", resource, err)
		}
		if !whole && before != nil && after != nil {
			before, after = differing(before, after)
		}
		change := Change{Resource: resource}
		if change.Before, err = column(before); err != nil {
			return nil, err
		}
		if change.After, err = column(after); err != nil {
			return nil, err
		}
		out = append(out, change)
	}
	return out, nil
}

// Differences are the fields that differ of all that was written, in the order in which it was first written.
func (c *Changes) Differences() []fielddiff.Difference {
	var out []fielddiff.Difference
	for _, resource := range c.order {
		p := c.of[resource]
		for _, d := range fielddiff.Compare(p.before, p.after) {
			d.Resource = resource
			out = append(out, d)
		}
	}
	return out
}

func column(m map[string]any) (json.RawMessage, error) {
	if m == nil {
		return nil, nil
	}
	text, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("write change: %w", err)
	}
	return text, nil
}

// fields are those of a message as the API shows them, without what must not be shown.
func fields(m proto.Message) (map[string]any, error) {
	if m == nil || !m.ProtoReflect().IsValid() {
		return nil, nil
	}
	clean := proto.Clone(m)
	hide(clean.ProtoReflect())
	text, err := protojson.Marshal(clean)
	if err != nil {
		return nil, fmt.Errorf("write resource: %w", err)
	}
	out := map[string]any{}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&out); err != nil {
		return nil, fmt.Errorf("read resource: %w", err)
	}
	return out, nil
}

// hide clears every field that is declared with debug_redact: secrets.
func hide(m protoreflect.Message) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		options, _ := f.Options().(*descriptorpb.FieldOptions)
		switch {
		case options.GetDebugRedact():
			m.Clear(f)
		case f.IsMap():
			if f.MapValue().Message() != nil {
				v.Map().Range(func(_ protoreflect.MapKey, e protoreflect.Value) bool { hide(e.Message()); return true })
			}
		case f.IsList():
			for i := range v.List().Len() {
				if f.Message() != nil {
					hide(v.List().Get(i).Message())
				}
			}
		case f.Message() != nil:
			hide(v.Message())
		}
		return true
	})
}

// differing is what two forms of a resource do not have in common.
func differing(before, after map[string]any) (was, is map[string]any) {
	was, is = map[string]any{}, map[string]any{}
	keys := slices.Concat(slices.Collect(maps.Keys(before)), slices.Collect(maps.Keys(after)))
	for _, k := range keys {
		a, old := before[k]
		b, now := after[k]
		if old && now && same(a, b) {
			continue
		}
		if old {
			was[k] = a
		}
		if now {
			is[k] = b
		}
	}
	return was, is
}

func same(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}
