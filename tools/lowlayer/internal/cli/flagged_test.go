package cli

import (
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// A field of the request goes by the flag that filled it too, in the message and in the details.
func TestErrors_field_namesItsFlag(t *testing.T) {
	allow := []string{"--allow", "web=tcp:443@0.0.0.0/0", "--allow", "office=icmp:1@0.0.0.0/0"}
	for _, c := range []struct {
		method, field, named string
		args                 []string
	}{
		{"CreateVpc", "vpc.ingress_rules[1].port_min", "vpc.ingress_rules[1].port_min (--allow office=icmp:1@0.0.0.0/0)", append([]string{"vpc", "create", "acme/core/dev"}, allow...)},
		{"CreateVpc", "vpc.cidr", "vpc.cidr (--cidr)", []string{"vpc", "create", "acme/core/dev", "--cidr", "10.0.0.1/20"}},
		{"CreateOrganisation", "organisation.mode", "organisation.mode (--mode)", []string{"organisation", "create", "acme/core"}},
		{"CreateOrganisation", "organisation.quota.networks", "organisation.quota.networks (--quota-networks)", []string{"organisation", "create", "acme/core"}},
		{"CreateOrganisation", "organisation.vpcs[0].cidr", "organisation.vpcs[0].cidr (--vpc dev@x)", []string{"organisation", "create", "acme/core", "--vpc", "dev@x"}},
		{"CreatePeering", "peering.peer_vpc", "peering.peer_vpc (--peer)", []string{"peering", "create", "acme/link", "--vpc", "acme/core/dev", "--peer", "acme/core/dev"}},
		{"ListTenants", "filter", "filter (--filter)", []string{"tenant", "list", "--filter", "x"}},
		{"GetTenant", "name", "name", []string{"tenant", "get", "acme"}},
		{"CreateOrganisation", "organisation.mode", "organisation.mode", []string{"apply", "-f", startup}},
	} {
		for _, message := range []string{"correct these fields: " + c.field, c.field + ": is wrong"} {
			f, address := newFake(t)
			s, err := status.New(codes.InvalidArgument, message).WithDetails(
				&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: c.field, Description: "is wrong"}}},
				&errdetails.ErrorInfo{Reason: "INVALID_FIELDS"})
			if err != nil {
				t.Fatal(err)
			}
			f.refuse(c.method, s.Err())
			_, errs, code := cliRun(t, address, c.args...)
			if code != exitInvalid || strings.Count(errs, c.named+": is wrong\n") != 1 || strings.Count(errs, "is wrong") != 1 || !strings.Contains(errs, "Reason: INVALID_FIELDS") {
				t.Errorf("%v: %d %s", c.args, code, errs)
			}
		}
	}
}

// A field that cannot change has a remedy instead of an unknown flag.
func TestUpdate_immutableField_hasARemedy(t *testing.T) {
	for says, args := range map[string][]string{
		"--cidr: the CIDR of a VPC cannot change":                        {"vpc", "update", "acme/core/dev", "--cidr", "10.0.0.0/20"},
		"--mode: the mode of a VPC cannot change":                        {"vpc", "update", "acme/core/dev", "--mode", "DEDICATED", "--display-name", "x"},
		"--hub-cidr: the CIDR of the bastion's network cannot change":    {"organisation", "update", "acme/core", "--hub-cidr", "10.0.0.0/22"},
		"--mode: the mode of an organisation cannot change":              {"organisation", "update", "acme/core", "--mode", "DEDICATED"},
		"--network-cidr: the address space of a tenant cannot change":    {"tenant", "update", "acme", "--network-cidr", "10.0.0.0/12"},
		`there is no protocol "foo"; use tcp, udp, icmp or any`:          {"vpc", "create", "acme/core/dev", "--allow", "office=foo:1@0.0.0.0/0"},
		`--mode: "shared" is not one of MUTUALIZED, DEDICATED`:           {"organisation", "create", "acme/core", "--mode", "shared"},
		`--vpc dev=shared: "shared" is not one of MUTUALIZED, DEDICATED`: {"organisation", "create", "acme/core", "--vpc", "dev=shared"},
	} {
		f, address := newFake(t)
		_, errs, code := cliRun(t, address, args...)
		if code != exitUsage || !strings.Contains(errs, says) || len(f.requests) != 0 {
			t.Errorf("%v: %d %s", args, code, errs)
		}
	}
	help, _, _ := cliRun(t, "127.0.0.1:1", "vpc", "update", "--help")
	if strings.Contains(help, "--cidr") {
		t.Errorf("the help offers a flag that cannot be used:\n%s", help)
	}
}
