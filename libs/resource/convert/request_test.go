package convert_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resource/convert"
)

func TestIdentity_digestCoversEverythingButRequestID(t *testing.T) {
	t.Parallel()
	digest := func(change func(*tenantv1.CreateOrganisationRequest)) string {
		t.Helper()
		req := &tenantv1.CreateOrganisationRequest{
			Parent: "tenants/acme", OrganisationId: "core", RequestId: "one",
			Organisation: &tenantv1.Organisation{Labels: map[string]string{"a": "1", "b": "2", "c": "3"}},
		}
		change(req)
		before := proto.Clone(req)
		id, err := convert.Identity(t.Context(), req)
		if err != nil || id.ID != req.GetRequestId() || id.ValidateOnly {
			t.Fatalf("got %+v, %v", id, err)
		}
		if !proto.Equal(before, req) {
			t.Error("Identity changed the request")
		}
		return string(id.Digest)
	}
	same := digest(func(*tenantv1.CreateOrganisationRequest) {})
	for range 20 {
		if digest(func(*tenantv1.CreateOrganisationRequest) {}) != same {
			t.Fatal("the same content has two digests")
		}
	}
	if digest(func(r *tenantv1.CreateOrganisationRequest) { r.RequestId = "two" }) != same {
		t.Error("the digest covers request_id")
	}
	if digest(func(r *tenantv1.CreateOrganisationRequest) { r.Organisation.Labels["c"] = "4" }) == same {
		t.Error("other content has the same digest")
	}
}

func TestIdentity_validateOnly_isNotRemembered(t *testing.T) {
	t.Parallel()
	id, err := convert.Identity(t.Context(), &tenantv1.CreateOrganisationRequest{RequestId: "one", ValidateOnly: true})
	if err != nil || !id.ValidateOnly || id.ID != "" {
		t.Errorf("got %+v, %v", id, err)
	}
}

func TestList_readsTheRequest(t *testing.T) {
	t.Parallel()
	got := convert.List(t.Context(), &tenantv1.ListOrganisationsRequest{
		Parent: "tenants/acme", PageSize: 7, PageToken: "t", Filter: "f", OrderBy: "o", ShowDeleted: true,
	})
	if got.Parent != "tenants/acme" || got.Size != 7 || got.Token != "t" || got.Filter != "f" || got.Order != "o" || !got.All {
		t.Errorf("got %+v", got)
	}
}

func TestValues_comeBack(t *testing.T) {
	t.Parallel()
	for n := range typev1.State_name {
		if s := typev1.State(n); convert.State(convert.StateOf(s)) != s {
			t.Errorf("state %s comes back as %s", s, convert.State(convert.StateOf(s)))
		}
	}
	for n := range typev1.ResourceMode_name {
		if m := typev1.ResourceMode(n); convert.Mode(convert.ModeOf(m)) != m {
			t.Errorf("mode %s comes back as %s", m, convert.Mode(convert.ModeOf(m)))
		}
	}
	at := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	b := resource.Blockage{Owner: resource.OwnerProvider, Reason: "R", Message: "m", Remedy: "r", Step: "s", RetryTime: at, SinceTime: at.Add(time.Hour)}
	if got := convert.BlockageOf(convert.Blockage(&b)); *got != b {
		t.Errorf("blockage comes back as %+v", got)
	}
	if convert.BlockageOf(nil) != nil {
		t.Error("no blockage became one")
	}
	cs := resource.Conditions{{Type: "T", Status: "True", Reason: "R", Message: "m", LastTransitionTime: at}, {Type: "U"}}
	got := convert.ConditionsOf(convert.Conditions(cs))
	if len(got) != 2 || got[0] != cs[0] || got[1] != cs[1] {
		t.Errorf("conditions come back as %+v", got)
	}
}
