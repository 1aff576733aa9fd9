package cli

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	receiptv1 "github.com/low-layer/platform/gen/go/lowlayer/receipt/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/libs/receipt"
)

func (f *fakePlatform) GetReceipt(_ context.Context, r *receiptv1.GetReceiptRequest) (*receiptv1.Receipt, error) {
	for _, m := range f.receipts {
		if m.GetName() == r.GetName() {
			return m, nil
		}
	}
	return nil, status.Error(codes.NotFound, "there is no such receipt")
}

func (f *fakePlatform) ListReceipts(context.Context, *receiptv1.ListReceiptsRequest) (*receiptv1.ListReceiptsResponse, error) {
	return &receiptv1.ListReceiptsResponse{Receipts: f.receipts}, nil
}

func (f *fakePlatform) ListReceiptKeys(context.Context, *receiptv1.ListReceiptKeysRequest) (*receiptv1.ListReceiptKeysResponse, error) {
	return &receiptv1.ListReceiptKeysResponse{Keys: f.keys}, nil
}

// signs gives the fake one receipt, changed before its signature, and returns its name and a file with the public key.
func (f *fakePlatform) signs(t *testing.T, change func(*receipt.Receipt)) (name, keyFile string) {
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
	name = "tenants/acme/receipts/rcpt_network_00000000000000000000000001"
	r := receipt.Receipt{
		Name: name, Service: "network", Tenant: "tenants/acme", Kind: "vpc", Resource: "tenants/acme/organisations/core/vpcs/dev",
		ResourceUID: "vpc_1", Operation: "tenants/acme/operations/op_network_1", RequestTime: at, EndTime: at.Add(time.Second),
		Objects:   []receipt.Object{{Step: "router", Type: "neutron.router", ID: "r1", LastSeenTime: at, GoneTime: at, Check: receipt.NotListed}},
		Inventory: receipt.Inventory{Scope: receipt.ScopeCloud, Time: at},
	}
	change(&r)
	e, err := s.Sign(r)
	if err != nil {
		t.Fatal(err)
	}
	f.receipts = []*receiptv1.Receipt{{
		Name: name, Kind: "vpc", Resource: r.Resource, Service: "network", CreateTime: timestamppb.New(r.EndTime),
		Objects: []*receiptv1.RemovedObject{{Type: "neutron.router", Id: "r1", GoneTime: timestamppb.New(at), Check: receiptv1.RemovedObject_NOT_LISTED}},
		Envelope: &receiptv1.Envelope{
			Payload: e.Payload, PayloadType: e.PayloadType, Signatures: []*receiptv1.Signature{{Keyid: e.Signatures[0].KeyID, Sig: e.Signatures[0].Sig}},
		},
	}}
	public, err := s.Key().PEM()
	if err != nil {
		t.Fatal(err)
	}
	f.keys = []*receiptv1.ReceiptKey{{KeyId: s.Key().ID, PublicKey: public, Current: true}}
	keyFile = filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(keyFile, []byte(public), 0o600); err != nil {
		t.Fatal(err)
	}
	return name, keyFile
}

