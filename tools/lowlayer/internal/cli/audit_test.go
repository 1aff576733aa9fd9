package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	auditv1 "github.com/low-layer/platform/gen/go/lowlayer/audit/v1"
	receiptv1 "github.com/low-layer/platform/gen/go/lowlayer/receipt/v1"
	"github.com/low-layer/platform/libs/audit"
	"github.com/low-layer/platform/libs/receipt"
)

func (f *fakePlatform) ListAuditEvents(_ context.Context, r *auditv1.ListAuditEventsRequest) (*auditv1.ListAuditEventsResponse, error) {
	if r.GetParent() == "tenants/nope" {
		return &auditv1.ListAuditEventsResponse{}, nil
	}
	return &auditv1.ListAuditEventsResponse{AuditEvents: f.events, TenantUid: "ten_1"}, nil
}

func (f *fakePlatform) ExportAuditEvents(_ context.Context, r *auditv1.ExportAuditEventsRequest) (*auditv1.ExportAuditEventsResponse, error) {
	n, _ := strconv.Atoi(r.GetPageToken())
	if n >= len(f.trail) {
		return nil, status.Error(codes.Internal, "there are no more pages")
	}
	return f.trail[n], nil
}

// recorded gives the fake a trail of two services with an actor's calls, and returns a file with the public key.
func (f *fakePlatform) recorded(t *testing.T, actor string) (keyFile string) {
	t.Helper()
	key, err := receipt.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	s, err := receipt.NewSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC)
	for service, n := range map[string]int64{"tenant": 2, "network": 3} {
		page := &auditv1.ExportAuditEventsResponse{}
		hash := ""
		for i := range n {
			e, err := audit.Write(audit.Record{
				Name: fmt.Sprintf("tenants/acme/auditEvents/aud_%s_%d", service, i), Service: service, Tenant: "tenants/acme", TenantUID: "ten_1",
				Sequence: i + 1, Previous: hash, Time: at, Actor: audit.Actor{Kind: audit.User, Subject: actor}, Code: "OK",
			})
			if err != nil {
				t.Fatal(err)
			}
			hash = e.Hash
			page.Records = append(page.Records, &auditv1.ExportedRecord{Record: e.Payload, Hash: e.Hash})
		}
		sealed, err := audit.Checkpoint{Service: service, Tenant: "tenants/acme", TenantUID: "ten_1", Sequence: n, Hash: hash, Time: at}.Sign(s)
		if err != nil {
			t.Fatal(err)
		}
		page.Checkpoint = &receiptv1.Envelope{
			Payload: sealed.Payload, PayloadType: sealed.PayloadType,
			Signatures: []*receiptv1.Signature{{Keyid: sealed.Signatures[0].KeyID, Sig: sealed.Signatures[0].Sig}},
		}
		f.trail = append(f.trail, page)
	}
	f.trail[0].NextPageToken = "1"
	public, err := s.Key().PEM()
	if err != nil {
		t.Fatal(err)
	}
	keyFile = filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(keyFile, []byte(public), 0o600); err != nil {
		t.Fatal(err)
	}
	return keyFile
}

