package route_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/low-layer/platform/services/gateway/internal/edge/route"

	_ "github.com/low-layer/platform/gen/go/lowlayer/audit/v1"
	_ "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	_ "github.com/low-layer/platform/gen/go/lowlayer/networkinternal/v1"
	_ "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	_ "github.com/low-layer/platform/gen/go/lowlayer/receipt/v1"
	_ "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	_ "github.com/low-layer/platform/gen/go/lowlayer/watch/v1"
	"google.golang.org/protobuf/reflect/protoregistry"
)

func table(t *testing.T) *route.Table {
	t.Helper()
	got, err := route.New(protoregistry.GlobalFiles, []string{"tenant", "network"})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestMatch(t *testing.T) {
	r := table(t)
	for request, want := range map[string]string{
		"GET /v1/tenants":                                         "/lowlayer.tenant.v1.TenantService/ListTenants",
		"GET /v1/tenants/a":                                       "/lowlayer.tenant.v1.TenantService/GetTenant",
		"POST /v1/tenants/a:suspend":                              "/lowlayer.tenant.v1.TenantService/SuspendTenant",
		"GET /v1/tenants/a/operations":                            "/lowlayer.operation.v1.OperationService/ListOperations",
		"POST /v1/tenants/a/operations/b:wait":                    "/lowlayer.operation.v1.OperationService/WaitOperation",
		"GET /v1/tenants/a/receipts/b":                            "/lowlayer.receipt.v1.ReceiptService/GetReceipt",
		"GET /v1/tenants/a/auditEvents":                           "/lowlayer.audit.v1.AuditService/ListAuditEvents",
		"GET /v1/tenants/a/auditEvents:export":                    "/lowlayer.audit.v1.AuditService/ExportAuditEvents",
		"GET /v1/receiptKeys":                                     "/lowlayer.receipt.v1.ReceiptService/ListReceiptKeys",
		"GET /v1/tenants/a/organisations/b/hub":                   "/lowlayer.network.v1.HubService/GetHub",
		"PATCH /v1/tenants/a/organisations/b/vpcs/c":              "/lowlayer.network.v1.VpcService/UpdateVpc",
		"GET /v1/tenants/operations":                              "/lowlayer.tenant.v1.TenantService/GetTenant",
		"POST /v1/tenants/a/organisations/b:rotateCredential":     "/lowlayer.tenant.v1.OrganisationService/RotateOrganisationCredential",
		"GET /v1/tenants/":                                        "",
		"GET /v1//a":                                              "",
		"GET /v1/tenants/a/":                                      "",
		"GET v1/tenants":                                          "",
		"GET /":                                                   "",
		"POST /v1/tenants/a:explode":                              "",
		"POST /v1/tenants/:suspend":                               "",
		"GET /v1/tenants/a/organisations/b/vpcs/c/d":              "",
		"POST /v1/tenants/a/organisations/b/vpcs/c/d:suspend/x:y": "",
	} {
		verb, path, _ := strings.Cut(request, " ")
		got, _ := r.Match(verb, path)
		if (got == nil) != (want == "") || (got != nil && got.Full != want) {
			t.Errorf("%s: got %v", request, got)
		}
	}
	if _, allowed := r.Match("PUT", "/v1/tenants"); !slices.Equal(allowed, []string{"GET", "POST"}) {
		t.Errorf("allowed are %v", allowed)
	}
}

func TestRoute_everyTemplate_isFound(t *testing.T) {
	r := table(t)
	if len(r.Routes()) < 30 {
		t.Errorf("there are only %d routes", len(r.Routes()))
	}
	for _, want := range r.Routes() {
		path := strings.NewReplacer("*", "x", "{", "", "}", "").Replace(want.Template)
		for _, v := range []string{"vpc.", "tenant.", "organisation.", "member."} {
			path = strings.ReplaceAll(path, v, "")
		}
		path = strings.ReplaceAll(strings.ReplaceAll(path, "name=", ""), "parent=", "")
		if got, _ := r.Match(want.Verb, path); got != want {
			t.Errorf("%s %s is found as %v", want.Verb, path, got)
		}
	}
}

func TestRoute_otherMethods_areUnknown(t *testing.T) {
	r := table(t)
	for _, s := range r.Services() {
		if strings.Contains(s, "internal") || strings.Contains(s, "Foundation") {
			t.Errorf("%s is routed", s)
		}
	}
	if _, ok := r.Method("/lowlayer.network.internal.v1.FoundationService/EnsureHub"); ok {
		t.Error("an internal method is routed")
	}
	m, ok := r.Method("/lowlayer.network.v1.VpcService/GetVpc")
	if !ok || m.Backend != "network" || m.Streaming() {
		t.Errorf("got %+v", m)
	}
	alone, err := route.New(protoregistry.GlobalFiles, []string{"tenant"})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := alone.Method("/lowlayer.network.v1.VpcService/GetVpc"); ok {
		t.Error("a backend that is not there is routed")
	}
}

func TestRoute_parameters(t *testing.T) {
	r := table(t)
	find := func(verb, path string) *route.Route {
		got, _ := r.Match(verb, path)
		if got == nil {
			t.Fatalf("%s %s is not found", verb, path)
		}
		return got
	}
	create := find("POST", "/v1/tenants/a/organisations/b/vpcs")
	if create.Prefix() != "vpc." || create.RequestID == nil || create.Etag != nil || create.Params["vpcId"].Path != "vpc_id" || create.Params["vpc"].Field != nil || create.Params["parent"].Field != nil {
		t.Errorf("create: %+v", create)
	}
	update := find("PATCH", "/v1/tenants/a/organisations/b/vpcs/c")
	if len(update.Etag) != 2 || update.Params["updateMask"].Path != "update_mask" {
		t.Errorf("update: %+v", update)
	}
	remove := find("DELETE", "/v1/tenants/a/organisations/b/vpcs/c")
	if len(remove.Etag) != 1 || remove.BodyMessage != nil || remove.Params["etag"].Field == nil {
		t.Errorf("delete: %+v", remove)
	}
	action := find("POST", "/v1/tenants/a:suspend")
	if action.Prefix() != "" || len(action.Params) != 2 || action.Params["validateOnly"].Path != "validate_only" || action.BodyMessage == nil {
		t.Errorf("action: %+v", action)
	}
}
