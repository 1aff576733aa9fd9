package reconcile

import (
	"fmt"

	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/services/network/internal/core/drift"
	"github.com/low-layer/platform/services/network/internal/core/topology"
)

const (
	typeScope   = topology.TypeScope
	typePool    = topology.TypePool
	typeNetwork = topology.TypeNetwork
	typeSubnet  = topology.TypeSubnet
	typeRouter  = topology.TypeRouter
	typePort    = topology.TypePort
	typeGroup   = topology.TypeGroup
)

// judged is a resource as a pass sees it.
type judged struct {
	uid, name  string
	conditions []resource.Condition
}

// has reports whether the resource shows a condition already.
func (r judged) has(want provision.Condition) bool {
	for _, c := range r.conditions {
		if c.Type == want.Type {
			return c.Status == want.Status && c.Reason == want.Reason && c.Message == want.Message
		}
	}
	return false
}

// resources are all there are, in the order in which they stand on one another.
func resources(w drift.Wanted) []judged {
	var out []judged
	add := func(m resource.Meta, name string) {
		out = append(out, judged{uid: m.UID, name: name, conditions: m.Status.Conditions})
	}
	for _, b := range w.Boundaries {
		add(b.Meta, b.Name())
	}
	for _, h := range w.Hubs {
		add(h.Meta, h.Name.String())
	}
	for _, v := range w.Vpcs {
		add(v.Meta, v.Name.String())
	}
	for _, p := range w.Peerings {
		add(p.Meta, p.Name.String())
	}
	return out
}

// conditionOf sums findings up for the resource.
func conditionOf(findings []drift.Finding) provision.Condition {
	var ours, foreign int
	for _, f := range findings {
		if f.Kind == drift.Foreign {
			foreign++
		} else {
			ours++
		}
	}
	c := provision.Condition{Type: provision.ConditionInSync, Status: provision.ConditionTrue, Reason: "InSync", Message: "the cloud holds what was asked for"}
	switch {
	case ours > 0:
		c.Status, c.Reason = provision.ConditionFalse, "Drifted"
		c.Message = fmt.Sprintf("%d objects were changed or removed by hand and are being put right", ours)
	case foreign > 0:
		c.Reason = "ForeignObjects"
		c.Message = fmt.Sprintf("the cloud holds what was asked for, and %d objects of others", foreign)
	}
	return c
}
