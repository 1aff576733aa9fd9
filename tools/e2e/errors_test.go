package e2e_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/tools/stack/stacktest"
)

// TestBadInput gives the same bad input over REST and over gRPC: both must answer the same reason and name the same field.
func TestBadInput(t *testing.T) {
	s := platform(t)
	s.Must(t, "tenant", "create", "umbrella", "--network-cidr", "10.128.0.0/16")
	s.Must(t, "organisation", "create", "umbrella/main", "--mode", "MUTUALIZED", "--vpc", "dev@10.128.16.0/20")
	before := s.Inventory(t, "lowlayer") // our objects only: Neutron makes a default group at the first list
	conn := stacktest.Dial(t, s.Addresses().Gateway)
	vpcs, organisations := networkv1.NewVpcServiceClient(conn), tenantv1.NewOrganisationServiceClient(conn)
	const parent = "tenants/umbrella/organisations/main"
	createVpc := func(parent, id string, v *networkv1.Vpc) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := vpcs.CreateVpc(ctx, &networkv1.CreateVpcRequest{Parent: parent, VpcId: id, Vpc: v})
			return err
		}
	}
	cases := []struct {
		name, method, path, body string
		grpc                     func(context.Context) error // nil when gRPC cannot express it
		http                     int
		reason, field            string
	}{
		{
			"unknown field", http.MethodPost, "/v1/" + parent + "/vpcs?vpcId=x1", `{"cidrr": "10.128.32.0/20"}`, nil,
			http.StatusBadRequest, "", "cidrr",
		},
		{
			"bad CIDR", http.MethodPost, "/v1/" + parent + "/vpcs?vpcId=x1", `{"cidr": "10.128.300.0/20"}`,
			createVpc(parent, "x1", &networkv1.Vpc{Cidr: "10.128.300.0/20"}), http.StatusBadRequest, "", "vpc.cidr",
		},
		{
			"host bits", http.MethodPost, "/v1/" + parent + "/vpcs?vpcId=x1", `{"cidr": "10.128.33.0/20"}`,
			createVpc(parent, "x1", &networkv1.Vpc{Cidr: "10.128.33.0/20"}), http.StatusBadRequest, "", "vpc.cidr",
		},
		{
			"overlap", http.MethodPost, "/v1/" + parent + "/vpcs?vpcId=x1", `{"cidr": "10.128.24.0/21"}`,
			createVpc(parent, "x1", &networkv1.Vpc{Cidr: "10.128.24.0/21"}), http.StatusBadRequest, "CIDR_OVERLAP", "vpc.cidr",
		},
		{
			"outside the tenant", http.MethodPost, "/v1/" + parent + "/vpcs?vpcId=x1", `{"cidr": "192.168.0.0/20"}`,
			createVpc(parent, "x1", &networkv1.Vpc{Cidr: "192.168.0.0/20"}), http.StatusBadRequest, "CIDR_OUTSIDE_TENANT", "vpc.cidr",
		},
		{
			"missing parent", http.MethodPost, "/v1/tenants/umbrella/organisations/none/vpcs?vpcId=x1", `{}`,
			createVpc("tenants/umbrella/organisations/none", "x1", &networkv1.Vpc{}), http.StatusNotFound, "ORGANISATION_NOT_FOUND", "",
		},
		{
			"id taken", http.MethodPost, "/v1/" + parent + "/vpcs?vpcId=dev", `{}`,
			createVpc(parent, "dev", &networkv1.Vpc{}), http.StatusConflict, "VPC_EXISTS", "",
		},
		{
			"bad id", http.MethodPost, "/v1/" + parent + "/vpcs?vpcId=UPPER", `{}`,
			createVpc(parent, "UPPER", &networkv1.Vpc{}), http.StatusBadRequest, "", "vpc_id",
		},
		{
			"stale etag", http.MethodPatch, "/v1/" + parent + "/vpcs/dev?updateMask=displayName", `{"displayName": "x", "etag": "stale"}`,
			func(ctx context.Context) error {
				_, err := vpcs.UpdateVpc(ctx, &networkv1.UpdateVpcRequest{
					Vpc:        &networkv1.Vpc{Name: parent + "/vpcs/dev", DisplayName: "x", Etag: "stale"},
					UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"display_name"}},
				})
				return err
			}, http.StatusPreconditionFailed, "ETAG_MISMATCH", "",
		},
		{
			"immutable field", http.MethodPatch, "/v1/" + parent + "/vpcs/dev?updateMask=cidr", `{"cidr": "10.128.32.0/20"}`,
			func(ctx context.Context) error {
				_, err := vpcs.UpdateVpc(ctx, &networkv1.UpdateVpcRequest{
					Vpc:        &networkv1.Vpc{Name: parent + "/vpcs/dev", Cidr: "10.128.32.0/20"},
					UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"cidr"}},
				})
				return err
			}, http.StatusBadRequest, "", "cidr",
		},
		{
			"wrong mode", http.MethodPost, "/v1/tenants/umbrella/organisations?organisationId=x1", `{"mode": "SHARED"}`, nil,
			http.StatusBadRequest, "", "mode",
		},
		{
			"no mode", http.MethodPost, "/v1/tenants/umbrella/organisations?organisationId=x1", `{}`,
			func(ctx context.Context) error {
				_, err := organisations.CreateOrganisation(ctx, &tenantv1.CreateOrganisationRequest{Parent: "tenants/umbrella", OrganisationId: "x1", Organisation: &tenantv1.Organisation{}})
				return err
			}, http.StatusBadRequest, "", "organisation.mode",
		},
		{
			"overlap inside an order", http.MethodPost, "/v1/tenants/umbrella/organisations?organisationId=x1",
			`{"mode": "DEDICATED", "vpcs": [{"vpcId": "aa", "cidr": "10.128.48.0/20"}, {"vpcId": "bb", "cidr": "10.128.48.0/21"}]}`,
			func(ctx context.Context) error {
				_, err := organisations.CreateOrganisation(ctx, &tenantv1.CreateOrganisationRequest{
					Parent: "tenants/umbrella", OrganisationId: "x1",
					Organisation: &tenantv1.Organisation{Mode: typev1.ResourceMode_DEDICATED, Vpcs: []*tenantv1.VpcOrder{
						{VpcId: "aa", Cidr: "10.128.48.0/20"}, {VpcId: "bb", Cidr: "10.128.48.0/21"},
					}},
				})
				return err
			}, http.StatusBadRequest, "CIDR_OVERLAP", "organisation.vpcs[1].cidr",
		},
		{
			"unknown query parameter", http.MethodGet, "/v1/" + parent + "/vpcs?pagesize=3", "", nil,
			http.StatusBadRequest, "", "pagesize",
		},
		{
			"bad filter", http.MethodGet, "/v1/" + parent + "/vpcs?filter=colour%3Dred", "",
			func(ctx context.Context) error {
				_, err := vpcs.ListVpcs(ctx, &networkv1.ListVpcsRequest{Parent: parent, Filter: "colour=red"})
				return err
			}, http.StatusBadRequest, "", "filter",
		},
		{
			"bad page token", http.MethodGet, "/v1/" + parent + "/vpcs?pageToken=nonsense", "",
			func(ctx context.Context) error {
				_, err := vpcs.ListVpcs(ctx, &networkv1.ListVpcsRequest{Parent: parent, PageToken: "nonsense"})
				return err
			}, http.StatusBadRequest, "", "page_token",
		},
		{
			"2 MiB body", http.MethodPost, "/v1/" + parent + "/vpcs?vpcId=x1", `{"displayName": "` + strings.Repeat("x", 2<<20) + `"}`, nil,
			http.StatusRequestEntityTooLarge, "", "",
		},
		{
			"deep JSON", http.MethodPost, "/v1/" + parent + "/vpcs?vpcId=x1", strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000), nil,
			http.StatusBadRequest, "", "",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			code, head, problem := s.REST(t, c.method, c.path, c.body)
			if code != c.http || head.Get("Content-Type") != "application/problem+json" {
				t.Errorf("REST answers %d %s, want %d: %v", code, head.Get("Content-Type"), c.http, problem)
			}
			said := flat(problem)
			if c.reason != "" && problem["reason"] != c.reason {
				t.Errorf("REST answers the reason %v, want %s", problem["reason"], c.reason)
			}
			if c.field != "" && !strings.Contains(said, c.field) && !strings.Contains(said, camel(c.field)) {
				t.Errorf("REST does not name the field %s: %s", c.field, said)
			}
			if id, _ := problem["instance"].(string); id == "" {
				t.Errorf("REST gives no request id: %s", said)
			}
			if c.grpc != nil {
				compareStatus(t, c.grpc(t.Context()), problem, c.field)
			}
		})
	}
	if after := s.Inventory(t, "lowlayer"); len(before) == 0 || flat(after) != flat(before) {
		t.Errorf("something was left behind: %v, before it was %v", after, before)
	}
	if r := s.Lowlayer(t, "organisation", "list", "umbrella", "-o", "name"); strings.Count(r.Out, "\n") != 1 {
		t.Errorf("organisations: %s", r.Out)
	}
}

