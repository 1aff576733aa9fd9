package e2e_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestPurge_receipts_accountForEveryObject asks for the preview of a purge, purges, and accounts for every object with receipts that are verified
// offline, when nothing of the tenant is there any more.
func TestPurge_receipts_accountForEveryObject(t *testing.T) {
	s := platform(t)
	s.Must(t, "tenant", "create", "vandelay")
	s.Must(t, "organisation", "create", "vandelay/main", "--mode", "MUTUALIZED", "--vpc", "dev", "--vpc", "prod")
	s.Must(t, "vpc", "create", "vandelay/main/late", "--protect")
	s.Must(t, "peering", "create", "vandelay/link", "--vpc", "vandelay/main/dev", "--peer", "vandelay/main/late")
	s.Must(t, "peering", "accept", "vandelay/link")
	purge := []string{"tenant", "delete", "vandelay", "--force", "--purge"}

	if r := s.Lowlayer(t, append(purge, "--yes")...); r.Code != 6 || !strings.Contains(r.Err, "DELETION_PROTECTED") || !strings.Contains(r.Err, "vpcs/late") {
		t.Fatalf("a tenant goes with a protected VPC in it: %+v", r)
	}
	s.Must(t, "vpc", "update", "vandelay/main/late", "--no-protect")

	var plan struct {
		Objects []struct{ Action, Type, ID string }
	}
	unmarshal(t, s.Must(t, append(purge, "--plan", "-o", "json")...), &plan)
	var foretold []string
	for _, o := range plan.Objects {
		if o.Action != "DELETE" {
			t.Errorf("a purge plans to %s a %s", o.Action, o.Type)
		}
		foretold = append(foretold, o.Type+" "+o.ID)
	}
	if before := s.Inventory(t, "vandelay"); len(before) == 0 {
		t.Fatal("the preview removed something")
	}
	planned := time.Now()
	s.Must(t, append(purge, "--yes")...)

	dir := t.TempDir()
	_, _, answer := s.REST(t, "GET", "/v1/receiptKeys", "")
	keys, _ := answer["keys"].([]any)
	args := []string{"receipt", "verify"}
	for _, k := range keys {
		key, _ := k.(map[string]any)
		id, _ := key["keyId"].(string)
		pem, _ := key["publicKey"].(string)
		args = append(args, "--key", write(t, dir, id+".pem", pem))
	}
	var gone []string
	for name := range strings.FieldsSeq(s.Must(t, "receipt", "list", "vandelay", "-o", "name")) {
		file := write(t, dir, filepath.Base(name)+".json", s.Must(t, "receipt", "get", name, "-o", "json"))
		var r struct {
			Inventory struct{ Scope string }
			Objects   []struct {
				Type, ID string
				GoneTime time.Time
			}
		}
		unmarshal(t, s.Must(t, append(args, file, "--address", "127.0.0.1:1", "-o", "json")...), &r)
		if r.Inventory.Scope != "CLOUD" {
			t.Errorf("%s: the last look was %s", name, r.Inventory.Scope)
		}
		for _, o := range r.Objects {
			// The receipts also hold the objects that went before the preview.
			if o.GoneTime.After(planned.Add(-time.Second)) {
				gone = append(gone, o.Type+" "+o.ID)
			}
		}
	}
	slices.Sort(foretold)
	slices.Sort(gone)
	if len(gone) < 60 || !slices.Equal(foretold, gone) {
		t.Errorf("foretold\n\t%s\ngone\n\t%s", strings.Join(foretold, "\n\t"), strings.Join(gone, "\n\t"))
	}
}

func unmarshal(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("read %s: %v", text, err)
	}
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