// saved writes the output of `receipt get -o json` into a file.
func saved(t *testing.T, address, name string, edit func(string) string) string {
	t.Helper()
	out, errs, code := cliRun(t, address, "receipt", "get", name, "-o", "json")
	if code != 0 {
		t.Fatalf("%d %s", code, errs)
	}
	file := filepath.Join(t.TempDir(), "receipt.json")
	if err := os.WriteFile(file, []byte(edit(out)), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func as(s string) string { return s }

func TestReceipt_file_verifiesOffline(t *testing.T) {
	f, address := newFake(t)
	name, key := f.signs(t, func(*receipt.Receipt) {})
	file := saved(t, address, name, as)
	out, errs, code := cliRun(t, "127.0.0.1:1", "receipt", "verify", file, "--key", key)
	if code != 0 || !strings.Contains(out, "good. vpc tenants/acme/organisations/core/vpcs/dev is gone since 2026-11-26T10:00:01Z: 1 objects") {
		t.Errorf("%d %s%s", code, out, errs)
	}
	out, errs, code = cliRun(t, "127.0.0.1:1", "receipt", "verify", file, "--keys-from", address, "-o", "json")
	if code != 0 || !strings.Contains(out, `"resourceUid": "vpc_1"`) {
		t.Errorf("%d %s%s", code, out, errs)
	}
	list, _, _ := cliRun(t, address, "receipt", "list", "acme")
	shown, _, _ := cliRun(t, address, "receipt", "get", name)
	if !strings.Contains(list, "organisations/core/vpcs/dev") || !strings.Contains(shown, "neutron.router") || !strings.Contains(shown, "NOT_LISTED") {
		t.Errorf("%s%s", list, shown)
	}
}

// A receipt is found by what the list prints, by its id alone where there is one tenant, and by its full name.
func TestReceipt_shortName_isFound(t *testing.T) {
	f, address := newFake(t)
	name, _ := f.signs(t, func(*receipt.Receipt) {})
	f.tenants["tenants/acme"] = &tenantv1.Tenant{Name: "tenants/acme"}
	list, _, _ := cliRun(t, address, "receipt", "list", "acme")
	listed := strings.Fields(strings.Split(list, "\n")[1])[0]
	if listed != "acme/"+lastPart(name) {
		t.Errorf("the list names it %q", listed)
	}
	for _, short := range []string{listed, lastPart(name), name} {
		if out, errs, code := cliRun(t, address, "receipt", "get", short, "-o", "name"); code != 0 || out != name+"\n" {
			t.Errorf("%s: %d %s%s", short, code, out, errs)
		}
	}
	f.tenants["tenants/other"] = &tenantv1.Tenant{Name: "tenants/other"}
	if _, errs, code := cliRun(t, address, "receipt", "get", lastPart(name)); code != exitUsage || !strings.Contains(errs, "receipt get TENANT/"+lastPart(name)) {
		t.Errorf("%d %s", code, errs)
	}
	for _, bad := range []string{"x", "acme/x", "tenants/acme/receipts/x"} {
		if _, errs, code := cliRun(t, address, "receipt", "get", bad); code != exitUsage || strings.Count(errs, "is not ") != 1 || !strings.Contains(errs, "acme/rcpt_network_…") {
			t.Errorf("%s: %d %s", bad, code, errs)
		}
	}
}

// The keys as they are printed are a file that --key takes.
func TestReceiptKeys_output_verifies(t *testing.T) {
	f, address := newFake(t)
	f.signs(t, func(*receipt.Receipt) {})
	pem, errs, code := cliRun(t, address, "receipt", "keys")
	if code != 0 || pem != strings.TrimSpace(f.keys[0].GetPublicKey())+"\n" {
		t.Errorf("%d %s%s", code, pem, errs)
	}
	for form, want := range map[string]string{"name": f.keys[0].GetKeyId() + "\n", "json": `"current": true`, "yaml": "current: true"} {
		if out, errs, code := cliRun(t, address, "receipt", "keys", "-o", form); code != 0 || !strings.Contains(out, want) {
			t.Errorf("%s: %d %s%s", form, code, out, errs)
		}
	}
}

func TestReceiptVerify_failure_namesTheCheck(t *testing.T) {
	f, address := newFake(t)
	_, foreign := f.signs(t, func(*receipt.Receipt) {})
	name, key := f.signs(t, func(*receipt.Receipt) {})
	good := saved(t, address, name, as)
	tampered := saved(t, address, name, func(s string) string { return strings.Replace(s, `"sig": "`, `"sig": "AAAA`, 1) })
	malformed := saved(t, address, name, func(string) string { return "no receipt" })
	name, open := f.signs(t, func(r *receipt.Receipt) { r.Objects[0].GoneTime = time.Time{} })
	unfinished := saved(t, address, name, as)
	for want, args := range map[string][]string{
		"signature: ":       {tampered, "--key", key},
		"malformed: ":       {malformed, "--key", key},
		"unknown key: ":     {good, "--key", foreign},
		"object not gone: ": {unfinished, "--key", open},
	} {
		_, errs, code := cliRun(t, "127.0.0.1:1", append([]string{"receipt", "verify"}, args...)...)
		if code == 0 || !strings.Contains(errs, want) {
			t.Errorf("%s%d %s", want, code, errs)
		}
	}
	// One bad file among good ones is a failure that names the file.
	_, errs, code := cliRun(t, "127.0.0.1:1", "receipt", "verify", good, malformed, "--key", key)
	if code == 0 || !strings.Contains(errs, malformed) || strings.Contains(errs, good) {
		t.Errorf("%d %s", code, errs)
	}
	for _, args := range [][]string{{"verify", good}, {"verify", good, "--key", good}, {"verify", "/nonexistent", "--key", key}, {"get", "x"}} {
		if _, errs, code := cliRun(t, address, append([]string{"receipt"}, args...)...); code != exitUsage {
			t.Errorf("%v: %d %s", args, code, errs)
		}
	}
}

func TestProtectFlags(t *testing.T) {
	f, address := newFake(t)
	if _, errs, code := cliRun(t, address, "vpc", "create", "acme/core/dev", "--protect"); code != 0 || !last[*networkv1.CreateVpcRequest](t, f).GetVpc().GetDeletionProtection() {
		t.Errorf("%d %s", code, errs)
	}
	_, errs, code := cliRun(t, address, "vpc", "update", "acme/core/dev", "--no-protect")
	if r := last[*networkv1.UpdateVpcRequest](t, f); code != 0 || r.GetVpc().GetDeletionProtection() || strings.Join(r.GetUpdateMask().GetPaths(), " ") != "deletion_protection" {
		t.Errorf("%d %s %v", code, errs, r)
	}
	if _, _, code := cliRun(t, address, "tenant", "create", "acme", "--protect", "--no-protect"); code == 0 {
		t.Error("both at once are taken")
	}
	if _, errs, code := cliRun(t, address, "tenant", "create", "acme", "--protect"); code != 0 || !last[*tenantv1.CreateTenantRequest](t, f).GetTenant().GetDeletionProtection() {
		t.Errorf("%d %s", code, errs)
	}
}

// A blueprint that says nothing of protection leaves it as it is.
func TestApplyProtects(t *testing.T) {
	devUpdated := regexp.MustCompile(`vpcs/dev +updated`)
	f, address := newFake(t)
	text, err := os.ReadFile(startup)
	if err != nil {
		t.Fatal(err)
	}
	if _, errs, code := cliRun(t, address, "apply", "-f", startup); code != 0 {
		t.Fatal(errs)
	}
	for _, c := range []struct {
		line string
		want bool
		mask string
	}{{"", false, ""}, {"deletionProtection: true", true, "deletion_protection"}} {
		file := filepath.Join(t.TempDir(), "b.yaml")
		edited := strings.Replace(string(text), "    displayName: Development", "    displayName: Development\n    "+c.line, 1)
		if err := os.WriteFile(file, []byte(edited), 0o600); err != nil {
			t.Fatal(err)
		}
		out, errs, code := cliRun(t, address, "apply", "-f", file)
		if code != 0 || devUpdated.MatchString(out) != c.want {
			t.Errorf("%q: %d %s%s", c.line, code, out, errs)
		}
		if c.want {
			r := last[*networkv1.UpdateVpcRequest](t, f)
			if !r.GetVpc().GetDeletionProtection() || strings.Join(r.GetUpdateMask().GetPaths(), " ") != c.mask {
				t.Errorf("got %v", r)
			}
		}
	}
}
