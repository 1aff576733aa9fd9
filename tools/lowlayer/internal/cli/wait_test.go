package cli

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
)

// away is the gateway's error while a service restarts.
func away(t *testing.T) error {
	t.Helper()
	s, err := status.New(codes.Unavailable, "the tenant service cannot be reached at the moment").WithDetails(
		&errdetails.ErrorInfo{Reason: "PEER_UNAVAILABLE"}, &errdetails.RetryInfo{RetryDelay: durationpb.New(time.Millisecond)})
	if err != nil {
		t.Fatal(err)
	}
	return s.Err()
}

func TestWait_restart_isSurvived(t *testing.T) {
	for name, refusals := range map[string]map[string][]error{
		"the service restarts":         {"WaitOperation": {away(t)}},
		"the gateway stops":            {"WaitOperation": {status.Error(codes.Canceled, "the gateway is stopping")}},
		"the connection breaks":        {"WaitOperation": {status.Error(codes.Unavailable, "EOF")}},
		"it is away from the start on": {"GetOperation": slices.Repeat([]error{away(t)}, readTries+1)},
	} {
		t.Run(name, func(t *testing.T) {
			f, address := newFake(t)
			op, errs, code := cliRun(t, address, "tenant", "create", "acme", "--async")
			if code != 0 {
				t.Fatal(errs)
			}
			for method, list := range refusals {
				f.refuse(method, list...)
			}
			out, errs, code := cliRun(t, address, "operation", "wait", strings.TrimSpace(op))
			if code != 0 || !strings.Contains(out, "done") {
				t.Errorf("operation wait: %d %s%s", code, out, errs)
			}
			for _, says := range []string{"does not respond", "still waiting, at most 30m", "responds again"} {
				if strings.Count(errs, says) != 1 {
					t.Errorf("%q is not said once: %s", says, errs)
				}
			}
			f.refuse("WaitOperation", refusals["WaitOperation"]...)
			if out, errs, code := cliRun(t, address, "tenant", "create", "globex"); code != 0 || !strings.Contains(out, "globex") {
				t.Errorf("a verb's wait: %d %s%s", code, out, errs)
			}
		})
	}
}

func TestWait_platformStaysAway_endsWithTheTimeout(t *testing.T) {
	f, address := newFake(t)
	f.refuse("GetOperation", slices.Repeat([]error{status.Error(codes.Unavailable, "nobody listens")}, 999)...)
	_, errs, code := cliRun(t, address, "operation", "wait", "acme/op_fake_0000000000000000000000000a", "--timeout", "1s")
	if code != exitBlocked || !strings.Contains(errs, "the state of the operation is not known after 1 s; the last calls had no response (nobody listens)") || !strings.Contains(errs, "Follow it: lowlayer operation wait") {
		t.Errorf("%d %s", code, errs)
	}
}

// The deadline of the wait ends its last call early: that is no sign of a platform that is away.
func TestWait_timeout_saysHowFarTheWorkIs(t *testing.T) {
	f, address := newFake(t)
	f.refuse("WaitOperation", slices.Repeat([]error{status.Error(codes.DeadlineExceeded, "no time is left")}, 99)...)
	_, errs, code := cliRun(t, address, "tenant", "create", "acme", "--timeout", "500ms")
	if code != exitBlocked || !strings.Contains(errs, "still running after 0.5 s, 1 of 2 steps\n") || !strings.Contains(errs, "Follow it: lowlayer operation wait tenants/acme/operations/") {
		t.Errorf("%d %s", code, errs)
	}
	if strings.Contains(errs, "does not respond") || strings.Contains(errs, "no response") {
		t.Errorf("the platform is said to be away: %s", errs)
	}
}

