package stack

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/low-layer/platform/libs/mtls"
)

// TestStack_identity_isAPartOnRequest keeps stacks without it as they were.
func TestStack_identity_isAPartOnRequest(t *testing.T) {
	addresses := Defaults()
	for _, asked := range []bool{false, true} {
		s, err := New(Options{Dir: t.TempDir(), Bin: "bin", Addresses: addresses, Identity: asked, Users: []string{"ada@acme.test"}})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, p := range s.foundations() {
			names = append(names, p.name)
		}
		if slices.Contains(names, "identitysim") != asked || (s.Issuer() != "") != asked {
			t.Errorf("asked %t: parts %v, issuer %q", asked, names, s.Issuer())
		}
		tenant, err := s.part("tenant")
		if err != nil {
			t.Fatal(err)
		}
		knows := slices.ContainsFunc(tenant.env, func(v string) bool { return strings.HasPrefix(v, "LOWLAYER_TENANT_KEYCLOAK_URL=") })
		if knows != asked {
			t.Errorf("asked %t: the tenant service knows of it: %t", asked, knows)
		}
	}
}

// An event that a service signed before a restart is verified after it.
func TestWriteSecrets_secondStart_trustsTheFirstAuthorityToo(t *testing.T) {
	t.Parallel()
	s, err := New(Options{Dir: t.TempDir(), Bin: "bin", Addresses: Defaults(), Identity: true})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(s.TLSDir("tenant"), mtls.AuthorityFile)
	var first []byte
	for start := range 3 {
		if err := s.writeSecrets(); err != nil {
			t.Fatal(err)
		}
		authorities, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if start == 0 {
			first = authorities
		}
		if n := bytes.Count(authorities, []byte("BEGIN CERTIFICATE")); n != start+1 || !bytes.HasSuffix(authorities, first) {
			t.Errorf("start %d: %d authorities:\n%s", start+1, n, authorities)
		}
	}
}

func TestPostgres_durable_waitsForTheDisk(t *testing.T) {
	t.Parallel()
	for _, durable := range []bool{false, true} {
		s, err := New(Options{Dir: t.TempDir(), Bin: "bin", Addresses: Defaults(), Durable: durable})
		if err != nil {
			t.Fatal(err)
		}
		args := s.foundations()[0].args
		for _, name := range []string{"fsync", "synchronous_commit", "full_page_writes"} {
			if slices.Contains(args, name+"=on") != durable {
				t.Errorf("durable %t: %v", durable, args)
			}
		}
	}
}
