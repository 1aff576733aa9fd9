package cli

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
)

func TestErrors_status_namesFieldRemedyAndExitCode(t *testing.T) {
	s, err := status.New(codes.InvalidArgument, "correct these fields: vpc.cidr").WithDetails(
		&errdetails.ErrorInfo{Reason: "CIDR_OVERLAP"},
		&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "vpc.cidr", Description: "overlaps dev; choose another"}}},
		&errdetails.RequestInfo{RequestId: "req_1"})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if code := report(&out, s.Err()); code != exitInvalid {
		t.Errorf("exit code %d", code)
	}
	for _, part := range []string{"Error: correct these fields: vpc.cidr", "vpc.cidr: overlaps dev; choose another", "Reason: CIDR_OVERLAP", "Request id: req_1"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%q is not in\n%s", part, out.String())
		}
	}
	if strings.Index(out.String(), "vpc.cidr: overlaps") > strings.Index(out.String(), "Reason:") {
		t.Errorf("the fields come first:\n%s", out.String())
	}
	want := map[codes.Code]int{
		codes.NotFound: exitNotFound, codes.InvalidArgument: exitInvalid, codes.AlreadyExists: exitConflict, codes.Aborted: exitConflict,
		codes.FailedPrecondition: exitPrecondition, codes.ResourceExhausted: exitPrecondition, codes.Unavailable: exitUnavailable, codes.Canceled: exitUnavailable, codes.Internal: exitFailure,
	}
	for c, code := range want {
		if got := report(&strings.Builder{}, status.Error(c, "x")); got != code {
			t.Errorf("%v: %d, want %d", c, got, code)
		}
	}
}

// An error of one field says in its message all that its details do.
func TestErrors_fieldInTheMessage_isPrintedOnce(t *testing.T) {
	const text = "overlaps 10.64.16.0/20 of dev; choose another range"
	f, address := newFake(t)
	s, err := status.New(codes.InvalidArgument, "vpc.cidr: "+text).WithDetails(
		&errdetails.ErrorInfo{Reason: "CIDR_OVERLAP"},
		&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "vpc.cidr", Description: text}}})
	if err != nil {
		t.Fatal(err)
	}
	f.refuse("CreateVpc", s.Err())
	_, errs, code := cliRun(t, address, "vpc", "create", "acme/core/prod", "--cidr", "10.64.16.0/20")
	if code != exitInvalid || strings.Count(errs, text) != 1 || !strings.Contains(errs, "Reason: CIDR_OVERLAP") {
		t.Errorf("%d %s", code, errs)
	}
}

