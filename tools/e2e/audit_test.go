package e2e_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	auditv1 "github.com/low-layer/platform/gen/go/lowlayer/audit/v1"
	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	receiptv1 "github.com/low-layer/platform/gen/go/lowlayer/receipt/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/libs/identity/identitytest"
	"github.com/low-layer/platform/tools/stack/stacktest"
)

// auditTrail has several people change things and be refused, and reads who did what: over gRPC, over REST and from
// the command line, exported and verified offline, and after the tenant is gone and its name taken by somebody else.
func (s *secured) auditTrail(t *testing.T) {
	for _, part := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"what was done is listed, with what it changed", s.changesAreListed},
		{"what was refused is listed, whoever refused it", s.refusalsAreListed},
		{"the trail is for owners, admins and operators", s.trailIsForFew},
		{"an export is verified offline", s.exportIsVerified},
		{"the next tenant of the name has a trail of its own", s.nextTenant},
	} {
		if !t.Run(part.name, part.run) {
			return // the parts build on one another
		}
	}
}

func (s *secured) person(t *testing.T, name, role string) (token string, as context.Context) {
	t.Helper()
	token = s.issuer.Token(t, name, []string{"/tenants/" + s.own["tenants"] + "/" + role}, identitytest.SteppedUp())
	return token, s.as(t, token)
}

// events are the newest of our tenant that fit a filter.
func (s *secured) events(as context.Context, t *testing.T, filter string) []*auditv1.AuditEvent {
	t.Helper()
	page, err := auditv1.NewAuditServiceClient(s.conn).ListAuditEvents(as, &auditv1.ListAuditEventsRequest{
		Parent: "tenants/" + s.own["tenants"], Filter: filter, PageSize: 1000,
	})
	if err != nil {
		t.Fatal(err)
	}
	return page.GetAuditEvents()
}

func (s *secured) changesAreListed(t *testing.T) {
	token, ada := s.person(t, "ada", "owner")
	organisation := "tenants/" + s.own["tenants"] + "/organisations/" + s.own["organisations"]
	name := organisation + "/vpcs/watched"
	vpcs := networkv1.NewVpcServiceClient(s.conn)
	made := s.done(t)(vpcs.CreateVpc(ada, &networkv1.CreateVpcRequest{
		Parent: organisation, VpcId: "watched", Vpc: &networkv1.Vpc{DisplayName: "Before", Mode: 1},
	}))
	var md operationv1.OperationMetadata
	if err := made.GetMetadata().UnmarshalTo(&md); err != nil {
		t.Fatal(err)
	}
	code, body := s.ask(t, http.MethodPatch, "/v1/"+name, `{"displayName":"After"}`, token)
	if code != http.StatusOK {
		t.Fatalf("%d %s", code, body)
	}
	got := s.events(ada, t, `resource = "`+name+`"`)
	if len(got) != 2 {
		t.Fatalf("got %v", got)
	}
	updated, created := got[0], got[1]
	for _, e := range got {
		if e.GetActor().GetKind() != auditv1.Actor_USER || e.GetActor().GetSubject() != "ada" || e.GetActor().GetIssuer() != s.issuer.URL ||
			e.GetActor().GetAcr() != "2" || e.GetService() != "network" || e.GetCode() != "OK" || e.GetRequestId() == "" || len(e.GetChanges()) != 1 {
			t.Errorf("got %v", e)
		}
	}
	if created.GetMethod() != "lowlayer.network.v1.VpcService.CreateVpc" || created.GetChanges()[0].GetBefore() != nil ||
		created.GetChanges()[0].GetAfter().GetFields()["displayName"].GetStringValue() != "Before" {
		t.Errorf("got %v", created)
	}
	change := updated.GetChanges()[0]
	if change.GetBefore().GetFields()["displayName"].GetStringValue() != "Before" || change.GetAfter().GetFields()["displayName"].GetStringValue() != "After" {
		t.Errorf("got %v", updated)
	}
	// The same over REST, and what another service did beside it.
	_, text := s.ask(t, http.MethodGet, "/v1/tenants/"+s.own["tenants"]+"/auditEvents?pageSize=1000", "", token)
	var listed struct {
		AuditEvents []struct {
			Name, Service, Method, Code string
			Actor                       struct{ Subject, Kind string }
			Changes                     []struct{ After map[string]any }
		}
	}
	unmarshal(t, string(text), &listed)
	services := map[string]bool{}
	for _, e := range listed.AuditEvents {
		services[e.Service] = true
	}
	first := listed.AuditEvents[0]
	if first.Name != updated.GetName() || first.Actor.Subject != "ada" || first.Actor.Kind != "USER" || first.Changes[0].After["displayName"] != "After" ||
		!services["tenant"] || !services["network"] {
		t.Errorf("got %+v of %v", first, services)
	}
	if out := s.WithToken(token).Must(t, "audit", "list", s.own["tenants"], "--filter", `method = "*UpdateVpc"`); !strings.Contains(out, "UpdateVpc") || !strings.Contains(out, name) {
		t.Errorf("the command line lists %s", out)
	}
}