// compareStatus checks that a gRPC error says what the REST problem says.
func compareStatus(t *testing.T, err error, problem map[string]any, field string) {
	t.Helper()
	s, ok := status.FromError(err)
	if err == nil || !ok {
		t.Fatalf("gRPC answers %v", err)
	}
	if problem["detail"] != s.Message() {
		t.Errorf("REST says %v, gRPC says %s", problem["detail"], s.Message())
	}
	var reason string
	var fields []string
	for _, d := range s.Details() {
		switch d := d.(type) {
		case *errdetails.ErrorInfo:
			reason = d.GetReason()
		case *errdetails.BadRequest:
			for _, v := range d.GetFieldViolations() {
				fields = append(fields, v.GetField())
			}
		}
	}
	if reason == "" || problem["reason"] != reason {
		t.Errorf("REST answers the reason %v, gRPC %q", problem["reason"], reason)
	}
	if field != "" && !strings.Contains(strings.Join(fields, " "), field) {
		t.Errorf("gRPC names the fields %v, not %s", fields, field)
	}
}

func flat(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func camel(path string) string {
	parts := strings.Split(path, "_")
	for i := 1; i < len(parts); i++ {
		parts[i] = strings.ToUpper(parts[i][:1]) + parts[i][1:]
	}
	return strings.Join(parts, "")
}
