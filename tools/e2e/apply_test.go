package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The tenant takes the platform's default network, which only the platform knows: it refuses the order of the organisation
// after apply has made the tenant.
const refusedBlueprint = `
apiVersion: lowlayer/v1
kind: Blueprint
tenant: {id: stark}
organisation: {id: core, mode: MUTUALIZED}
vpcs: [{id: dev, cidr: 192.168.0.0/20, ingressRules: [{name: web, protocol: TCP, portMin: 443, sourceCidr: 0.0.0.0/0}]}]
`

func TestApply_refusedBlueprint_leavesNothing(t *testing.T) {
	s := platform(t)
	file := filepath.Join(t.TempDir(), "b.yaml")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(refusedBlueprint)
	r := s.Lowlayer(t, "apply", "-f", file)
	if r.Code != 4 || !strings.Contains(r.Err, "vpcs[0].cidr") || !strings.Contains(r.Err, "nothing is left") {
		t.Errorf("got %+v", r)
	}
	if r := s.Lowlayer(t, "tenant", "get", "stark"); r.Code != 3 {
		t.Errorf("the tenant: %+v", r)
	}
	if left := s.Inventory(t, "stark"); len(left) > 0 {
		t.Errorf("the cloud holds %v", left)
	}
	write(strings.Replace(refusedBlueprint, "192.168.0.0/20", "10.64.16.0/20", 1))
	if got := applied(t, s, file); got["created"] != 3 {
		t.Errorf("the corrected blueprint: %v", got)
	}
	if got := applied(t, s, file); got["unchanged"] != 3 {
		t.Errorf("applied again: %v", got)
	}
}