func (s *secured) refusalsAreListed(t *testing.T) {
	_, ada := s.person(t, "ada", "owner")
	token, viewer := s.person(t, "vic", "viewer")
	stranger := s.as(t, s.issuer.Token(t, "eve", []string{"/tenants/" + s.foreign["tenants"] + "/owner"}, identitytest.SteppedUp()))
	weak := s.as(t, s.issuer.Token(t, "amy", []string{"/tenants/" + s.own["tenants"] + "/owner"}))
	tenant := "tenants/" + s.own["tenants"]
	organisation := tenant + "/organisations/" + s.own["organisations"]
	if code, body := s.ask(t, http.MethodPost, "/v1/"+organisation+"/vpcs?vpcId=wish", `{"mode":"MUTUALIZED"}`, token); code != http.StatusForbidden {
		t.Fatalf("%d %s", code, body)
	}
	for want, err := range map[codes.Code]error{
		codes.PermissionDenied: second(operationv1.NewOperationServiceClient(s.conn).CancelOperation(viewer, &longrunningpb.CancelOperationRequest{
			Name: tenant + "/operations/" + s.own["operations"],
		})),
		codes.NotFound:        second(networkv1.NewVpcServiceClient(s.conn).DeleteVpc(stranger, &networkv1.DeleteVpcRequest{Name: organisation + "/vpcs/" + s.own["vpcs"]})),
		codes.Unauthenticated: second(tenantv1.NewTenantServiceClient(s.conn).DeleteTenant(weak, &tenantv1.DeleteTenantRequest{Name: tenant})),
	} {
		if status.Code(err) != want {
			t.Fatalf("got %v, want %s", err, want)
		}
	}
	want := map[string]string{
		"vic CreateVpc":       "PERMISSION_DENIED PERMISSION_DENIED " + organisation + "/vpcs/wish",
		"vic CancelOperation": "PERMISSION_DENIED PERMISSION_DENIED " + tenant + "/operations/" + s.own["operations"],
		"eve DeleteVpc":       "NOT_FOUND VPC_NOT_FOUND " + organisation + "/vpcs/" + s.own["vpcs"],
		"amy DeleteTenant":    "UNAUTHENTICATED STEP_UP_REQUIRED " + tenant,
	}
	got := map[string]string{}
	// A service responds before it has written the record.
	stacktest.Eventually(t, "the refusals to be listed", func() bool {
		for _, e := range s.events(ada, t, `code != "OK"`) {
			got[e.GetActor().GetSubject()+" "+e.GetMethod()[strings.LastIndexByte(e.GetMethod(), '.')+1:]] = e.GetCode() + " " + e.GetReason() + " " + e.GetResource()
		}
		return len(got) == len(want)
	})
	for who, what := range want {
		if got[who] != what {
			t.Errorf("%s: got %q, want %q", who, got[who], what)
		}
	}
}

func second[A, B any](_ A, b B) B { return b }

func (s *secured) trailIsForFew(t *testing.T) {
	tenant := "tenants/" + s.own["tenants"]
	client := auditv1.NewAuditServiceClient(s.conn)
	for role, want := range map[string]codes.Code{
		"owner": codes.OK, "admin": codes.OK, "operator": codes.PermissionDenied, "viewer": codes.PermissionDenied, "billing": codes.PermissionDenied,
	} {
		_, as := s.person(t, "p-"+role, role)
		_, list := client.ListAuditEvents(as, &auditv1.ListAuditEventsRequest{Parent: tenant})
		_, export := client.ExportAuditEvents(as, &auditv1.ExportAuditEventsRequest{Parent: tenant})
		if status.Code(list) != want || status.Code(export) != want {
			t.Errorf("%s: %v, %v", role, list, export)
		}
	}
}

// lines are those of an export, which end in a line's end each.
func lines(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	all := strings.SplitAfter(string(text), "\n")
	return all[:len(all)-1]
}

