package mask_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/resource/mask"
)

func TestPaths(t *testing.T) {
	t.Parallel()
	organisation := &tenantv1.Organisation{Name: "tenants/acme/organisations/core", Uid: "org_1", Mode: typev1.ResourceMode_MUTUALIZED, HubCidr: "10.0.0.0/20"}
	vpc := &networkv1.Vpc{Uid: "vpc_1", Cidr: "10.0.0.0/24", Mode: typev1.ResourceMode_DEDICATED, DisplayName: "x"}
	for name, c := range map[string]struct {
		field  string
		mask   []string
		wanted proto.Message
		now    proto.Message
		paths  string
		fields string
	}{
		"named":               {"organisation", []string{"quota.cores", "labels"}, &tenantv1.Organisation{}, organisation, "labels quota.cores", ""},
		"named twice":         {"vpc", []string{"labels", "labels"}, &networkv1.Vpc{}, vpc, "labels", ""},
		"star":                {"vpc", []string{"*"}, &networkv1.Vpc{}, vpc, "deletion_protection display_name ingress_rules labels", ""},
		"star with others":    {"vpc", []string{"*", "labels"}, &networkv1.Vpc{}, vpc, "deletion_protection display_name ingress_rules labels", ""},
		"star, immutable":     {"vpc", []string{"*"}, &networkv1.Vpc{Cidr: "10.9.0.0/24"}, vpc, "", "vpc.cidr"},
		"star, unset":         {"organisation", []string{"*"}, &tenantv1.Organisation{}, organisation, "deletion_protection display_name labels quota", ""},
		"empty":               {"organisation", nil, &tenantv1.Organisation{DisplayName: "x"}, organisation, "display_name", ""},
		"empty, sent back":    {"vpc", nil, vpc, vpc, "display_name", ""},
		"empty, output":       {"organisation", nil, &tenantv1.Organisation{Uid: "other", Etag: "e", Name: "n"}, organisation, "", ""},
		"empty, immutable":    {"organisation", nil, &tenantv1.Organisation{Mode: typev1.ResourceMode_DEDICATED}, organisation, "", "organisation.mode"},
		"empty, input only":   {"organisation", nil, &tenantv1.Organisation{Vpcs: []*tenantv1.VpcOrder{{VpcId: "dev"}}}, organisation, "", "organisation.vpcs"},
		"immutable, same":     {"organisation", []string{"mode", "labels"}, &tenantv1.Organisation{Mode: typev1.ResourceMode_MUTUALIZED}, organisation, "labels", ""},
		"immutable, other":    {"vpc", []string{"mode", "cidr"}, &networkv1.Vpc{Mode: typev1.ResourceMode_MUTUALIZED, Cidr: "10.0.0.0/24"}, vpc, "", "vpc.mode"},
		"immutable, left out": {"vpc", []string{"cidr"}, &networkv1.Vpc{}, vpc, "", "vpc.cidr"},
		"output only":         {"vpc", []string{"uid", "state", "cloud.router_id", "name", "etag", "labels"}, &networkv1.Vpc{Uid: "other"}, vpc, "labels", ""},
		"unknown":             {"vpc", []string{"colour", "labels.env", "ingress_rules.name", "display_name.x", "quota"}, &networkv1.Vpc{}, vpc, "", "update_mask update_mask update_mask update_mask update_mask"},
		"unknown inside":      {"organisation", []string{"quota.disks", "vpcs.cidr"}, &tenantv1.Organisation{}, organisation, "", "update_mask update_mask"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			paths, err := mask.New(c.field, &fieldmaskpb.FieldMask{Paths: c.mask}, c.wanted).Paths(c.now)
			var fields []string
			if e, ok := errs.As(err); ok {
				for _, f := range e.Fields {
					fields = append(fields, f.Field)
				}
			}
			if got := strings.Join(fields, " "); got != c.fields || (err == nil && strings.Join(paths, " ") != c.paths) {
				t.Errorf("got %v, %v; want %q, fields %q", paths, err, c.paths, c.fields)
			}
		})
	}
}

func TestPaths_errorsNameValueAndRemedy(t *testing.T) {
	t.Parallel()
	now := &networkv1.Vpc{Cidr: "10.0.0.0/24", Mode: typev1.ResourceMode_DEDICATED}
	for want, c := range map[string]*fieldmaskpb.FieldMask{
		"cannot change from 10.0.0.0/24; leave it out, or make a new vpc":                              {Paths: []string{"cidr"}},
		"cannot change from DEDICATED; leave it out, or make a new vpc":                                {Paths: []string{"mode"}},
		`"colour" is no field of a vpc; use: display_name, labels, ingress_rules, deletion_protection`: {Paths: []string{"colour"}},
	} {
		_, err := mask.New("vpc", c, &networkv1.Vpc{}).Paths(now)
		e, ok := errs.As(err)
		if !ok || len(e.Fields) != 1 || e.Fields[0].Description != want {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