func TestAuditList(t *testing.T) {
	f, address := newFake(t)
	at := timestamppb.New(time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC))
	f.events = []*auditv1.AuditEvent{
		{
			Name: "tenants/acme/auditEvents/aud_network_2", CreateTime: at, Actor: &auditv1.Actor{Subject: "u1", Email: "ada@acme.test"},
			Method: "lowlayer.network.v1.VpcService.DeleteVpc", Resource: "tenants/acme/organisations/core/vpcs/dev", Code: "PERMISSION_DENIED",
			Reason: "STEP_UP_REQUIRED", RequestId: "req-2",
		},
		{Name: "tenants/acme/auditEvents/aud_tenant_1", CreateTime: at, Actor: &auditv1.Actor{Subject: "anonymous"}, Code: "OK"},
		{
			Name: "tenants/acme/auditEvents/aud_network_1", CreateTime: at, Actor: &auditv1.Actor{Kind: auditv1.Actor_SERVICE, Subject: "tenant"},
			OnBehalfOf: &auditv1.Actor{Kind: auditv1.Actor_USER, Subject: "u2", Email: "bob@acme.test"}, Code: "OK",
		},
	}
	out, errs, code := cliRun(t, address, "audit", "list", "acme", "--filter", `actor = "u1"`, "--uid", "ten_1")
	for _, want := range []string{"2026-11-26T10:00:00Z", "ada@acme.test", " DeleteVpc ", "vpcs/dev", "PERMISSION_DENIED (STEP_UP_REQUIRED)", "req-2", "anonymous", "tenant for bob@acme.test"} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("%d %s%s", code, out, errs)
		}
	}
	if r := last[*auditv1.ListAuditEventsRequest](t, f); r.GetParent() != "tenants/acme" || r.GetFilter() != `actor = "u1"` || r.GetTenantUid() != "ten_1" || r.GetPageSize() != 50 {
		t.Errorf("asked %v", r)
	}
	for form, want := range map[string]string{"json": `"reason": "STEP_UP_REQUIRED"`, "yaml": "email: ada@acme.test", "name": "tenants/acme/auditEvents/aud_tenant_1\n"} {
		if out, errs, code := cliRun(t, address, "audit", "list", "acme", "-o", form); code != 0 || !strings.Contains(out, want) {
			t.Errorf("%s: %d %s%s", form, code, out, errs)
		}
	}
}

// A tenant in which nothing happened has a trail; one that never was has none.
func TestAuditList_unknownTenant_isNotFound(t *testing.T) {
	_, address := newFake(t)
	if _, errs, code := cliRun(t, address, "audit", "list", "acme"); code != exitOK {
		t.Errorf("%d %s", code, errs)
	}
	if _, errs, code := cliRun(t, address, "audit", "list", "nope"); code != exitNotFound || !strings.Contains(errs, "tenants/nope") {
		t.Errorf("%d %s", code, errs)
	}
}