func (s *secured) exportIsVerified(t *testing.T) {
	token, _ := s.person(t, "ada", "owner")
	ada := s.WithToken(token)
	dir := t.TempDir()
	file := filepath.Join(dir, "trail.jsonl")
	ada.Must(t, "audit", "export", s.own["tenants"], "-f", file)
	key := write(t, dir, "keys.pem", ada.Must(t, "receipt", "keys"))
	verify := func(file string) (string, string, int) {
		r := s.Lowlayer(t, "audit", "verify", file, "--key", key, "--address", "127.0.0.1:1")
		return r.Out, r.Err, r.Code
	}
	out, errs, code := verify(file)
	if code != 0 || !strings.Contains(out, "good. network of tenants/"+s.own["tenants"]) || !strings.Contains(out, "good. tenant of") {
		t.Fatalf("%d %s%s", code, out, errs)
	}
	all := lines(t, file)
	const at = 1 // the second record of the first chain, which is the tenant service's
	if len(all) < 10 || !strings.Contains(all[at], `"sequence":2,`) || !strings.Contains(all[at+1], `"sequence":3,`) {
		t.Fatalf("the export has %d lines: %s", len(all), strings.Join(all, ""))
	}
	edit := func(change func([]string) []string) string {
		return write(t, dir, "edited.jsonl", strings.Join(change(append([]string(nil), all...)), ""))
	}
	for want, change := range map[string]func([]string) []string{
		"line 2, record 2 of tenant: hash": func(l []string) []string { // one bit of one byte, in the middle of a word
			i := strings.Index(l[at], "lowlayer.tenant.v1")
			l[at] = l[at][:i] + string(l[at][i]^1) + l[at][i+1:]
			return l
		},
		"line 2, record 3 of tenant: sequence": func(l []string) []string { return append(l[:at], l[at+1:]...) },
		"line 2, record 3 of tenant: sequence: record 2 should follow": func(l []string) []string {
			l[at], l[at+1] = l[at+1], l[at]
			return l
		},
		"truncated": func(l []string) []string { // the last record of the last chain
			i := len(l) - 1
			for strings.Contains(l[i], `"checkpoint"`) {
				i--
			}
			return append(l[:i], l[i+1:]...)
		},
		"there is nothing of the service net": func(l []string) []string { return l[:indexOf(l, `"checkpoint"`)+1] },
	} {
		if out, errs, code := verify(edit(change)); code != 1 || !strings.Contains(errs, want) {
			t.Errorf("%s: %d %s%s", want, code, out, errs)
		}
	}
}

// indexOf is the first line with a text.
func indexOf(lines []string, text string) int {
	for i, l := range lines {
		if strings.Contains(l, text) {
			return i
		}
	}
	return -1
}

