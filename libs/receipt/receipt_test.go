package receipt_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/low-layer/platform/libs/receipt"
)

var at = time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC)

func good() receipt.Receipt {
	return receipt.Receipt{
		Name: "tenants/acme/receipts/rcpt_network_01jd8x00000000000000000000", Service: "network", Tenant: "tenants/acme", Kind: "vpc",
		Resource: "tenants/acme/organisations/core/vpcs/dev", ResourceUID: "vpc_1", Operation: "tenants/acme/operations/op_network_1",
		RequestTime: at, EndTime: at.Add(9 * time.Second),
		Objects: []receipt.Object{{
			Step: "router", Type: "neutron.router", ID: "r1", Name: "dev-router", MadeTime: at.Add(-time.Hour),
			LastSeenTime: at.Add(time.Second), GoneTime: at.Add(2 * time.Second), Check: receipt.NotListed,
		}, {Step: "old", Type: "neutron.port", ID: "p1", GoneTime: at.Add(-time.Minute), Check: receipt.DeleteAnswered}},
		Inventory: receipt.Inventory{Scope: receipt.ScopeCloud, Time: at.Add(8 * time.Second)},
	}
}

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

func sign(t testing.TB, s *receipt.Signer, r receipt.Receipt) receipt.Envelope {
	t.Helper()
	e, err := s.Sign(r)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestVerify_signedReceipt_succeeds(t *testing.T) {
	s := signer(t)
	text, err := sign(t, s, good()).JSON()
	if err != nil {
		t.Fatal(err)
	}
	e, err := receipt.ParseEnvelope(text)
	if err != nil {
		t.Fatal(err)
	}
	// The key arrives as PEM, among others.
	public, err := s.Key().PEM()
	if err != nil {
		t.Fatal(err)
	}
	other, err := signer(t).Key().PEM()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := receipt.ParseKeys(other + public)
	if err != nil || len(keys) != 2 || keys[1].ID != s.Key().ID {
		t.Fatalf("keys are %v, %v", keys, err)
	}
	got, err := receipt.Verify(e, keys)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := json.Marshal(good())
	if have, _ := json.Marshal(got); !bytes.Equal(have, want) {
		t.Errorf("got %s", have)
	}
}

// rfc8037 is the private key of RFC 8037, appendix A.1.
const rfc8037 = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n"

// The thumbprint of the key of RFC 8037, appendix A.3.
func TestThumbprint(t *testing.T) {
	keys, err := receipt.ParseKeys("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n")
	if err != nil || keys[0].ID != "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" {
		t.Errorf("got %v, %v", keys, err)
	}
}

// The pre-authentication encoding of the DSSE protocol's own example.
func TestEncoding(t *testing.T) {
	got := receipt.Encode("http://example.com/HelloWorld", []byte("hello world"))
	if string(got) != "DSSEv1 29 http://example.com/HelloWorld 11 hello world" {
		t.Errorf("got %s", got)
	}
}

// Verify finds every change after the signing.
func TestVerify_anyChangedByte_fails(t *testing.T) {
	s := signer(t)
	keys := []receipt.Key{s.Key()}
	e := sign(t, s, good())
	for i := range e.Payload {
		changed := e
		changed.Payload = slices.Clone(e.Payload)
		changed.Payload[i] ^= 1
		if _, err := receipt.Verify(changed, keys); receipt.CheckOf(err) != receipt.CheckSignature {
			t.Fatalf("byte %d of the payload changed: %v", i, err)
		}
	}
	for i := range e.Signatures[0].Sig {
		changed := e
		changed.Signatures = []receipt.Signature{{KeyID: s.Key().ID, Sig: slices.Clone(e.Signatures[0].Sig)}}
		changed.Signatures[0].Sig[i] ^= 1
		if _, err := receipt.Verify(changed, keys); receipt.CheckOf(err) != receipt.CheckSignature {
			t.Fatalf("byte %d of the signature changed: %v", i, err)
		}
	}
}

func TestVerify_failure_namesTheCheck(t *testing.T) {
	s := signer(t)
	for name, c := range map[string]struct {
		change func(*receipt.Receipt)
		check  string
	}{
		"good":                    {func(*receipt.Receipt) {}, ""},
		"nothing was made":        {func(r *receipt.Receipt) { r.Objects = nil }, ""},
		"not gone":                {func(r *receipt.Receipt) { r.Objects[0].GoneTime = time.Time{} }, receipt.CheckNotGone},
		"no check":                {func(r *receipt.Receipt) { r.Objects[0].Check = "" }, receipt.CheckNotGone},
		"seen after it was gone":  {func(r *receipt.Receipt) { r.Objects[0].LastSeenTime = at.Add(3 * time.Second) }, receipt.CheckNotGone},
		"gone after the end":      {func(r *receipt.Receipt) { r.Objects[0].GoneTime = at.Add(time.Hour) }, receipt.CheckNotGone},
		"seen before it was made": {func(r *receipt.Receipt) { r.Objects[0].LastSeenTime = at.Add(-2 * time.Hour) }, receipt.CheckContent},
		"object without id":       {func(r *receipt.Receipt) { r.Objects[0].ID = "" }, receipt.CheckContent},
		"another tenant":          {func(r *receipt.Receipt) { r.Resource = "tenants/other/vpcs/x" }, receipt.CheckContent},
		"foreign operation":       {func(r *receipt.Receipt) { r.Operation = "tenants/other/operations/x" }, receipt.CheckContent},
		"no uid":                  {func(r *receipt.Receipt) { r.ResourceUID = "" }, receipt.CheckContent},
		"ended too early":         {func(r *receipt.Receipt) { r.EndTime = at.Add(-time.Second) }, receipt.CheckContent},
		"something left":          {func(r *receipt.Receipt) { r.Inventory.Left = 1 }, receipt.CheckInventory},
		"no last look":            {func(r *receipt.Receipt) { r.Inventory = receipt.Inventory{} }, receipt.CheckInventory},
		"last look after":         {func(r *receipt.Receipt) { r.Inventory.Time = at.Add(time.Hour) }, receipt.CheckInventory},
	} {
		r := good()
		c.change(&r)
		if _, err := receipt.Verify(sign(t, s, r), []receipt.Key{s.Key()}); receipt.CheckOf(err) != c.check {
			t.Errorf("%s: got %v, want %q", name, err, c.check)
		}
	}
	e := sign(t, s, good())
	if _, err := receipt.Verify(e, []receipt.Key{signer(t).Key()}); receipt.CheckOf(err) != receipt.CheckUnknownKey {
		t.Errorf("another key: %v", err)
	}
	e.PayloadType = "text/plain"
	if _, err := receipt.Verify(e, []receipt.Key{s.Key()}); receipt.CheckOf(err) != receipt.CheckPayloadType {
		t.Errorf("another type: %v", err)
	}
	for _, text := range []string{
		"", "{", "[]", "{}", `{"payload":"!"}`,
		`{"payload":"YQ==","payloadType":"x","signatures":[{"keyid":"a","sig":"YQ=="}]} x`,
		`{"payload":"YQ==","Payload":"Yg==","payloadType":"x","signatures":[{"keyid":"a","sig":"YQ=="}]}`,
		`{"payload":"YQ==","payload":"Yg==","payloadType":"x","signatures":[{"keyid":"a","sig":"YQ=="}]}`,
		`{"PAYLOAD":"YQ==","payloadType":"x","signatures":[{"keyid":"a","sig":"YQ=="}]}`,
		`{"payload":"YQ==","payloadType":"x","signatures":[{"keyid":"a","KeyId":"b","sig":"YQ=="}]}`,
	} {
		if _, err := receipt.ParseEnvelope([]byte(text)); receipt.CheckOf(err) != receipt.CheckMalformed {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestParseKeys_badKey_fails(t *testing.T) {
	const rsa = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----\n"
	for _, text := range []string{"", "x", rsa, "-----BEGIN PRIVATE KEY-----\nYQ==\n-----END PRIVATE KEY-----\n"} {
		if _, err := receipt.NewSigner(text); err == nil {
			t.Errorf("%q signs", text)
		}
	}
	for _, text := range []string{"x", rsa} {
		if _, err := receipt.ParseKeys(text); err == nil {
			t.Errorf("%q is a key", text)
		}
	}
	if keys, err := receipt.ParseKeys(" \n"); err != nil || len(keys) > 0 {
		t.Errorf("no keys: %v, %v", keys, err)
	}
}

// Verification never panics and never accepts an envelope that our key did not sign.
func FuzzVerify(f *testing.F) {
	// A key that is the same in every process: seeds must be.
	s, err := receipt.NewSigner(rfc8037)
	if err != nil {
		f.Fatal(err)
	}
	e := sign(f, s, good())
	text, err := e.JSON()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(strings.Replace(string(text), "payloadType", "payloadtype", 1)))
	f.Add([]byte(`{"payload":"e30=","payloadType":"` + receipt.PayloadType + `","signatures":[{"keyid":"` + s.Key().ID + `","sig":""}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := receipt.ParseEnvelope(text)
		if err != nil {
			return
		}
		if _, err := receipt.Verify(got, []receipt.Key{s.Key()}); err == nil && !bytes.Equal(got.Payload, e.Payload) {
			t.Errorf("accepted %s", text)
		}
		_, _ = receipt.Parse(got.Payload)
	})
}

func FuzzParseKeys(f *testing.F) {
	f.Add("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n")
	f.Fuzz(func(t *testing.T, text string) {
		keys, err := receipt.ParseKeys(text)
		if err != nil {
			return
		}
		for _, k := range keys {
			form, err := k.PEM()
			if err != nil {
				t.Fatal(err)
			}
			if again, err := receipt.ParseKeys(form); err != nil || again[0].ID != k.ID {
				t.Errorf("%v reads back as %v, %v", k, again, err)
			}
		}
	})
}
