package cli

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
)

const isolationReport = "isolationReport"

func (a *app) isolationCommand() *cobra.Command {
	return group("isolation", "Reachability of networks, as observed in OpenStack", nil, a.isolationReport(), a.isolationWhy())
}

func (a *app) isolations() (networkv1.IsolationServiceClient, error) {
	api, err := a.dial()
	if err != nil {
		return nil, err
	}
	return networkv1.NewIsolationServiceClient(api.conn), nil
}

func (a *app) isolationReport() *cobra.Command {
	return &cobra.Command{
		Use: "report [TENANT]", Short: "Show every pair of networks of a tenant; without one, the verdicts of all (for the operator)",
		Args: atMost(1), ValidArgsFunction: a.completeTenants,
		RunE: func(cmd *cobra.Command, args []string) error {
			name := isolationReport
			if len(args) == 1 {
				tenant, err := tenantName(args[0])
				if err != nil {
					return err
				}
				name = tenant + "/" + isolationReport
			}
			api, err := a.isolations()
			if err != nil {
				return err
			}
			report, err := api.GetIsolationReport(cmd.Context(), &networkv1.GetIsolationReportRequest{Name: name})
			if err != nil {
				return fmt.Errorf("get %s: %w", name, err)
			}
			return a.printReport(report)
		},
	}
}

func (a *app) printReport(r *networkv1.IsolationReport) error {
	return a.show([]string{r.GetName()}, func() { a.drawReport(r) }, r)
}

func (a *app) drawReport(r *networkv1.IsolationReport) {
	a.printf("%s: %s\n%d pairs of networks, %d reach one another, %d violated; observed %s ago",
		r.GetVerdict(), r.GetMessage(), r.GetPairCount(), r.GetReachablePairCount(), r.GetViolatedPairCount(), age(r.GetObserveTime()))
	var unobserved, tenants, pairs, offenders [][]string
	for _, name := range r.GetUnobserved() {
		unobserved = append(unobserved, []string{shortEnd(name)})
	}
	for _, t := range r.GetTenants() {
		tenants = append(tenants, []string{lastPart(t.GetTenant()), t.GetVerdict().String(), strconv.Itoa(int(t.GetPairCount())), strconv.Itoa(int(t.GetViolatedPairCount())), strconv.Itoa(int(t.GetOffenderCount()))})
	}
	for _, p := range r.GetPairs() {
		pairs = append(pairs, []string{shortEnd(p.GetSource()), shortEnd(p.GetDestination()), p.GetVerdict().String(), traffic(p.GetObservedTraffic()), traffic(p.GetExpectedTraffic()), p.GetMessage()})
	}
	for _, o := range r.GetOffenders() {
		offenders = append(offenders, []string{shortEnd(o.GetResource()), o.GetObjectType(), o.GetObjectId(), o.GetDetail()})
	}
	for _, t := range []struct {
		heads []string
		rows  [][]string
	}{
		{[]string{"NOT KNOWN YET"}, unobserved},
		{[]string{"TENANT", "VERDICT", "PAIRS", "VIOLATED", "OFFENDERS"}, tenants},
		{[]string{"FROM", "TO", "VERDICT", "OBSERVED", "EXPECTED", "WHY"}, pairs},
		{[]string{"AT", "OFFENDER", "ID", "DETAIL"}, offenders},
	} {
		if len(t.rows) > 0 {
			a.println("")
			a.table(t.heads, t.rows)
		}
	}
}

func traffic(of []string) string {
	if len(of) == 0 {
		return "nothing"
	}
	return strings.Join(of, ",")
}

// shortEnd is the short name of an end.
func shortEnd(name string) string {
	switch {
	case name == "":
		return "(another tenant)"
	case strings.HasPrefix(name, "tenants/"):
		return shortName(name)
	default:
		return name
	}
}