func (s *secured) nextTenant(t *testing.T) {
	id := s.own["tenants"]
	name := "tenants/" + id
	tenants := tenantv1.NewTenantServiceClient(s.conn)
	old, err := tenants.GetTenant(s.operator, &tenantv1.GetTenantRequest{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	_, ada := s.person(t, "ada", "owner")
	s.done(t)(tenantv1.NewOrganisationServiceClient(s.conn).CreateOrganisation(ada, &tenantv1.CreateOrganisationRequest{
		Parent: name, OrganisationId: "again", Organisation: &tenantv1.Organisation{Mode: typev1.ResourceMode_MUTUALIZED}, RequestId: usedBefore,
	}))
	n := len(s.events(ada, t, ""))
	s.done(t)(tenants.DeleteTenant(s.operator, &tenantv1.DeleteTenantRequest{Name: name, Force: true, Purge: true}))
	if got := s.events(ada, t, ""); len(got) != 0 {
		t.Errorf("whoever had a role on a purged tenant sees %v", got)
	}
	// The purge is in it: what the operator asked for, and what one service asked the other for.
	purge := s.events(s.operator, t, `method = "lowlayer.tenant.v1.TenantService.DeleteTenant" AND code = "OK"`)
	if got := s.events(s.operator, t, ""); len(got) <= n || len(purge) != 1 || purge[0].GetActor().GetSubject() != "staff" {
		t.Errorf("operators see %d events after %d, and the purge as %v", len(got), n, purge)
	}
	if got := s.events(s.operator, t, `actor = "tenant" AND method = "*DeleteVpc"`); len(got) == 0 || got[0].GetActor().GetKind() != auditv1.Actor_SERVICE ||
		got[0].GetOnBehalfOf().GetSubject() != "staff" {
		t.Errorf("what the tenant service asked for is shown as %v", got)
	}
	past := s.history(t, name, s.operator)
	token, bob := s.person(t, "bob", "owner")
	next, err := tenants.CreateTenant(s.operator, &tenantv1.CreateTenantRequest{TenantId: id, Tenant: &tenantv1.Tenant{}})
	s.noneOf(t, past, s.history(t, name, bob)) // while it is being made
	s.done(t)(next, err)
	if got := s.events(bob, t, ""); len(got) != 1 || got[0].GetMethod() != "lowlayer.tenant.v1.TenantService.CreateTenant" {
		t.Errorf("the next owner sees %v", got)
	}
	if _, body := s.ask(t, http.MethodGet, "/v1/"+name+"/auditEvents?tenantUid="+old.GetUid(), "", token); strings.Contains(string(body), "ada") {
		t.Errorf("who knows the unique id sees %s", body)
	}
	dir := t.TempDir()
	key := write(t, dir, "keys.pem", s.WithToken(token).Must(t, "receipt", "keys"))
	staff := s.WithToken(s.issuer.Token(t, "staff", []string{"/platform/operator"}, identitytest.SteppedUp()))
	for file, by := range map[string]func(string){
		"bob.jsonl": func(f string) { s.WithToken(token).Must(t, "audit", "export", id, "-f", f) },
		"old.jsonl": func(f string) { staff.Must(t, "audit", "export", id, "-f", f, "--uid", old.GetUid()) },
	} {
		f := filepath.Join(dir, file)
		by(f)
		s.Must(t, "audit", "verify", f, "--key", key)
		text := strings.Join(lines(t, f), "")
		if strings.Contains(text, `"ada"`) != (file == "old.jsonl") || strings.Contains(text, old.GetUid()) != (file == "old.jsonl") {
			t.Errorf("%s holds %s", file, text)
		}
	}
	s.historyIsOfOneTenant(t, name, past, bob)
}

// history are the names of all operations and receipts of a tenant.
func (s *secured) history(t *testing.T, tenant string, as context.Context) (names []string) { //nolint:revive // the test comes first
	t.Helper()
	operations, err := operationv1.NewOperationServiceClient(s.conn).ListOperations(as, &longrunningpb.ListOperationsRequest{Name: tenant, PageSize: 1000})
	if err != nil {
		t.Fatal(err)
	}
	receipts, err := receiptv1.NewReceiptServiceClient(s.conn).ListReceipts(as, &receiptv1.ListReceiptsRequest{Parent: tenant, PageSize: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range operations.GetOperations() {
		names = append(names, op.GetName())
	}
	for _, r := range receipts.GetReceipts() {
		names = append(names, r.GetName())
	}
	return names
}

func (s *secured) noneOf(t *testing.T, past, now []string) {
	t.Helper()
	for _, name := range now {
		if slices.Contains(past, name) {
			t.Errorf("the next owner is shown %s", name)
		}
	}
}

// historyIsOfOneTenant: what an earlier tenant of the same id did is for operators, and its request ids are free.
func (s *secured) historyIsOfOneTenant(t *testing.T, tenant string, past []string, as context.Context) { //nolint:revive // the test comes first
	t.Helper()
	if len(past) < 10 || len(s.history(t, tenant, s.operator)) <= len(past) {
		t.Errorf("operators saw %d operations and receipts, and see %d", len(past), len(s.history(t, tenant, s.operator)))
	}
	now := s.history(t, tenant, as)
	s.noneOf(t, past, now)
	if len(now) == 0 {
		t.Error("the next owner does not see how the tenant was made")
	}
	operations, receipts := operationv1.NewOperationServiceClient(s.conn), receiptv1.NewReceiptServiceClient(s.conn)
	for _, name := range past {
		var err error
		if strings.Contains(name, "/receipts/") {
			_, err = receipts.GetReceipt(as, &receiptv1.GetReceiptRequest{Name: name})
		} else if _, err = operations.GetOperation(as, &longrunningpb.GetOperationRequest{Name: name}); status.Code(err) == codes.NotFound {
			_, err = operations.WaitOperation(as, &longrunningpb.WaitOperationRequest{Name: name, Timeout: durationpb.New(0)})
		}
		if status.Code(err) != codes.NotFound {
			t.Errorf("the next owner reads %s: %v", name, err)
		}
	}
	organisations := tenantv1.NewOrganisationServiceClient(s.conn)
	order := &tenantv1.CreateOrganisationRequest{
		Parent: tenant, OrganisationId: "again", Organisation: &tenantv1.Organisation{Mode: typev1.ResourceMode_MUTUALIZED}, RequestId: usedBefore,
	}
	op, err := organisations.CreateOrganisation(as, order)
	if err != nil || slices.Contains(past, op.GetName()) {
		t.Errorf("a request id of the earlier tenant answers %v, %v", op.GetName(), err)
	}
	s.done(t)(op, err)
}

// usedBefore is the request id of an order of the first tenant.
const usedBefore = "request-of-the-first-tenant"
