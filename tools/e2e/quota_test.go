package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	quotav1 "github.com/low-layer/platform/gen/go/lowlayer/quota/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/libs/authz"
)

// quotasOfTenant: what a tenant holds is told to those who may see it, set by operators alone, and never exceeded, whichever way
// orders come.
func (s *secured) quotasOfTenant(t *testing.T) {
	for _, part := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"the quotas of all services are one list", s.quotasAreListed},
		{"operators alone set them, and that is recorded", s.quotasAreSet},
		{"many orders at once are held to the limit", s.quotasHold},
		{"the project's own limits hold too", s.projectHolds},
	} {
		if !t.Run(part.name, part.run) {
			return // the parts build on one another
		}
	}
}

// quotas are those of our tenant by what comes after its name.
func (s *secured) quotas(t *testing.T) map[string]*quotav1.Quota {
	t.Helper()
	_, viewer := s.person(t, "looker", "viewer")
	parent := "tenants/" + s.own["tenants"]
	list, err := quotav1.NewQuotaServiceClient(s.conn).ListQuotas(viewer, &quotav1.ListQuotasRequest{Parent: parent})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]*quotav1.Quota{}
	for _, q := range list.GetQuotas() {
		out[strings.TrimPrefix(q.GetName(), parent+"/")] = q
	}
	return out
}