func TestAuditExport_result_verifiesOffline(t *testing.T) {
	f, address := newFake(t)
	key := f.recorded(t, "ada")
	file := filepath.Join(t.TempDir(), "acme.jsonl")
	if _, errs, code := cliRun(t, address, "audit", "export", "acme", "-f", file); code != 0 || !strings.Contains(errs, "5 records of tenants/acme") {
		t.Fatalf("%d %s", code, errs)
	}
	out, errs, code := cliRun(t, "127.0.0.1:1", "audit", "verify", file, "--key", key)
	if code != 0 || !strings.Contains(out, "good. network of tenants/acme (ten_1): 3 records") || !strings.Contains(out, "good. tenant of tenants/acme (ten_1): 2 records") {
		t.Fatalf("%d %s%s", code, out, errs)
	}
	if out, errs, code := cliRun(t, "127.0.0.1:1", "audit", "verify", file, "--key", key, "--kept", file, "-o", "json"); code != 0 || !strings.Contains(out, `"sequence": 3`) {
		t.Errorf("%d %s%s", code, out, errs)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if out, _, _ := cliRun(t, address, "audit", "export", "acme", "-f", "-"); out != string(text) {
		t.Errorf("to standard output: %s", out)
	}
	// A trail that was written anew, even with the right key, does not hold what this one ended with.
	g, other := newFake(t)
	newKey := g.recorded(t, "eve")
	rewritten := filepath.Join(t.TempDir(), "other.jsonl")
	if _, errs, code := cliRun(t, other, "audit", "export", "acme", "-f", rewritten); code != 0 {
		t.Fatal(errs)
	}
	if _, errs, code := cliRun(t, "127.0.0.1:1", "audit", "verify", rewritten, "--key", newKey, "--key", key, "--kept", file); code != exitFailure || !strings.Contains(errs, "written anew") {
		t.Errorf("%d %s", code, errs)
	}
}

func TestAuditVerify_fault_isNamed(t *testing.T) {
	f, address := newFake(t)
	key := f.recorded(t, "ada")
	file := filepath.Join(t.TempDir(), "acme.jsonl")
	if _, errs, code := cliRun(t, address, "audit", "export", "acme", "-f", file); code != 0 {
		t.Fatal(errs)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(strings.TrimSuffix(string(text), "\n"), "\n")
	network := 0 // where its chain begins
	if !strings.Contains(lines[0], `"service":"network"`) {
		network = 3
	}
	for want, edit := range map[string]func([]string) []string{
		fmt.Sprintf("line %d, record 2 of network: hash", network+2): func(l []string) []string {
			l[network+1] = strings.Replace(l[network+1], `"ada"`, `"eve"`, 1)
			return l
		},
		fmt.Sprintf("line %d, record 3 of network: sequence", network+2): func(l []string) []string { return append(l[:network+1], l[network+2:]...) },
		fmt.Sprintf("line %d, record 2 of network: sequence", network+1): func(l []string) []string {
			l[network], l[network+1] = l[network+1], l[network]
			return l
		},
		"truncated":                            func(l []string) []string { return append(l[:network+2], l[network+3:]...) },
		"there is nothing of the service netw": func(l []string) []string { return append(l[:network], l[network+4:]...) },
		"line 1: malformed":                    func(l []string) []string { l[0] = "{\n"; return l },
	} {
		bad := filepath.Join(t.TempDir(), "bad.jsonl")
		edited := edit(append([]string(nil), lines...))
		if err := os.WriteFile(bad, []byte(strings.Join(edited, "")), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, errs, code := cliRun(t, "127.0.0.1:1", "audit", "verify", bad, "--key", key); code != exitFailure || !strings.Contains(errs, want) {
			t.Errorf("%s: %d %s%s", want, code, out, errs)
		}
	}
	for _, args := range [][]string{
		{"verify", file},
		{"verify", file, "--key", file},
		{"verify", "/nonexistent", "--key", key},
		{"export", "acme"},
		{"verify", file, "--key", key, "--kept", "/nonexistent"},
		{"export", "acme", "-f", "/nonexistent/x"},
	} {
		if _, errs, code := cliRun(t, address, append([]string{"audit"}, args...)...); code != exitUsage {
			t.Errorf("%v: %d %s", args, code, errs)
		}
	}
}

// An export that fails leaves no file behind, and none that was there is harmed.
func TestAuditExport_failure_leavesNoFile(t *testing.T) {
	f, address := newFake(t)
	f.recorded(t, "ada")
	f.trail[1].NextPageToken = "9"
	folder := t.TempDir()
	file := filepath.Join(folder, "acme.jsonl")
	if err := os.WriteFile(file, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errs, code := cliRun(t, address, "audit", "export", "acme", "-f", file); code == 0 {
		t.Error(errs)
	}
	left, err := os.ReadDir(folder)
	text, e := os.ReadFile(file)
	if err != nil || e != nil || len(left) != 1 || string(text) != "kept" {
		t.Errorf("left %v, %q", left, text)
	}
}

// The platform returns an unknown tenant like one without records, but without a unique id. A deleted tenant with a trail has
// one, and is exported.
func TestAuditExport_unknownTenant_isNotFound(t *testing.T) {
	for name, c := range map[string]struct {
		pages []*auditv1.ExportAuditEventsResponse
		args  []string
		code  int
	}{
		"no such tenant":           {[]*auditv1.ExportAuditEventsResponse{{NextPageToken: "1"}, {}}, nil, exitNotFound},
		"no such unique id":        {[]*auditv1.ExportAuditEventsResponse{{TenantUid: "ten_9"}}, []string{"--uid", "ten_9"}, exitNotFound},
		"a tenant without records": {[]*auditv1.ExportAuditEventsResponse{{TenantUid: "ten_1"}}, nil, exitOK},
		"a deleted tenant": {
			[]*auditv1.ExportAuditEventsResponse{{TenantUid: "ten_1", Records: []*auditv1.ExportedRecord{{Record: []byte("{}"), Hash: "h"}}}}, nil, exitOK,
		},
	} {
		t.Run(name, func(t *testing.T) {
			f, address := newFake(t)
			f.trail = c.pages
			folder := t.TempDir()
			out, errs, code := cliRun(t, address, append([]string{"audit", "export", "nope", "-f", filepath.Join(folder, "nope.jsonl")}, c.args...)...)
			left, err := os.ReadDir(folder)
			if err != nil || code != c.code || (len(left) == 0) != (code != exitOK) || (code != exitOK) != strings.Contains(errs, "TENANT_NOT_FOUND") {
				t.Errorf("%d, left %v, %v\n%s%s", code, left, err, out, errs)
			}
		})
	}
}