// A wait that ends in the last call of a blocked operation names the blockage too.
func TestWait_timeoutOfABlockedOperation_saysWhoMustAct(t *testing.T) {
	f, address := newFake(t)
	f.blockage = &typev1.Blockage{Owner: typev1.Blockage_PROVIDER, Reason: reasonQuota, Message: "the cloud is full"}
	f.refuse("WaitOperation", slices.Repeat([]error{status.Error(codes.DeadlineExceeded, "no time is left")}, 99)...)
	_, errs, code := cliRun(t, address, "vpc", "create", "acme/core/dev", "--timeout", "500ms")
	if code != exitBlocked || !strings.Contains(errs, "is blocked, it waits for") || strings.Contains(errs, "still running") {
		t.Errorf("%d %s", code, errs)
	}
}

func TestElapsed(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 s", 1234 * time.Millisecond: "1.2 s", 5 * time.Second: "5 s", 48600 * time.Millisecond: "48 s", 125 * time.Second: "2 m 05 s",
	} {
		if got := elapsed(d); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
}

func TestProgress_skippedSteps_areNotShown(t *testing.T) {
	f, address := newFake(t)
	f.skipped = true
	out, errs, code := cliRun(t, address, "tenant", "create", "acme", "--timeout", "5s")
	if code != 0 || strings.Contains(errs, "tag the network") || !strings.Contains(errs, "done: create the network (") {
		t.Errorf("%d %s%s", code, out, errs)
	}
	op, _, _ := cliRun(t, address, "tenant", "create", "globex", "--async")
	steps, _, _ := cliRun(t, address, "operation", "get", strings.TrimSpace(op))
	if strings.Contains(steps, "tag") || !strings.Contains(steps, "create the router") {
		t.Errorf("got %s", steps)
	}
}

func TestUnavailable_reads_areRepeatedAndOrdersAreNot(t *testing.T) {
	f, address := newFake(t)
	f.refuse("ListTenants", away(t), away(t))
	if _, errs, code := cliRun(t, address, "tenant", "list"); code != 0 || strings.Count(errs, "Trying again") != 1 {
		t.Errorf("%d %s", code, errs)
	}
	f.refuse("ListTenants", slices.Repeat([]error{away(t)}, readTries)...)
	if _, errs, code := cliRun(t, address, "tenant", "list"); code != exitUnavailable {
		t.Errorf("%d %s", code, errs)
	}
	f.refuse("CreateTenant", away(t))
	if _, errs, code := cliRun(t, address, "tenant", "create", "acme"); code != exitUnavailable {
		t.Errorf("%d %s", code, errs)
	}
	f.refuse("ListTenants", away(t))
	if _, errs, _ := cliRun(t, address, "__complete", "tenant", "get", ""); strings.Contains(errs, "Trying again") {
		t.Errorf("completion writes into the command line: %s", errs)
	}
}

func TestOperation_failure_namesTheOperationAndTheReason(t *testing.T) {
	f, address := newFake(t)
	f.ends = status.Error(codes.Canceled, "the operation was cancelled")
	_, errs, code := cliRun(t, address, "tenant", "create", "acme")
	if code != exitFailure || !strings.Contains(errs, "ended: the operation was cancelled") || !strings.Contains(errs, "lowlayer operation get tenants/acme/operations/") {
		t.Errorf("%d %s", code, errs)
	}
}