// TestExitCodes causes every class of error of `lowlayer help exit-codes`.
func TestExitCodes(t *testing.T) {
	const op = "acme/op_fake_0000000000000000000000000a"
	apply := func(from, to string) func(*testing.T, *fakePlatform) []string {
		return func(t *testing.T, _ *fakePlatform) []string {
			return []string{"apply", "-f", blueprintWith(t, from, to)}
		}
	}
	line := func(args ...string) func(*testing.T, *fakePlatform) []string {
		return func(*testing.T, *fakePlatform) []string { return args }
	}
	refusing := func(method string, code codes.Code, args ...string) func(*testing.T, *fakePlatform) []string {
		return func(_ *testing.T, f *fakePlatform) []string {
			f.refuse(method, status.Error(code, "refused"))
			return args
		}
	}
	cases := map[int]map[string]func(*testing.T, *fakePlatform) []string{
		exitOK: {"done": line("tenant", "create", "acme"), "a blueprint": apply("", ""), "help": line("help", "exit-codes")},
		exitFailure: {
			"a defect": refusing("ListTenants", codes.Internal, "tenant", "list"),
			"the operation failed": func(_ *testing.T, f *fakePlatform) []string {
				f.ends = status.Error(codes.Internal, "a defect")
				return []string{"tenant", "create", "acme"}
			},
			"the operation was cancelled": func(_ *testing.T, f *fakePlatform) []string {
				f.ends = status.Error(codes.Canceled, "the operation was cancelled")
				return []string{"tenant", "create", "acme"}
			},
		},
		exitUsage: {
			"unknown command": line("nonsense"), "unknown subcommand": line("tenant", "nonsense"), "unknown flag": line("tenant", "list", "--nope"),
			"no name": line("tenant", "get"), "not a name": line("vpc", "get", "acme"), "unknown output": line("tenant", "list", "-o", "xml"),
			"apply without a file": line("apply"), "apply of a missing file": line("apply", "-f", "/does/not/exist"),
			"apply --async": line("apply", "-f", startup, "--async"), "bad mode": line("vpc", "create", "acme/core/dev", "--mode", "shared"),
			"flags that exclude each other": line("vpc", "update", "acme/core/dev", "--allow-nothing", "--allow", "web=tcp:443@0.0.0.0/0"),
			"bad address":                   line("tenant", "list", "--address", "http://127.0.0.1:8080"), "bad limit": line("tenant", "list", "--limit", "-3"),
			"a flag is missing": line("peering", "create", "acme/x", "--vpc", "acme/core/dev"),
			"no confirmation":   line("tenant", "delete", "acme"),
			"nothing to change": func(_ *testing.T, f *fakePlatform) []string {
				f.tenants["tenants/acme"] = &tenantv1.Tenant{Name: "tenants/acme"}
				return []string{"tenant", "update", "acme"}
			},
		},
		exitNotFound: {"no tenant": line("tenant", "get", "acme"), "no operation": line("operation", "wait", op)},
		exitInvalid: {
			"a refused field":     refusing("CreateTenant", codes.InvalidArgument, "tenant", "create", "acme"),
			"a blueprint's field": apply("mode: MUTUALIZED", "mode: SHARED"), "a blueprint's spelling": apply("mode: MUTUALIZED", "mod: MUTUALIZED"),
			"not a blueprint": apply("apiVersion", "- ["),
		},
		exitConflict: {
			"id taken":   refusing("CreateTenant", codes.AlreadyExists, "tenant", "create", "acme"),
			"etag stale": refusing("DeleteTenant", codes.Aborted, "tenant", "delete", "acme", "--yes", "--etag", "old"),
		},
		exitPrecondition: {
			"not empty": refusing("DeleteTenant", codes.FailedPrecondition, "tenant", "delete", "acme", "--yes"),
			"quota":     refusing("CreateTenant", codes.ResourceExhausted, "tenant", "create", "acme"),
		},
		exitBlocked: {
			"blocked": func(_ *testing.T, f *fakePlatform) []string {
				f.blockage = &typev1.Blockage{Owner: typev1.Blockage_PROVIDER, Message: "no room"}
				return []string{"tenant", "create", "acme", "--timeout", "100ms"}
			},
			"too slow": func(_ *testing.T, f *fakePlatform) []string {
				f.refuse("WaitOperation", slices.Repeat([]error{status.Error(codes.DeadlineExceeded, "slow")}, 99)...)
				return []string{"tenant", "create", "acme", "--timeout", "100ms"}
			},
		},
		exitLogin: {
			"nobody":      refusing("ListTenants", codes.Unauthenticated, "tenant", "list"),
			"not allowed": refusing("CreateTenant", codes.PermissionDenied, "tenant", "create", "acme"),
		},
		exitUnavailable: {"away": refusing("ListTenants", codes.Unavailable, "tenant", "list"), "stopping": refusing("ListTenants", codes.Canceled, "tenant", "list")},
	}
	for code, ways := range cases {
		for name, prepare := range ways {
			t.Run(name, func(t *testing.T) {
				f, address := newFake(t)
				out, errs, got := cliRun(t, address, prepare(t, f)...)
				if got != code || (code != exitOK) != strings.Contains("\n"+errs, "\nError: ") {
					t.Errorf("exit code %d, want %d\n%s%s", got, code, out, errs)
				}
			})
		}
	}
	tested := slices.Sorted(maps.Keys(cases))
	tested = append(tested, exitInterrupted) // TestInterruptions
	help, _, _ := cliRun(t, "127.0.0.1:1", "help", "exit-codes")
	for i, c := range exitCodes {
		if i >= len(tested) || tested[i] != c.code || !strings.Contains(help, c.when) {
			t.Errorf("code %d is not tested, or the help does not tell of it: %s", c.code, help)
		}
	}
}

