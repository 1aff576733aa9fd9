package cli

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
)

type fakeIsolation struct {
	networkv1.UnimplementedIsolationServiceServer
	asked  *networkv1.WhyReachableRequest
	report *networkv1.IsolationReport
}

func (f *fakeIsolation) GetIsolationReport(_ context.Context, req *networkv1.GetIsolationReportRequest) (*networkv1.IsolationReport, error) {
	if f.report != nil {
		return f.report, nil
	}
	return &networkv1.IsolationReport{
		Name: req.GetName(), Verdict: networkv1.IsolationReport_VIOLATED, Message: "1 pair is open", ObserveTime: timestamppb.New(time.Now()), PairCount: 6, ReachablePairCount: 4, ViolatedPairCount: 1,
		Pairs: []*networkv1.IsolationPair{{
			Source: "tenants/acme/organisations/core/vpcs/dev", Destination: "tenants/acme/organisations/core/hub", Verdict: networkv1.IsolationReport_VIOLATED,
			ObservedTraffic: []string{"icmp", "tcp:2222"}, ExpectedTraffic: []string{"icmp"}, Message: "tcp:2222 gets through and should not",
		}, {Source: "", Destination: "tenants/acme/organisations/core/hub"}},
		Offenders: []*networkv1.IsolationOffender{{Resource: "tenants/acme/organisations/core/hub", ObjectType: "neutron.security_group_rule", ObjectId: "rule-1", Detail: "rule rule-1 lets in tcp:2222"}},
	}, nil
}

func (f *fakeIsolation) WhyReachable(_ context.Context, req *networkv1.WhyReachableRequest) (*networkv1.WhyReachableResponse, error) {
	f.asked = req
	return &networkv1.WhyReachableResponse{Verdict: networkv1.WhyReachableResponse_NO_ROUTE, Message: "no route: at router r1", Steps: []string{"out of the source", "there: lost"}}, nil
}

func runIsolation(t *testing.T, f *fakeIsolation, args ...string) (code int, out, errs string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	networkv1.RegisterIsolationServiceServer(server, f)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	defer func() {
		server.Stop()
		if err := <-done; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			t.Errorf("serve: %v", err)
		}
	}()
	var stdout, stderr bytes.Buffer
	code = Run(t.Context(), append(args, "--address", listener.Addr().String()), Streams{In: strings.NewReader(""), Out: &stdout, Err: &stderr})
	return code, stdout.String(), stderr.String()
}

func TestIsolationReport(t *testing.T) {
	code, out, errs := runIsolation(t, &fakeIsolation{}, "isolation", "report", "acme")
	if code != 0 {
		t.Fatalf("ended with %d: %s", code, errs)
	}
	for _, want := range []string{"VIOLATED: 1 pair is open\n6 pairs of networks, 4 reach one another, 1 violated; observed", "acme/core/dev", "icmp,tcp:2222", "(another tenant)", "rule-1"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in:\n%s", want, out)
		}
	}
	_, out, _ = runIsolation(t, &fakeIsolation{report: &networkv1.IsolationReport{
		Verdict: networkv1.IsolationReport_UNSETTLED, Message: "not known yet of dev", Unobserved: []string{"tenants/acme/organisations/core/vpcs/dev"},
	}}, "isolation", "report", "acme")
	if !strings.Contains(out, "UNSETTLED: not known yet of dev\n0 pairs") || !strings.Contains(out, "NOT KNOWN YET\nacme/core/dev\n") || strings.Contains(out, "VERIFIED") {
		t.Errorf("got %s", out)
	}
	if _, out, _ = runIsolation(t, &fakeIsolation{}, "isolation", "report", "-o", "json"); !strings.Contains(out, `"name": "isolationReport"`) {
		t.Errorf("got %s", out)
	}
}

func TestIsolationWhy(t *testing.T) {
	const dev, hub = "tenants/acme/organisations/core/vpcs/dev", "tenants/acme/organisations/core/hub"
	for _, c := range []struct {
		args               []string
		name, source, dest string
	}{
		{[]string{"acme/core/dev", "acme/core"}, "tenants/acme/isolationReport", dev, hub},
		{[]string{"10.64.16.9", "acme/core@10.64.0.5"}, "tenants/acme/isolationReport", "10.64.16.9", hub + "@10.64.0.5"},
		{[]string{dev, "tenants/rival/organisations/core/hub"}, "isolationReport", dev, "tenants/rival/organisations/core/hub"},
		{[]string{"ports/p", "servers/s"}, "isolationReport", "ports/p", "servers/s"},
		{[]string{"ports/p", "servers/s", "--tenant", "acme"}, "tenants/acme/isolationReport", "ports/p", "servers/s"},
	} {
		f := &fakeIsolation{}
		code, out, errs := runIsolation(t, f, append([]string{"isolation", "why", "--port", "tcp:443"}, c.args...)...)
		if code != 0 || !strings.Contains(out, "NO_ROUTE: no route: at router r1") || !strings.Contains(out, " 2. there: lost") {
			t.Errorf("%v ended with %d: %s%s", c.args, code, out, errs)
		}
		if f.asked.GetName() != c.name || f.asked.GetSource() != c.source || f.asked.GetDestination() != c.dest || f.asked.GetPort() != 443 || f.asked.GetProtocol() != networkv1.WhyReachableRequest_TCP {
			t.Errorf("%v asked %v", c.args, f.asked)
		}
	}
	for _, args := range [][]string{
		{"acme/core/dev", "acme/core", "--port", "443"},
		{"acme/core/dev", "acme/core", "--port", "icmp:1"},
		{"acme/core/dev", "acme/core", "--port", "tcp:70000"},
		{"acme/core/dev", "what"},
		{"acme/core/dev"},
	} {
		if code, _, errs := runIsolation(t, &fakeIsolation{}, append([]string{"isolation", "why"}, args...)...); code == 0 || errs == "" {
			t.Errorf("%v ended with %d: %s", args, code, errs)
		}
	}
}
