package api

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

func TestMask(t *testing.T) {
	current := &tenantv1.Organisation{Mode: typev1.ResourceMode_MUTUALIZED, Uid: "org_1"}
	for name, c := range map[string]struct {
		mask   []string
		wanted *tenantv1.Organisation
		paths  string
		fields string
	}{
		"named":                 {[]string{"labels", "quota.cores"}, &tenantv1.Organisation{}, "labels quota.cores", ""},
		"all":                   {[]string{"*"}, &tenantv1.Organisation{}, strings.Join(organisationMask.mutable, " "), ""},
		"empty":                 {nil, &tenantv1.Organisation{DisplayName: "x"}, "display_name", ""},
		"empty, output ignored": {nil, &tenantv1.Organisation{DisplayName: "x", Uid: "other", Etag: "e"}, "display_name", ""},
		"empty, same immutable": {nil, &tenantv1.Organisation{Mode: typev1.ResourceMode_MUTUALIZED}, "", ""},
		"empty, other immutable": {
			nil, &tenantv1.Organisation{Mode: typev1.ResourceMode_DEDICATED, DisplayName: "x"}, "display_name", "organisation.mode",
		},
		"immutable":         {[]string{"mode", "labels"}, &tenantv1.Organisation{}, "labels", "update_mask"},
		"output only":       {[]string{"uid"}, &tenantv1.Organisation{}, "", "update_mask"},
		"unknown":           {[]string{"colour", "vpcs.cidr"}, &tenantv1.Organisation{}, "", "update_mask update_mask"},
		"star among others": {[]string{"*", "labels"}, &tenantv1.Organisation{}, "labels", "update_mask"},
	} {
		t.Run(name, func(t *testing.T) {
			paths, err := organisationMask.paths(&fieldmaskpb.FieldMask{Paths: c.mask}, c.wanted, current)
			var fields []string
			if e, ok := errs.As(err); ok {
				for _, f := range e.Fields {
					fields = append(fields, f.Field)
				}
			}
			if strings.Join(fields, " ") != c.fields || (err == nil && strings.Join(paths, " ") != c.paths) {
				t.Errorf("got %v, %v; want %q, fields %q", paths, err, c.paths, c.fields)
			}
		})
	}
}

func TestQuotaChange(t *testing.T) {
	wanted := tenancy.Quota{Cores: 1, RAMMiB: 2, Instances: 3, Networks: 4, Routers: 5, Ports: 6, SecurityGroups: 7}
	if quotaChange([]string{"labels"}, wanted) != nil {
		t.Error("a mask without quota changes it")
	}
	if got := quotaChange([]string{"quota.cores", "quota"}, wanted)(tenancy.Quota{Cores: 9, Ports: 9}); got != wanted {
		t.Errorf("the whole quota: %+v", got)
	}
	old := tenancy.Quota{Cores: 10, RAMMiB: 10, Instances: 10, Networks: 10, Routers: 10, Ports: 10, SecurityGroups: 10}
	var all []string
	for _, p := range organisationMask.mutable {
		if strings.HasPrefix(p, "quota.") {
			all = append(all, p)
			if got := quotaChange([]string{p}, wanted)(old); got == old || got == wanted {
				t.Errorf("%s alone: %+v", p, got)
			}
		}
	}
	if got := quotaChange(all, wanted)(old); got != wanted {
		t.Errorf("every field by name: %+v", got)
	}
}

// TestRepeatable shows what makes two calls the same one.
func TestRepeatable(t *testing.T) {
	digest := func(change func(*tenantv1.CreateOrganisationRequest)) string {
		t.Helper()
		req := &tenantv1.CreateOrganisationRequest{
			Parent: "tenants/acme", OrganisationId: "core", RequestId: "one",
			Organisation: &tenantv1.Organisation{Labels: map[string]string{"a": "1", "b": "2", "c": "3"}},
		}
		change(req)
		before := proto.Clone(req)
		r, err := repeatable("CreateOrganisation", req.GetRequestId(), req)
		if err != nil || r.Method != "CreateOrganisation" || r.ID != req.GetRequestId() {
			t.Fatalf("got %+v, %v", r, err)
		}
		if !proto.Equal(before, req) {
			t.Error("the request was changed")
		}
		return string(r.Digest)
	}
	same := digest(func(*tenantv1.CreateOrganisationRequest) {})
	for range 20 {
		if digest(func(*tenantv1.CreateOrganisationRequest) {}) != same {
			t.Fatal("the same content has two digests")
		}
	}
	if digest(func(r *tenantv1.CreateOrganisationRequest) { r.RequestId = "two" }) != same {
		t.Error("the request id is part of the digest")
	}
	if digest(func(r *tenantv1.CreateOrganisationRequest) { r.Organisation.Labels["c"] = "4" }) == same {
		t.Error("other content has the same digest")
	}
}

// TestRendering shows that no word of the domain is lost on its way out.
func TestRendering(t *testing.T) {
	for _, m := range []tenancy.Mode{tenancy.Mutualized, tenancy.Dedicated} {
		if got := modeFromProto(organisationToProto(tenancy.Organisation{Mode: m}).GetMode()); got != m {
			t.Errorf("mode %s comes back as %s", m, got)
		}
	}
	for _, s := range []tenancy.State{
		tenancy.StateCreating, tenancy.StateActive, tenancy.StateUpdating, tenancy.StateSuspended, tenancy.StateDeleting, tenancy.StateDeleted,
	} {
		if got := stateToProto(s).String(); got != string(s) {
			t.Errorf("state %s is rendered as %s", s, got)
		}
	}
	q := tenancy.Quota{Cores: 1, RAMMiB: 2, Instances: 3, Networks: 4, Routers: 5, Ports: 6, SecurityGroups: 7}
	if got := quotaFromProto(quotaToProto(q)); got != q {
		t.Errorf("quota comes back as %+v", got)
	}
	shown := tenantToProto(tenancy.Tenant{ID: "acme", Suspended: true, SuspendReason: "unpaid"})
	if !slices.ContainsFunc(shown.GetConditions(), func(c *typev1.Condition) bool { return c.GetType() == "Suspended" && c.GetMessage() == "unpaid" }) {
		t.Errorf("conditions: %v", shown.GetConditions())
	}
}