// TestInterruptions presses Ctrl-C at every place where a command waits.
func TestInterruptions(t *testing.T) {
	for name, args := range map[string][]string{
		"a verb's wait":       {"tenant", "create", "acme"},
		"apply's wait":        {"apply", "-f", startup},
		"operation wait":      {"operation", "wait", "acme/op_fake_0000000000000000000000000a"},
		"while it is away":    {"operation", "wait", "acme/op_fake_0000000000000000000000000a"},
		"an order":            {"tenant", "create", "acme"},
		"a read that repeats": {"tenant", "list"},
	} {
		t.Run(name, func(t *testing.T) {
			f, address := newFake(t)
			if name == "operation wait" {
				if _, errs, code := cliRun(t, address, "tenant", "create", "acme", "--async"); code != 0 {
					t.Fatal(errs)
				}
			}
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			f.blockage = &typev1.Blockage{Owner: typev1.Blockage_USER, Message: "waits for ever"}
			f.interrupt = map[string]func(){}
			switch name {
			case "while it is away":
				f.refuse("GetOperation", status.Error(codes.Unavailable, "away"))
				f.interrupt["GetOperation"] = interrupt
			case "an order":
				f.interrupt["CreateTenant"] = interrupt
			case "a read that repeats":
				f.interrupt["ListTenants"] = interrupt
			default:
				f.interrupt["WaitOperation"] = interrupt
			}
			out, errs, code := cliRunCtx(ctx, address, args...)
			if code != exitInterrupted || !strings.Contains(errs, "Error: ") || !strings.Contains(errs, "interrupted") {
				t.Errorf("exit code %d\n%s%s", code, out, errs)
			}
			if strings.Contains(name, "wait") && !strings.Contains(errs, "Follow it: lowlayer operation wait tenants/acme/operations/op_fake_") {
				t.Errorf("it does not say how to go on: %s", errs)
			}
		})
	}
}

func TestErrors_misspeltCommand_suggestsOne(t *testing.T) {
	for line, says := range map[string]string{
		"vpc gett":     "did you mean `lowlayer vpc get`?",
		"op wiat":      "or `lowlayer operation wait`?",
		"vpc nonsense": "see `lowlayer vpc --help`",
	} {
		_, errs, code := cliRun(t, "127.0.0.1:1", strings.Fields(line)...)
		if code != exitUsage || !strings.Contains(errs, says) || !strings.Contains(errs, "unknown command") {
			t.Errorf("%s: %d %s", line, code, errs)
		}
	}
}

// Only what runs on this machine can be the sandbox, whose remedy is no business of others.
func TestErrors_sandboxWithoutLogins_haveARemedy(t *testing.T) {
	missing := reasoned(t, codes.FailedPrecondition, "DIRECTORY_NOT_CONFIGURED")
	for address, says := range map[string]bool{"127.0.0.1:8080": true, "localhost:8090": true, "[::1]:8080": true, "paas.example.com:443": false, "10.0.0.7:8080": false} {
		code, lines := explain((&app{address: address}).ofSandbox(missing))
		if text := strings.Join(lines, "\n"); code != exitPrecondition || strings.Contains(text, "make down && LOWLAYER_SANDBOX_IDENTITY=1 make up") != says {
			t.Errorf("%s: %d %s", address, code, text)
		}
	}
	if _, lines := explain((&app{address: "127.0.0.1:8080"}).ofSandbox(reasoned(t, codes.FailedPrecondition, "OTHER"))); strings.Contains(strings.Join(lines, ""), "sandbox") {
		t.Errorf("another reason: %s", lines)
	}
}

func TestRun_sandboxWithoutLogins_printsTheRemedy(t *testing.T) {
	f, address := newFake(t)
	f.refuse("ListTenants", reasoned(t, codes.FailedPrecondition, "DIRECTORY_NOT_CONFIGURED"))
	if _, errs, code := cliRun(t, address, "tenant", "list"); code != exitPrecondition || !strings.Contains(errs, "LOWLAYER_SANDBOX_IDENTITY=1 make up") {
		t.Errorf("%d %s", code, errs)
	}
}