func (s *secured) quotasAreListed(t *testing.T) {
	core := "organisations/" + s.own["organisations"] + "/quotas/network."
	list := s.quotas(t)
	for name, want := range map[string]string{
		"quotas/tenant.organisations": "tenant 2+0 of 50", "quotas/network.vpcs": "network 3+0 of 200", "quotas/network.peerings": "network 0+1 of 200",
		// A hub, two VPCs, and the link of a peering that nobody accepted yet.
		core + "networks": "network 5+1 of 100", core + "routers": "network 3+0 of 50", core + "ports": "network 7+2 of 1000", core + "security_groups": "network 4+0 of 100",
	} {
		q := list[name]
		if got := fmt.Sprintf("%s %d+%d of %d", q.GetService(), q.GetInUse(), q.GetReserved(), q.GetLimit()); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	if len(list) != 3+2*4 {
		t.Errorf("%d quotas are listed: %v", len(list), list)
	}
}

func (s *secured) quotasAreSet(t *testing.T) {
	name := "tenants/" + s.own["tenants"] + "/quotas/network.vpcs"
	limit := int32(6)
	set := &quotav1.UpdateQuotaRequest{Quota: &quotav1.Quota{Name: name, Override: &limit}, RequestId: "set-once"}
	token, owner := s.person(t, "boss", "owner")
	if _, err := quotav1.NewQuotaServiceClient(s.conn).UpdateQuota(owner, set); reason(err) != authz.ReasonDenied {
		t.Errorf("an owner gets %v", err)
	}
	if code, body := s.ask(t, http.MethodPatch, "/v1/"+name, `{"override": 6}`, token); code != http.StatusForbidden {
		t.Errorf("an owner gets %d %s", code, body)
	}
	for range 2 {
		if got, err := quotav1.NewQuotaServiceClient(s.conn).UpdateQuota(s.operator, set); err != nil || got.GetLimit() != limit || got.GetDefaultLimit() != 200 {
			t.Fatalf("got %v, %v", got, err)
		}
	}
	var outcomes []string
	for _, e := range s.events(s.operator, t, `resource = "`+name+`"`) {
		outcomes = append(outcomes, e.GetCode())
		if e.GetCode() != "OK" {
			continue
		}
		if len(e.GetChanges()) != 1 || e.GetChanges()[0].GetAfter().GetFields()["override"].GetNumberValue() != 6 {
			t.Errorf("the change is %v", e.GetChanges())
		}
	}
	if slices.Sort(outcomes); !slices.Equal(outcomes, []string{"OK", "PERMISSION_DENIED", "PERMISSION_DENIED"}) {
		t.Errorf("recorded %v", outcomes)
	}
}

// quotasHold: three are left of six, and twelve are ordered at once, half of them over REST.
func (s *secured) quotasHold(t *testing.T) {
	organisation := "tenants/" + s.own["tenants"] + "/organisations/" + s.own["organisations"]
	token, owner := s.person(t, "boss", "owner")
	vpcs := networkv1.NewVpcServiceClient(s.conn)
	var taken, refused atomic.Int64
	var mu sync.Mutex
	var made []*longrunningpb.Operation
	var all sync.WaitGroup
	for i := range 6 {
		all.Go(func() {
			op, err := vpcs.CreateVpc(owner, &networkv1.CreateVpcRequest{Parent: organisation, VpcId: fmt.Sprintf("grpc-%d", i), Vpc: &networkv1.Vpc{}})
			if err == nil {
				taken.Add(1)
				mu.Lock()
				defer mu.Unlock()
				made = append(made, op)
				return
			}
			refused.Add(1)
			if q := quotaFailure(err); status.Code(err) != codes.ResourceExhausted || reason(err) != "QUOTA_EXCEEDED" || len(q.GetViolations()) != 1 ||
				!strings.HasSuffix(q.GetViolations()[0].GetSubject(), "/quotas/network.vpcs") || !strings.Contains(q.GetViolations()[0].GetDescription(), "operator of the platform") {
				t.Errorf("got %v, %v", err, q)
			}
		})
		all.Go(func() {
			code, body := s.ask(t, http.MethodPost, "/v1/"+organisation+"/vpcs?vpcId="+fmt.Sprintf("rest-%d", i), "{}", token)
			if code == http.StatusOK {
				taken.Add(1)
				return
			}
			refused.Add(1)
			var p struct {
				Reason, Detail string
				Quota          []struct{ Subject, Description string }
			}
			if err := json.Unmarshal(body, &p); err != nil || code != http.StatusTooManyRequests || p.Reason != "QUOTA_EXCEEDED" || len(p.Quota) != 1 ||
				!strings.Contains(p.Detail, "lowlayer quota set") {
				t.Errorf("got %d %s", code, body)
			}
		})
	}
	all.Wait()
	if taken.Load() != 3 || refused.Load() != 9 {
		t.Errorf("%d were taken, %d refused", taken.Load(), refused.Load())
	}
	for _, op := range made {
		s.done(t)(op, nil)
	}
	if q := s.quotas(t)["quotas/network.vpcs"]; q.GetInUse()+q.GetReserved() != 6 {
		t.Errorf("got %v", q)
	}
	_, err := vpcs.CreateVpc(owner, &networkv1.CreateVpcRequest{Parent: organisation, VpcId: "planned", Vpc: &networkv1.Vpc{}, ValidateOnly: true})
	if reason(err) != "QUOTA_EXCEEDED" {
		t.Errorf("a plan: %v", err)
	}
	_, err = tenantv1.NewOrganisationServiceClient(s.conn).CreateOrganisation(owner, &tenantv1.CreateOrganisationRequest{
		Parent: "tenants/" + s.own["tenants"], OrganisationId: "more", Organisation: &tenantv1.Organisation{Mode: 1, Vpcs: []*tenantv1.VpcOrder{{VpcId: "dev"}}},
	})
	if reason(err) != "QUOTA_EXCEEDED" {
		t.Errorf("an organisation with a VPC: %v", err)
	}
}

// projectHolds: a limit of the organisation that is lowered to what is in use lets nothing more in, until it is raised again.
func (s *secured) projectHolds(t *testing.T) {
	organisation := "tenants/" + s.own["tenants"] + "/organisations/" + "side-quota"
	if _, err := quotav1.NewQuotaServiceClient(s.conn).UpdateQuota(s.operator, &quotav1.UpdateQuotaRequest{
		Quota: &quotav1.Quota{Name: "tenants/" + s.own["tenants"] + "/quotas/network.vpcs"},
	}); err != nil {
		t.Fatal(err)
	}
	_, owner := s.person(t, "boss", "owner")
	update := func(routers int32) {
		t.Helper()
		s.done(t)(tenantv1.NewOrganisationServiceClient(s.conn).UpdateOrganisation(owner, &tenantv1.UpdateOrganisationRequest{
			Organisation: &tenantv1.Organisation{Name: organisation, Quota: &tenantv1.Quota{Routers: routers}}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"quota.routers"}},
		}))
	}
	create := &networkv1.CreateVpcRequest{Parent: organisation, VpcId: "another", Vpc: &networkv1.Vpc{}}
	update(2)
	_, err := networkv1.NewVpcServiceClient(s.conn).CreateVpc(owner, create)
	if q := quotaFailure(err); reason(err) != "QUOTA_EXCEEDED" || len(q.GetViolations()) != 1 || q.GetViolations()[0].GetSubject() != organisation+"/quotas/network.routers" ||
		!strings.Contains(q.GetViolations()[0].GetDescription(), "lowlayer organisation update "+organisation+" --quota-routers 3") {
		t.Errorf("got %v, %v", err, q)
	}
	update(3)
	s.done(t)(networkv1.NewVpcServiceClient(s.conn).CreateVpc(owner, create))
	if q := s.quotas(t)["organisations/side-quota/quotas/network.routers"]; q.GetInUse() != 3 || q.GetLimit() != 3 {
		t.Errorf("got %v", q)
	}
}

func quotaFailure(err error) *errdetails.QuotaFailure {
	for _, d := range status.Convert(err).Details() {
		if q, ok := d.(*errdetails.QuotaFailure); ok {
			return q
		}
	}
	return nil
}
