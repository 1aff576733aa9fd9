// Package usage is what resources are billed for. A meter counts one thing; a kind of resource has a quantity of some meters for as
// long as it exists, or is free.
//
//	usage        meters, kinds and the differences of usage; values that core packages may import
//	usage/spans  closes and opens spans in the transaction of a state change
//	usage/pricing  adds the price to the plan of a change
//
// A new kind of resource adds itself to Kinds. A service whose kind is not there, or whose kind has meters and declares no usage to
// the engine, does not start: usage cannot be forgotten.
package usage

import (
	"cmp"
	"slices"

	"github.com/low-layer/platform/libs/resource"
)

// Meter counts one thing.
type Meter struct {
	// Name is the key of prices and spans. It never changes.
	Name string
	// Unit is one of it.
	Unit string
}

// The meters.
const (
	Organisation = "organisation"
	Vpc          = "vpc"
	Router       = "router"
	Peering      = "peering"
)

// Meters lists every meter.
func Meters() []Meter {
	return []Meter{{Organisation, "organisation"}, {Vpc, "VPC"}, {Router, "router"}, {Peering, "peering"}}
}

// Kind is a kind of resource.
type Kind struct {
	Name string
	// Meters has one of each for as long as the resource exists.
	Meters []string
	// Free says why the kind has no meters.
	Free string
}

// Kinds lists every kind of resource of the platform.
func Kinds() []Kind {
	return []Kind{
		{Name: "tenant", Free: "its organisations are billed"},
		{Name: "organisation", Meters: []string{Organisation}},
		{Name: "boundary", Free: "it is addresses only"},
		{Name: "hub", Meters: []string{Router}},
		{Name: "vpc", Meters: []string{Vpc, Router}},
		{Name: "peering", Meters: []string{Peering}},
	}
}

// KindOf returns the kind of a name.
func KindOf(name string) (Kind, bool) {
	all := Kinds()
	i := slices.IndexFunc(all, func(k Kind) bool { return k.Name == name })
	if i < 0 {
		return Kind{}, false
	}
	return all[i], true
}

// Item is a quantity of one meter in one mode.
type Item struct {
	Meter    string
	Mode     resource.Mode
	Quantity int64
}

// Of returns the usage of a resource of a kind in a mode; none for a free kind.
func Of(kind string, mode resource.Mode) []Item {
	k, _ := KindOf(kind)
	out := make([]Item, len(k.Meters))
	for i, m := range k.Meters {
		out[i] = Item{Meter: m, Mode: mode, Quantity: 1}
	}
	return out
}

// Effect is the quantity of one meter that a resource has before and after a change.
type Effect struct {
	Resource, Meter string
	Mode            resource.Mode
	Before, After   int64
}

// Effects returns the differences of a resource's usage, by meter and mode. Equal usage has none.
func Effects(name string, before, after []Item) []Effect {
	type key struct {
		meter string
		mode  resource.Mode
	}
	found := map[key]*Effect{}
	at := func(i Item) *Effect {
		k := key{i.Meter, i.Mode}
		if found[k] == nil {
			found[k] = &Effect{Resource: name, Meter: i.Meter, Mode: i.Mode}
		}
		return found[k]
	}
	for _, i := range before {
		at(i).Before += i.Quantity
	}
	for _, i := range after {
		at(i).After += i.Quantity
	}
	var out []Effect
	for _, e := range found {
		if e.Before != e.After {
			out = append(out, *e)
		}
	}
	slices.SortFunc(out, func(a, b Effect) int { return cmp.Or(cmp.Compare(a.Meter, b.Meter), cmp.Compare(a.Mode, b.Mode)) })
	return out
}
