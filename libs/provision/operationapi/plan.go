package operationapi

import (
	"math"

	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/libs/provision"
	"github.com/low-layer/platform/libs/resource/convert"
	"github.com/low-layer/platform/libs/usage"
)

// planToProto is nil for an operation that is no preview.
func planToProto(p *provision.Preview) *operationv1.Plan {
	if p == nil {
		return nil
	}
	m := &operationv1.Plan{Steps: steps(p.Steps), Objects: Objects(p.Objects), PurgeTime: convert.Time(p.PurgeTime), PurgedObjects: Objects(p.Purged)}
	for _, q := range p.Quota {
		m.Quota = append(m.Quota, &operationv1.QuotaEffect{
			Resource: q.Resource, UsageChange: int32(min(max(q.UsageChange, math.MinInt32), math.MaxInt32)), Limit: count(q.Limit),
			Quota: q.Quota, TakenAfter: count(q.TakenAfter), EffectiveLimit: int32(min(max(q.EffectiveLimit, -1), math.MaxInt32)),
		})
	}
	m.Usage = Usage(p.Usage)
	for _, d := range p.Fields {
		m.Fields = append(m.Fields, &operationv1.FieldChange{
			Resource: d.Resource, Path: d.Path, Before: d.Before, After: d.After,
			Action: operationv1.FieldChange_Action(operationv1.FieldChange_Action_value[string(d.Action)]),
		})
	}
	return m
}

// Usage is the effects on usage as the API shows them.
func Usage(in []usage.Effect) []*typev1.UsageEffect {
	return convert.All(in, func(e usage.Effect) *typev1.UsageEffect {
		return &typev1.UsageEffect{Resource: e.Resource, Meter: e.Meter, Mode: convert.Mode(e.Mode), QuantityBefore: e.Before, QuantityAfter: e.After}
	})
}

// Objects are planned objects as the API shows them.
func Objects(in []provision.PlannedObject) []*operationv1.PlannedObject {
	out := make([]*operationv1.PlannedObject, len(in))
	for i, o := range in {
		out[i] = &operationv1.PlannedObject{
			Action: operationv1.PlannedObject_Action(operationv1.PlannedObject_Action_value[string(o.Action)]),
			Step:   o.Step, Title: o.Title, Type: o.Type, Id: o.ID, Name: o.Name, Resource: o.Resource, Service: o.Service,
		}
	}
	return out
}
