package e2e_test

import (
	"encoding/base64"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/low-layer/platform/libs/access"
	"github.com/low-layer/platform/libs/authz/authztest"
	"github.com/low-layer/platform/libs/registry"
	"github.com/low-layer/platform/tools/stack/stacktest"
)

// TestRowSecurity_withoutRules_holdsAlone takes the rule off every method at once: services let everybody do everything. A stranger who asks for what
// is somebody else's, and for it to be changed, still meets nothing but what he meets where there is nothing.
func TestRowSecurity_withoutRules_holdsAlone(t *testing.T) {
	s := startSecured(t, map[string]string{"tenant": stacktest.Unguarded(t, "tenant"), "network": stacktest.Unguarded(t, "network")})
	s.own, s.foreign = s.tenant(t, "own"), s.tenant(t, "foreign")
	var strangers []authztest.Actor // an owner of another tenant, and somebody without any role
	for _, a := range authztest.Actors(t, s.issuer, s.own["tenants"], s.foreign["tenants"]) {
		if !a.Operator && len(a.Roles) == 0 && a.Refused == "" {
			strangers = append(strangers, a)
		}
	}
	if len(strangers) != 2 {
		t.Fatalf("%d strangers", len(strangers))
	}
	a := s.Addresses()
	before := s.picture(t)
	mutants := map[string]bool{}
	for _, w := range []authztest.Wire{
		s.over("tenant", s.DialService(t, access.Operator, "tenant", a.Of("tenant")), "tenant", "operation", "receipt", "audit", "quota", "watch"),
		s.over("network", s.DialService(t, access.Operator, "network", a.Of("network")), "network", "operation", "receipt", "audit", "quota", "watch"),
	} {
		for _, c := range authztest.Calls(t) {
			if !w.Takes(c) || !c.InTenant() {
				continue
			}
			mutants[c.Full] = true
			for _, stranger := range strangers {
				got, absent := w.Do(t, stranger, c, c.Request(t, s.own, false)), w.Do(t, stranger, c, c.Request(t, absentWorld, false))
				if legible(t, got).Alike(s.own) != legible(t, absent).Alike(absentWorld) {
					t.Errorf("%s %s, %s\n of what is somebody else's: %s\n of what is not there:     %s", w.Name, c.Name(), stranger.Name, got.Text, absent.Text)
				}
			}
		}
	}
	if after := s.picture(t); after != before {
		t.Errorf("the calls changed the world\nbefore %s\nafter  %s", before, after)
	}
	t.Logf("%d methods without their rule", len(mutants))
	if len(mutants) < 35 {
		t.Errorf("only %d methods were called", len(mutants))
	}
	// The mutants are some: a stranger who may see all rows is stopped by nothing.
	s.withoutPolicies(t)
	got := s.over("tenant", s.DialService(t, access.Operator, "tenant", a.Of("tenant")))
	for _, c := range authztest.Calls(t) {
		if strings.HasSuffix(c.Full, "/GetOrganisation") {
			if answer := got.Do(t, strangers[0], c, c.Request(t, s.own, false)); answer.Reason != "" {
				t.Errorf("with no wall at all: %s", answer.Text)
			}
		}
	}
}

var resumeToken = regexp.MustCompile(`"resumeToken":"([^"]*)"`)

// legible is an answer in which resume tokens are what they say: they name the tenant that was asked for.
func legible(t *testing.T, a authztest.Answer) authztest.Answer {
	t.Helper()
	a.Text = resumeToken.ReplaceAllStringFunc(a.Text, func(found string) string {
		said, err := base64.RawURLEncoding.DecodeString(resumeToken.FindStringSubmatch(found)[1])
		if err != nil {
			t.Errorf("%s: %v", found, err)
		}
		return string(said)
	})
	return a
}

// withoutRows is the other way round: every policy is off every table, and strangers are still told what they were told.
func (s *secured) withoutRows(t *testing.T, m authztest.Matrix) {
	s.withoutPolicies(t)
	strangers := m
	strangers.Actors = nil
	for _, a := range m.Actors {
		if !a.Operator && len(a.Roles) == 0 {
			strangers.Actors = append(strangers.Actors, a)
		}
	}
	before := s.picture(t)
	n := strangers.Run(t, s.over("gRPC without policies", s.conn))
	if after := s.picture(t); after != before {
		t.Errorf("the calls changed the world\nbefore %s\nafter  %s", before, after)
	}
	t.Logf("%d calls", n)
}

// withoutPolicies takes row security off all tables.
func (s *secured) withoutPolicies(t *testing.T) {
	t.Helper()
	for _, service := range registry.Names(registry.Databases()) {
		conn, err := pgx.Connect(t.Context(), s.OwnerURL(service))
		if err != nil {
			t.Fatal(err)
		}
		rows, err := conn.Query(t.Context(), `SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relrowsecurity`)
		if err != nil {
			t.Fatal(err)
		}
		tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil || len(tables) < 8 {
			t.Fatalf("%v have row security: %v", tables, err)
		}
		for _, table := range tables {
			id := pgx.Identifier{table}.Sanitize()
			if _, err := conn.Exec(t.Context(), "ALTER TABLE "+id+" NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY"); err != nil {
				t.Fatal(err)
			}
		}
		if err := conn.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
