// Package cloudfake is a small cloud in memory and a kind of resource made of its objects, for the engine's own tests. Like
// the real thing it lets two objects have one name, refuses to delete what is in use, and shows in its lists what it
// likes when it is told to.
package cloudfake

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/low-layer/platform/libs/errs"
)

// Object is one thing in the cloud.
type Object struct {
	ID, Type, Name string
	Attributes     map[string]string
	// Uses are the ids of objects that cannot go before this one.
	Uses []string
}

// Cloud is safe for use by several goroutines.
type Cloud struct {
	mu      sync.Mutex
	objects map[string]Object
	serial  int
	calls   map[string]int
	fault   func(ctx context.Context, call, typ, name string) error
	after   func(call, typ, name string) error
	stale   func(typ, name string) bool
}

// New makes an empty cloud.
func New() *Cloud { return &Cloud{objects: make(map[string]Object), calls: make(map[string]int)} }

// Fault is called before every call, outside the cloud's lock; its error is the call's answer. Nil for none.
func (c *Cloud) Fault(f func(ctx context.Context, call, typ, name string) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fault = f
}

// After is called after every call that changed something; its error is the call's answer although it was carried out.
func (c *Cloud) After(f func(call, typ, name string) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.after = f
}

// Stale is asked before every list of one name whether it is to show nothing.
func (c *Cloud) Stale(f func(typ, name string) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stale = f
}

// answer is the end of a call that was carried out. It is called without the lock.
func (c *Cloud) answer(call, typ, name string) error {
	c.mu.Lock()
	after := c.after
	c.mu.Unlock()
	if after == nil {
		return nil
	}
	return after(call, typ, name)
}

func (c *Cloud) enter(ctx context.Context, call, typ, name string) error {
	c.mu.Lock()
	c.calls[call+" "+typ]++
	fault := c.fault
	c.mu.Unlock()
	if fault != nil {
		return fault(ctx, call, typ, name)
	}
	return ctx.Err()
}

// Calls is how often a call was made, for example "create router".
func (c *Cloud) Calls(call string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls[call]
}

// Create makes an object, whether or not there is one of that name.
func (c *Cloud) Create(ctx context.Context, o Object) (Object, error) {
	if err := c.enter(ctx, "create", o.Type, o.Name); err != nil {
		return Object{}, err
	}
	o, err := c.insert(o)
	if err != nil {
		return Object{}, err
	}
	return o, c.answer("create", o.Type, o.Name)
}

func (c *Cloud) insert(o Object) (Object, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range o.Uses {
		if _, ok := c.objects[id]; !ok {
			return Object{}, errs.New(errs.CodeNotFound, "CLOUD_NOT_FOUND", "there is no object %s; make it first", id)
		}
	}
	c.serial++
	o.ID = fmt.Sprintf("%s-%d", o.Type, c.serial)
	o.Attributes = maps.Clone(o.Attributes)
	c.objects[o.ID] = o
	return o, nil
}

// Update replaces the attributes of an object.
func (c *Cloud) Update(ctx context.Context, id string, attributes map[string]string, uses []string) (Object, error) {
	c.mu.Lock()
	o := c.objects[id]
	c.mu.Unlock()
	if err := c.enter(ctx, "update", o.Type, o.Name); err != nil {
		return Object{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	o, ok := c.objects[id]
	if !ok {
		return Object{}, errs.New(errs.CodeNotFound, "CLOUD_NOT_FOUND", "there is no object %s; make it first", id)
	}
	o.Attributes, o.Uses = maps.Clone(attributes), uses
	c.objects[id] = o
	return o, nil
}

// Find lists the objects of a type and name.
func (c *Cloud) Find(ctx context.Context, typ, name string) ([]Object, error) {
	if err := c.enter(ctx, "list", typ, name); err != nil {
		return nil, err
	}
	c.mu.Lock()
	stale := c.stale
	c.mu.Unlock()
	if name != "" && stale != nil && stale(typ, name) {
		return nil, nil
	}
	return c.Held(typ, name), nil
}

// Held is Find for tests: without a call. An empty name means all of the type, an empty type all.
func (c *Cloud) Held(typ, name string) []Object {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []Object
	for _, o := range c.objects {
		if (typ == "" || o.Type == typ) && (name == "" || o.Name == name) {
			out = append(out, o)
		}
	}
	slices.SortFunc(out, func(a, b Object) int {
		switch {
		case a.ID < b.ID:
			return -1
		case a.ID > b.ID:
			return 1
		default:
			return 0
		}
	})
	return out
}

// Delete removes an object; an absent one is CLOUD_NOT_FOUND, one in use CLOUD_CONFLICT.
func (c *Cloud) Delete(ctx context.Context, id string) error {
	c.mu.Lock()
	o := c.objects[id]
	c.mu.Unlock()
	if err := c.enter(ctx, "delete", o.Type, o.Name); err != nil {
		return err
	}
	if err := c.remove(id); err != nil {
		return err
	}
	return c.answer("delete", o.Type, o.Name)
}

func (c *Cloud) remove(id string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.objects[id]; !ok {
		return errs.New(errs.CodeNotFound, "CLOUD_NOT_FOUND", "there is no object %s; nothing is left to delete", id)
	}
	for _, other := range c.objects {
		if slices.Contains(other.Uses, id) {
			return errs.New(errs.Aborted, "CLOUD_CONFLICT", "%s is in use by %s; delete that first", id, other.ID).With("holder", other.ID)
		}
	}
	delete(c.objects, id)
	return nil
}

// Lose removes an object and what uses it behind everybody's back.
func (c *Cloud) Lose(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.objects, id)
}

// Inventory is one line an object: type, name and attributes.
func (c *Cloud) Inventory() []string {
	var out []string
	for _, o := range c.Held("", "") {
		out = append(out, fmt.Sprintf("%s %s %v", o.Type, o.Name, o.Attributes))
	}
	slices.Sort(out)
	return out
}
