package fielddiff_test

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/libs/fielddiff"
)

func TestCompare(t *testing.T) {
	t.Parallel()
	web := &networkv1.IngressRule{Name: "web", Protocol: networkv1.IngressRule_TCP, PortMin: 443, SourceCidr: "0.0.0.0/0"}
	webInside := proto.CloneOf(web)
	webInside.SourceCidr = "10.0.0.0/8"
	all := &networkv1.IngressRule{Name: "all", Protocol: networkv1.IngressRule_TCP, SourceCidr: "0.0.0.0/0"}
	for name, c := range map[string]struct {
		before, after proto.Message
		want          []fielddiff.Difference
	}{
		"the same":    {&networkv1.Vpc{DisplayName: "a"}, &networkv1.Vpc{DisplayName: "a"}, nil},
		"not there":   {nil, nil, nil},
		"typed nil":   {(*networkv1.Vpc)(nil), &networkv1.Vpc{Cidr: "10.0.0.0/20"}, []fielddiff.Difference{{Path: "cidr", Action: fielddiff.Add, After: "10.0.0.0/20"}}},
		"scalar":      {&networkv1.Vpc{DisplayName: "a"}, &networkv1.Vpc{DisplayName: "b"}, []fielddiff.Difference{{Path: "display_name", Action: fielddiff.Change, Before: "a", After: "b"}}},
		"bool":        {&networkv1.Vpc{DeletionProtection: true}, &networkv1.Vpc{}, []fielddiff.Difference{{Path: "deletion_protection", Action: fielddiff.Remove, Before: "true"}}},
		"new element": {&networkv1.Vpc{}, &networkv1.Vpc{IngressRules: []*networkv1.IngressRule{all}}, []fielddiff.Difference{{Path: "ingress_rules", Action: fielddiff.Add, After: "all tcp 0.0.0.0/0"}}},
		"changed and removed elements": {
			&networkv1.Vpc{IngressRules: []*networkv1.IngressRule{all, web}}, &networkv1.Vpc{IngressRules: []*networkv1.IngressRule{webInside}},
			[]fielddiff.Difference{
				{Path: "ingress_rules", Action: fielddiff.Remove, Before: "all tcp 0.0.0.0/0"},
				{Path: "ingress_rules", Action: fielddiff.Change, Before: "web tcp port_min=443 0.0.0.0/0", After: "web tcp port_min=443 10.0.0.0/8"},
			},
		},
		"elements in another order": {
			&networkv1.Vpc{IngressRules: []*networkv1.IngressRule{all, web}}, &networkv1.Vpc{IngressRules: []*networkv1.IngressRule{web, all}}, nil,
		},
		"labels": {
			&networkv1.Vpc{Labels: map[string]string{"a": "1", "b": "2"}}, &networkv1.Vpc{Labels: map[string]string{"b": "3", "c": ""}},
			[]fielddiff.Difference{
				{Path: "labels.a", Action: fielddiff.Remove, Before: "1"},
				{Path: "labels.b", Action: fielddiff.Change, Before: "2", After: "3"},
				{Path: "labels.c", Action: fielddiff.Add, After: `""`},
			},
		},
		"nested message": {
			&tenantv1.Organisation{Quota: &tenantv1.Quota{Cores: 8}}, &tenantv1.Organisation{Quota: &tenantv1.Quota{Cores: 16, Routers: 2}},
			[]fielddiff.Difference{
				{Path: "quota.cores", Action: fielddiff.Change, Before: "8", After: "16"}, {Path: "quota.routers", Action: fielddiff.Add, After: "2"},
			},
		},
		"enum and input of a new resource": {
			nil, &tenantv1.Organisation{Mode: typev1.ResourceMode_DEDICATED, Vpcs: []*tenantv1.VpcOrder{{VpcId: "prod", Cidr: "10.0.0.0/20"}}},
			[]fielddiff.Difference{
				{Path: "mode", Action: fielddiff.Add, After: "dedicated"}, {Path: "vpcs", Action: fielddiff.Add, After: "prod 10.0.0.0/20"},
			},
		},
		"what the platform sets": {
			&networkv1.Vpc{Name: "a", Uid: "1", Etag: "x", State: typev1.State_ACTIVE, Cloud: &networkv1.VpcCloudRefs{RouterId: "r"}},
			&networkv1.Vpc{Name: "b", Uid: "2", Etag: "y", State: typev1.State_UPDATING}, nil,
		},
		"secret": {&tenantv1.ServiceAccount{}, &tenantv1.ServiceAccount{Secret: "hidden"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := fielddiff.Compare(c.before, c.after); !slices.Equal(got, c.want) {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}