func (a *app) isolationWhy() *cobra.Command {
	var tenant, what string
	cmd := &cobra.Command{
		Use: "why SOURCE DESTINATION", Short: "Explain hop by hop why one reaches the other, or what keeps it from it", Args: exactly(2),
		Long: `why explains the way of a packet by the last observation of OpenStack: routers, routes and security group rules, there and back.

An end is a VPC (acme/core/dev), the hub of an organisation (acme/core), an address in one of them (acme/core/dev@10.64.16.9), an
address alone when the other end or --tenant names the tenant, or ports/ID and servers/ID with the ids of OpenStack.`,
		Example: "  lowlayer isolation why acme/core/dev acme/core --port tcp:443\n  lowlayer isolation why acme/core/dev 10.64.32.9",
		RunE: func(cmd *cobra.Command, args []string) error {
			req := &networkv1.WhyReachableRequest{}
			var err error
			if req.Protocol, req.Port, err = portOf(what); err != nil {
				return err
			}
			if req.Name, req.Source, req.Destination, err = ends(tenant, args[0], args[1]); err != nil {
				return err
			}
			return a.explain(cmd.Context(), req)
		},
	}
	cmd.Flags().StringVar(&what, "port", "icmp", "icmp, tcp:PORT or udp:PORT")
	cmd.Flags().StringVar(&tenant, "tenant", "", "tenant of both ends, when their names do not contain it")
	return cmd
}

func (a *app) explain(ctx context.Context, req *networkv1.WhyReachableRequest) error {
	api, err := a.isolations()
	if err != nil {
		return err
	}
	r, err := api.WhyReachable(ctx, req)
	if err != nil {
		return fmt.Errorf("explain %s to %s: %w", req.GetSource(), req.GetDestination(), err)
	}
	return a.show([]string{r.GetVerdict().String()}, func() {
		a.printf("%s: %s\n", r.GetVerdict(), r.GetMessage())
		for i, step := range r.GetSteps() {
			a.printf("%2d. %s", i+1, step)
		}
		a.printf("\nobserved %s ago", age(r.GetObserveTime()))
	}, r)
}

// portOf reads `icmp`, `tcp:443`, `udp:53`.
func portOf(s string) (networkv1.WhyReachableRequest_Protocol, int32, error) {
	bad := usageError{fmt.Errorf("--port %q is not icmp, tcp:PORT or udp:PORT", s)}
	word, number, ported := strings.Cut(s, ":")
	protocol, known := networkv1.WhyReachableRequest_Protocol_value[strings.ToUpper(word)]
	icmp := protocol == int32(networkv1.WhyReachableRequest_ICMP)
	if !known || protocol == 0 || icmp == ported {
		return 0, 0, bad
	}
	if icmp {
		return networkv1.WhyReachableRequest_ICMP, 0, nil
	}
	port, err := strconv.ParseUint(number, 10, 16)
	if err != nil || port == 0 {
		return 0, 0, bad
	}
	return networkv1.WhyReachableRequest_Protocol(protocol), int32(port), nil
}

// ends returns the names of both ends and of the report to read: that of their tenant, or the operator's for two tenants.
func ends(tenant, from, to string) (report, source, destination string, err error) {
	source, owner, err := endName(from)
	if err != nil {
		return "", "", "", err
	}
	destination, other, err := endName(to)
	if err != nil {
		return "", "", "", err
	}
	if tenant != "" {
		name, err := tenantName(tenant)
		return name + "/" + isolationReport, source, destination, err
	}
	if owner == "" {
		owner = other
	}
	if owner == "" || other != "" && owner != other {
		return isolationReport, source, destination, nil
	}
	return "tenants/" + owner + "/" + isolationReport, source, destination, nil
}

// endName returns one end in full, and its tenant when the name contains it.
func endName(s string) (name, tenant string, err error) {
	if strings.HasPrefix(s, "ports/") || strings.HasPrefix(s, "servers/") {
		return s, "", nil
	}
	where, address, both := strings.Cut(s, "@")
	if !both {
		if _, err := netip.ParseAddr(s); err == nil {
			return s, "", nil
		}
	}
	switch {
	case strings.HasSuffix(where, "/hub") && strings.HasPrefix(where, "tenants/"):
		name = where
	case strings.Count(where, "/") == 1:
		name, err = organisationName(where)
		name += "/hub"
	default:
		name, err = vpcName(where)
	}
	if err != nil {
		return "", "", err
	}
	tenant = strings.Split(name, "/")[1]
	if both {
		name += "@" + address
	}
	return name, tenant, nil
}