// The command that a cancelled operation names continues its work: an update without flags, which changes nothing. For a
// healthy resource the same command reports that there is nothing to change.
func TestCancelledWork_namedCommand_continuesIt(t *testing.T) {
	for name, verb := range map[string]string{"acme": "tenant", "acme/core": "organisation", "acme/core/dev": "vpc"} {
		t.Run(verb, func(t *testing.T) {
			f, address := newFake(t)
			f.ends = status.Error(codes.Canceled, "the operation was cancelled")
			create := []string{verb, "create", name}
			if verb == "organisation" {
				create = append(create, "--mode", "MUTUALIZED", "--quota-cores", "8")
			}
			command := "lowlayer " + verb + " update " + name
			if _, errs, code := cliRun(t, address, create...); code != exitFailure || !strings.Contains(errs, "Continue the work: "+command+"\n") {
				t.Fatalf("%d %s", code, errs)
			}
			f.ends = nil
			args := strings.Fields(command)[1:]
			if _, errs, code := cliRun(t, address, args...); code != exitUsage || !strings.Contains(errs, "nothing to change") {
				t.Errorf("when it was not cancelled: %d %s", code, errs)
			}
			cancelled := &typev1.Blockage{Owner: typev1.Blockage_USER, Reason: reasonCancelled}
			for _, v := range f.tenants {
				v.State, v.Blockage = typev1.State_BLOCKED, cancelled
			}
			for _, v := range f.organisations {
				v.State, v.Blockage = typev1.State_BLOCKED, cancelled
			}
			for _, v := range f.vpcs {
				v.State, v.Blockage = typev1.State_BLOCKED, cancelled
			}
			if _, errs, code := cliRun(t, address, args...); code != 0 {
				t.Fatalf("%d %s", code, errs)
			}
			var asked proto.Message
			switch verb {
			case "tenant":
				asked = last[*tenantv1.UpdateTenantRequest](t, f).GetTenant()
			case "organisation":
				asked = last[*tenantv1.UpdateOrganisationRequest](t, f).GetOrganisation()
			default:
				asked = last[*networkv1.UpdateVpcRequest](t, f).GetVpc()
			}
			asked.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
				if field.Name() != "name" {
					t.Errorf("it would change %s: %v", field.Name(), asked)
				}
				return true
			})
		})
	}
}

// A deletion that was cancelled is not to go on by an update, which would make the resource whole again.
func TestCancelledWork_deletion_hasNoCommand(t *testing.T) {
	for verb, resource := range map[string]string{"delete": "tenants/acme", "create": "tenants/acme/peerings/link"} {
		if got := goOn(&operationv1.OperationMetadata{Verb: verb, Resource: resource}); got != "" {
			t.Errorf("%s %s: %q", verb, resource, got)
		}
	}
}

func TestBlockedWork_quota_namesTheCommand(t *testing.T) {
	f, address := newFake(t)
	f.blockage = &typev1.Blockage{
		Owner: typev1.Blockage_PROVIDER, Reason: reasonQuota, Remedy: "raise the quota of the project in the cloud",
		Message: "a quota of the cloud's project is used up (Quota exceeded for resources: ['router']); delete what is not needed",
	}
	const command = "lowlayer organisation update acme/core --quota-routers NUMBER"
	_, errs, code := cliRun(t, address, "vpc", "create", "acme/core/dev", "--timeout", "1s")
	if code != exitBlocked || strings.Count(errs, command) != 2 || strings.Contains(errs, "cloud provider") || strings.Contains(errs, f.blockage.GetRemedy()) {
		t.Errorf("%d %s", code, errs)
	}
	op, _, _ := cliRun(t, address, "operation", "list", "acme", "-o", "name")
	if steps, _, _ := cliRun(t, address, "operation", "get", strings.TrimSpace(op)); !strings.Contains(steps, command) || !strings.Contains(steps, "room in the quota of acme/core") {
		t.Errorf("got %s", steps)
	}
	_, errs, _ = cliRun(t, address, "tenant", "create", "acme", "--timeout", "100ms")
	if !strings.Contains(errs, f.blockage.GetRemedy()) {
		t.Errorf("a tenant has no quota of ours: %s", errs)
	}
}

func TestQuotaCommands(t *testing.T) {
	const vpc = "tenants/acme/organisations/core/vpcs/dev"
	for message, want := range map[string]string{
		"(Quota exceeded for resources: ['router', 'port'].)":            "lowlayer organisation update acme/core --quota-ports NUMBER --quota-routers NUMBER",
		"Quota exceeded for cores, ram: Requested 8, but already used 8": "lowlayer organisation update acme/core --quota-cores NUMBER --quota-ram-mib NUMBER",
		"Quota exceeded for resources: ['subnet'].":                      "", // no flag raises it: the cloud's operator does
		"the cloud's words changed":                                      "",
	} {
		if got := raiseQuota(vpc, &typev1.Blockage{Reason: reasonQuota, Message: message}); got != want {
			t.Errorf("%q: got %q, want %q", message, got, want)
		}
	}
}
