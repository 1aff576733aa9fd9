package audit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"github.com/low-layer/platform/libs/audit"
	"github.com/low-layer/platform/libs/receipt"
)

var at = time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC)

func signer(t testing.TB) *receipt.Signer {
	t.Helper()
	text, err := receipt.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	s, err := receipt.NewSigner(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func record(service string, n int64, previous string) audit.Record {
	return audit.Record{
		Name: fmt.Sprintf("tenants/acme/auditEvents/aud_%s_%026d", service, n), Service: service, Tenant: "tenants/acme", TenantUID: "ten_1",
		Sequence: n, Previous: previous, Time: at.Add(time.Duration(n) * time.Second),
		Actor:  audit.Actor{Kind: audit.User, Subject: "u1", Name: "jo", Email: "jo@example.com", Issuer: "https://id", ACR: "2"},
		Method: "lowlayer.network.v1.VpcService.CreateVpc", Permission: "network.vpcs.create", Resource: "tenants/acme/organisations/core/vpcs/dev",
		RequestID: "req-1", TraceID: "0af7651916cd43dd8448eb211c80319c", Code: "OK", Reason: "R", Omitted: 3,
		Changes: []audit.Change{{Resource: "x", Before: json.RawMessage(`{"a":"<b>"}`), After: json.RawMessage(`{"a":1}`)}},
	}
}

// export is a good one: n records of each service, each with its checkpoint, as lines.
func export(t testing.TB, s *receipt.Signer, n int64, services ...string) []string {
	t.Helper()
	var b bytes.Buffer
	for _, service := range services {
		previous := ""
		for i := range n {
			e, err := audit.Write(record(service, i+1, previous))
			if err != nil {
				t.Fatal(err)
			}
			if err := audit.WriteEntry(&b, e); err != nil {
				t.Fatal(err)
			}
			previous = e.Hash
		}
		if err := audit.WriteCheckpoint(&b, seal(t, s, service, n, previous)); err != nil {
			t.Fatal(err)
		}
	}
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
}

func seal(t testing.TB, s *receipt.Signer, service string, n int64, hash string) receipt.Envelope {
	t.Helper()
	e, err := audit.Checkpoint{Service: service, Tenant: "tenants/acme", TenantUID: "ten_1", Sequence: n, Hash: hash, Time: at}.Sign(s)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func verify(s *receipt.Signer, lines []string, kept ...receipt.Envelope) ([]audit.Chain, error) {
	return audit.Verify(strings.NewReader(strings.Join(lines, "\n")), audit.Expect{
		Keys: []receipt.Key{s.Key()}, Services: []string{"network", "tenant"}, Kept: kept,
	})
}

func wants(t *testing.T, what string, err error, checks ...string) {
	t.Helper()
	if !slices.Contains(checks, audit.CheckOf(err)) {
		t.Errorf("%s: got %v, want one of %v", what, err, checks)
	}
}

func TestGoodExport(t *testing.T) {
	s := signer(t)
	lines := export(t, s, 4, "tenant", "network")
	got, err := verify(s, lines, seal(t, s, "network", 4, hashOf(t, lines[8])), seal(t, s, "network", 2, hashOf(t, lines[6])))
	if err != nil || len(got) != 2 || got[0].Service != "network" || got[0].Records != 4 || got[1].Service != "tenant" {
		t.Fatalf("got %v, %v", got, err)
	}
	// A service without a record has a checkpoint that says so.
	if _, err := verify(s, slices.Concat(export(t, s, 0, "tenant"), export(t, s, 2, "network"))); err != nil {
		t.Error(err)
	}
}

func hashOf(t testing.TB, line string) string {
	t.Helper()
	var l struct{ Hash string }
	if err := json.Unmarshal([]byte(line), &l); err != nil {
		t.Fatal(err)
	}
	return l.Hash
}

// Verify finds every change of an export, in each of its places.
func TestVerify_anyMutation_isFound(t *testing.T) {
	s := signer(t)
	good := export(t, s, 2, "network", "tenant")
	for i, line := range good {
		for j := range len(line) {
			if j > 0 && line[j-1] == '\\' {
				continue
			}
			changed := slices.Clone(good)
			changed[i] = line[:j] + string(line[j]^1) + line[j+1:]
			if _, err := verify(s, changed); err == nil && !sameContent(t, line, changed[i]) {
				t.Fatalf("line %d, byte %d changed: %s passes", i+1, j, changed[i])
			}
		}
		removed := slices.Delete(slices.Clone(good), i, i+1)
		if _, err := verify(s, removed); err == nil {
			t.Errorf("line %d removed passes", i+1)
		}
		doubled := slices.Insert(slices.Clone(good), i, line)
		if _, err := verify(s, doubled); err == nil {
			t.Errorf("line %d twice passes", i+1)
		}
		if i+1 < len(good) && i != 2 { // the chains of two services may stand in any order
			swapped := slices.Clone(good)
			swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
			if _, err := verify(s, swapped); err == nil {
				t.Errorf("lines %d and %d swapped pass", i+1, i+2)
			}
		}
		if _, err := verify(s, good[:i]); err == nil {
			t.Errorf("cut off before line %d passes", i+1)
		}
	}
}

// sameContent is true when a changed byte changed no value: the spare bits at the end of base64.
func sameContent(t *testing.T, a, b string) bool {
	t.Helper()
	var is [2]audit.Line
	for i, text := range []string{a, b} {
		if err := audit.Read(strings.NewReader(text), func(l audit.Line) error { is[i] = l; return nil }); err != nil {
			return false
		}
	}
	return reflect.DeepEqual(is[0], is[1])
}

// A second record beside the first, or one in other case, shows other readers something else than what is verified.
func TestVerify_ambiguousNames_areRefused(t *testing.T) {
	s := signer(t)
	for name, change := range map[string]func(line string) string{
		"repeated name":         func(l string) string { return strings.Replace(l, `"record":`, `"record":{"sequence":9},"record":`, 1) },
		"other case beside":     func(l string) string { return strings.TrimSuffix(l, "}") + `,"Record":{"sequence":9}}` },
		"other case alone":      func(l string) string { return strings.Replace(l, `"record":`, `"Record":`, 1) },
		"other case of a hash":  func(l string) string { return strings.Replace(l, `"hash":`, `"HASH":`, 1) },
		"repeated null at last": func(l string) string { return strings.TrimSuffix(l, "}") + `,"record":null}` },
	} {
		lines := export(t, s, 2, "network")
		lines[0] = change(lines[0])
		var f *audit.Failure
		if _, err := verify(s, lines); !errors.As(err, &f) || f.Check != audit.CheckMalformed {
			t.Errorf("%s: %s gives %v", name, lines[0], err)
		}
	}
}

// A forger who can compute hashes flips every field of every record: the rest of the chain, or the checkpoint, shows it.
func TestVerify_fieldChangedWithItsHash_isFound(t *testing.T) {
	s := signer(t)
	good := export(t, s, 3, "network", "tenant")
	flips := map[string]func(*audit.Record){
		"name": func(r *audit.Record) { r.Name += "x" }, "service": func(r *audit.Record) { r.Service += "x" },
		"tenant": func(r *audit.Record) { r.Tenant += "x" }, "tenant uid": func(r *audit.Record) { r.TenantUID += "x" },
		"sequence": func(r *audit.Record) { r.Sequence++ }, "previous": func(r *audit.Record) { r.Previous += "0" },
		"time": func(r *audit.Record) { r.Time = r.Time.Add(1) }, "kind": func(r *audit.Record) { r.Actor.Kind = audit.Anonymous },
		"subject": func(r *audit.Record) { r.Actor.Subject = "x" }, "actor": func(r *audit.Record) { r.Actor.Name = "x" },
		"email": func(r *audit.Record) { r.Actor.Email = "x" }, "issuer": func(r *audit.Record) { r.Actor.Issuer = "x" },
		"acr": func(r *audit.Record) { r.Actor.ACR = "1" }, "method": func(r *audit.Record) { r.Method += "x" },
		"permission": func(r *audit.Record) { r.Permission = "x" }, "resource": func(r *audit.Record) { r.Resource = "x" },
		"request": func(r *audit.Record) { r.RequestID = "x" }, "trace": func(r *audit.Record) { r.TraceID = "x" },
		"code": func(r *audit.Record) { r.Code = "ABORTED" }, "reason": func(r *audit.Record) { r.Reason = "x" },
		"omitted": func(r *audit.Record) { r.Omitted = 0 }, "changes": func(r *audit.Record) { r.Changes = nil },
		"before": func(r *audit.Record) { r.Changes[0].Before = nil }, "after": func(r *audit.Record) { r.Changes[0].After = nil },
	}
	for i, line := range good {
		for field, flip := range flips {
			var l struct{ Record json.RawMessage }
			if err := json.Unmarshal([]byte(line), &l); err != nil {
				t.Fatal(err)
			}
			if l.Record == nil {
				continue
			}
			r, err := audit.Parse(l.Record)
			if err != nil {
				t.Fatal(err)
			}
			flip(&r)
			e, err := audit.Write(r)
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if err := audit.WriteEntry(&b, e); err != nil {
				t.Fatal(err)
			}
			changed := slices.Clone(good)
			changed[i] = strings.TrimSpace(b.String())
			if _, err := verify(s, changed); err == nil {
				t.Errorf("%s of line %d changed, with a new hash: passes", field, i+1)
			}
		}
	}
}

func TestVerify_failure_namesTheCheck(t *testing.T) {
	s, other := signer(t), signer(t)
	good := export(t, s, 3, "network", "tenant")
	without := func(i int) []string { return slices.Delete(slices.Clone(good), i, i+1) }
	_, err := verify(s, without(1))
	wants(t, "a record missing", err, audit.CheckSequence)
	if !strings.HasPrefix(err.Error(), "line 2, record 3 of network: ") {
		t.Errorf("the first bad record is not named: %v", err)
	}
	_, err = verify(s, without(2))
	wants(t, "the last record missing", err, audit.CheckTruncated)
	_, err = verify(s, without(3))
	wants(t, "no checkpoint", err, audit.CheckCheckpoint)
	_, err = verify(s, good[4:])
	wants(t, "no service", err, audit.CheckService)
	_, err = verify(other, good)
	wants(t, "another key", err, audit.CheckCheckpoint)
	_, err = verify(s, append(slices.Clone(good), "{}"))
	wants(t, "rubbish", err, audit.CheckMalformed)

	// An earlier export passes by itself; only a later checkpoint shows the cut.
	early := export(t, s, 2, "network", "tenant")
	if _, err := verify(s, early); err != nil {
		t.Error(err)
	}
	_, err = verify(s, early, seal(t, s, "network", 3, hashOf(t, good[2])))
	wants(t, "cut with its checkpoint", err, audit.CheckTruncated)
	// A rewritten trail passes by itself; only an earlier checkpoint shows it.
	_, err = verify(s, good, seal(t, s, "tenant", 2, hashOf(t, good[0])))
	wants(t, "written anew", err, audit.CheckCheckpoint)
	_, err = verify(s, good, seal(t, other, "tenant", 2, hashOf(t, good[5])))
	wants(t, "kept checkpoint of another key", err, audit.CheckCheckpoint)
	foreign, err := audit.Checkpoint{Service: "tenant", Tenant: "tenants/acme", TenantUID: "ten_2", Time: at}.Sign(s)
	if err != nil {
		t.Fatal(err)
	}
	_, err = verify(s, good, foreign)
	wants(t, "kept checkpoint of another tenant", err, audit.CheckForeign)
}

func TestChanges_secrets_areLeftOut(t *testing.T) {
	var c audit.Changes
	c.Before("a", &tenantv1.ServiceAccount{Name: "a", DisplayName: "old", Secret: "hunter2"})
	c.Before("b", &tenantv1.ServiceAccount{Name: "b"}) // read, never written
	c.After("a", &tenantv1.ServiceAccount{Name: "a", DisplayName: "new", Secret: "hunter3"})
	for whole, want := range map[bool]string{
		true:  `[{"resource":"a","before":{"displayName":"old","name":"a"},"after":{"displayName":"new","name":"a"}}]`,
		false: `[{"resource":"a","before":{"displayName":"old"},"after":{"displayName":"new"}}]`,
	} {
		list, err := c.List(whole)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := json.Marshal(list); string(got) != want {
			t.Errorf("whole %v: got %s", whole, got)
		}
	}
	c.After("a", nil)
	if list, err := c.List(false); err != nil || list[0].After != nil || !strings.Contains(string(list[0].Before), `"name":"a"`) {
		t.Errorf("removed: got %v, %v", list, err)
	}
}

func FuzzVerify(f *testing.F) {
	s := signer(f)
	good := strings.Join(export(f, s, 2, "network", "tenant"), "\n")
	for _, seed := range []string{good, "", "{}", `{"hash":"x","record":{}}`, `{"checkpoint":{}}`, good + "\n" + good, strings.ReplaceAll(good, "\n", "")} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		chains, err := audit.Verify(strings.NewReader(text), audit.Expect{Keys: []receipt.Key{s.Key()}, Services: []string{"network"}})
		if err != nil {
			return
		}
		// An export that passes holds the very chains that were signed.
		for _, c := range chains {
			if c.Records != 2 || c.Sequence != 2 {
				t.Errorf("%+v passes: %q", c, text)
			}
		}
	})
}
