package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	typev1 "github.com/low-layer/platform/gen/go/lowlayer/type/v1"
	"github.com/low-layer/platform/tools/stack"
)

// A hub routes to 30 VPCs, so a hundred lie in several organisations.
const (
	benchOrganisation   = "tenants/bench/organisations/org-0"
	perOrganisation     = 25
	benchOrganisations  = 4
	operationPatience   = 2 * time.Minute
	attempts            = 25 // of a call while a service is away
	organisationPattern = "tenants/bench/organisations/org-%d"
)

// api is what the benchmark calls of the platform.
type api struct {
	tenants       tenantv1.TenantServiceClient
	organisations tenantv1.OrganisationServiceClient
	vpcs          networkv1.VpcServiceClient
	operations    operationv1.OperationServiceClient
	close         func()
}

func connect(s *stack.Stack) (*api, error) {
	conn, err := grpc.NewClient("passthrough:///"+s.Addresses().Gateway, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	return &api{
		tenants: tenantv1.NewTenantServiceClient(conn), organisations: tenantv1.NewOrganisationServiceClient(conn),
		vpcs: networkv1.NewVpcServiceClient(conn), operations: operationv1.NewOperationServiceClient(conn),
		close: func() { _ = conn.Close() },
	}, nil
}

// finish follows an operation to its end.
func (a *api) finish(ctx context.Context, op *longrunningpb.Operation, err error) error {
	ctx, cancel := context.WithTimeout(ctx, operationPatience)
	defer cancel()
	for err == nil && !op.GetDone() {
		name := op.GetName()
		op, err = again(ctx, func() (*longrunningpb.Operation, error) {
			return a.operations.WaitOperation(ctx, &longrunningpb.WaitOperationRequest{Name: name, Timeout: durationpb.New(30 * time.Second)})
		})
	}
	if err == nil && op.GetError() != nil {
		err = fmt.Errorf("%s: %s", op.GetName(), op.GetError().GetMessage())
	}
	return err
}

func (a *api) create(ctx context.Context, parent, id string) error {
	op, err := again(ctx, func() (*longrunningpb.Operation, error) {
		return a.vpcs.CreateVpc(ctx, &networkv1.CreateVpcRequest{Parent: parent, VpcId: id, Vpc: &networkv1.Vpc{}, RequestId: "create-" + parent + "-" + id})
	})
	return a.finish(ctx, op, err)
}

func (a *api) remove(ctx context.Context, parent, id string) error {
	op, err := again(ctx, func() (*longrunningpb.Operation, error) {
		return a.vpcs.DeleteVpc(ctx, &networkv1.DeleteVpcRequest{Name: parent + "/vpcs/" + id, RequestId: "delete-" + parent + "-" + id})
	})
	return a.finish(ctx, op, err)
}

// again repeats a call while a service is away, as a client does; the request id of the call makes that safe.
func again(ctx context.Context, call func() (*longrunningpb.Operation, error)) (op *longrunningpb.Operation, err error) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for range attempts {
		if op, err = call(); status.Code(err) != codes.Unavailable {
			return op, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-tick.C:
		}
	}
	return nil, err
}

// order makes the VPC that the measurements read, unless it is there.
func order(ctx context.Context, s *stack.Stack, id string) error {
	a, err := connect(s)
	if err != nil {
		return err
	}
	defer a.close()
	if err := a.prepare(ctx); err != nil {
		return err
	}
	if _, err := a.vpcs.GetVpc(ctx, &networkv1.GetVpcRequest{Name: benchOrganisation + "/vpcs/" + id}); status.Code(err) != codes.NotFound {
		return err
	}
	return a.create(ctx, benchOrganisation, id)
}

// prepare makes the organisation that the VPCs go to, once.
func (a *api) prepare(ctx context.Context) error {
	if _, err := a.organisations.GetOrganisation(ctx, &tenantv1.GetOrganisationRequest{Name: benchOrganisation}); err == nil {
		return nil
	}
	op, err := a.tenants.CreateTenant(ctx, &tenantv1.CreateTenantRequest{TenantId: "bench", Tenant: &tenantv1.Tenant{}})
	if err := a.finish(ctx, op, err); err != nil {
		return err
	}
	quota := &tenantv1.Quota{Networks: 1000, Routers: 1000, Ports: 10000, SecurityGroups: 1000}
	for i := range benchOrganisations {
		op, err := a.organisations.CreateOrganisation(ctx, &tenantv1.CreateOrganisationRequest{
			Parent: "tenants/bench", OrganisationId: fmt.Sprintf("org-%d", i),
			Organisation: &tenantv1.Organisation{Mode: typev1.ResourceMode_MUTUALIZED, Quota: quota},
		})
		if err := a.finish(ctx, op, err); err != nil {
			return err
		}
	}
	return nil
}

// provisioning measures the life of 1, 10 and 100 VPCs against the longest chain of raw calls, at 20 ms a call.
func provisioning(ctx context.Context, set settings, s *stack.Stack) error {
	a, err := connect(s)
	if err != nil {
		return err
	}
	defer a.close()
	if err := a.prepare(ctx); err != nil {
		return err
	}
	raw, err := newRawCloud(ctx, s)
	if err != nil {
		return err
	}
	for _, n := range set.sizes {
		if err := lives(ctx, set, s, a, raw, n); err != nil {
			return err
		}
	}
	return nil
}

// lives creates, watches and deletes n VPCs; creation takes turns with the raw chain when it is short enough to repeat.
func lives(ctx context.Context, set settings, s *stack.Stack, a *api, raw *rawCloud, n int) error {
	rounds := set.rounds
	if n > 10 {
		rounds = 1
	}
	var creates, deletes, createRatios, deleteRatios, wholeRatios, wholes []float64
	for round := range rounds {
		name := func(i int) string { return fmt.Sprintf("v%d-%d-%d", n, round, i) }
		chain, back, err := raw.chains(ctx, n)
		if err != nil {
			return err
		}
		took, err := timed(n, func(i int) error { return a.create(ctx, fmt.Sprintf(organisationPattern, i/perOrganisation), name(i)) })
		if err != nil {
			return err
		}
		whole, err := raw.wholes(ctx, n)
		if err != nil {
			return fmt.Errorf("the same calls by gophercloud: %w", err)
		}
		wholes, wholeRatios = append(wholes, whole.Seconds()), append(wholeRatios, took.Seconds()/whole.Seconds())
		if n == slices.Max(set.sizes) {
			if err := reconcile(ctx, set, s, n); err != nil {
				return err
			}
		}
		gone, err := timed(n, func(i int) error { return a.remove(ctx, fmt.Sprintf(organisationPattern, i/perOrganisation), name(i)) })
		if err != nil {
			return err
		}
		creates, deletes = append(creates, took.Seconds()), append(deletes, gone.Seconds())
		createRatios, deleteRatios = append(createRatios, took.Seconds()/chain.Seconds()), append(deleteRatios, gone.Seconds()/back.Seconds())
	}
	ratio := measurement{Name: fmt.Sprintf("create %d VPC(s) / longest chain of raw calls", n), Unit: "×", Value: middle(createRatios), Note: fmt.Sprintf("%.3f s", middle(creates))}
	if n == 1 {
		ratio.Bar = barCreate
	}
	set.report(ratio)
	set.report(measurement{
		Name: fmt.Sprintf("create %d VPC(s) at once / gophercloud making the same calls at once", n), Unit: "×", Value: middle(wholeRatios),
		Note: fmt.Sprintf("peer %.3f s", middle(wholes)),
	})
	set.report(measurement{Name: fmt.Sprintf("delete %d VPC(s) / longest chain of raw calls", n), Unit: "×", Value: middle(deleteRatios), Note: fmt.Sprintf("%.3f s", middle(deletes))})
	return nil
}

func middle(list []float64) float64 {
	s := slices.Sorted(slices.Values(list))
	return s[len(s)/2]
}

// timed runs n at once and returns how long the last took.
func timed(n int, do func(i int) error) (time.Duration, error) {
	var wg sync.WaitGroup
	errs := make([]error, n)
	begin := time.Now()
	for i := range n {
		wg.Go(func() { errs[i] = do(i) })
	}
	wg.Wait()
	return time.Since(begin), errors.Join(errs...)
}

// reconcile counts the calls of one look of the drift loop at all VPCs: those between two beginnings of the list of networks.
func reconcile(ctx context.Context, set settings, s *stack.Stack, n int) error {
	base := "http://" + s.Addresses().Simulator + "/_sim/calls"
	if err := httpStatus(ctx, http.MethodDelete, base); err != nil {
		return err
	}
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(time.Minute)
	for {
		calls, err := neutronCalls(ctx, base)
		if err != nil {
			return err
		}
		if first, second, ok := twoLooks(calls); ok {
			set.report(measurement{
				Name: fmt.Sprintf("API calls of a no-op reconcile of %d VPC(s)", n), Unit: "calls", Value: float64(second - first), Bar: barReconcile,
			})
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-limit:
			return errors.New("the drift loop has not looked twice within a minute")
		case <-tick.C:
		}
	}
}

type cloudCall struct{ Method, Template, Path string }

// twoLooks finds where two successive looks begin: a first page of the list of networks has no marker.
func twoLooks(calls []cloudCall) (first, second int, ok bool) {
	first = -1
	for i, c := range calls {
		if c.Method != http.MethodGet || !strings.HasSuffix(c.Template, "/networks") || strings.Contains(c.Path, "marker=") {
			continue
		}
		if first < 0 {
			first = i
			continue
		}
		return first, i, true
	}
	return 0, 0, false
}

func neutronCalls(ctx context.Context, url string) ([]cloudCall, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	var list struct{ Calls []cloudCall }
	err = errors.Join(json.NewDecoder(resp.Body).Decode(&list), resp.Body.Close())
	return slices.DeleteFunc(list.Calls, func(c cloudCall) bool { return !strings.Contains(c.Template, "/v2.0/") }), err
}

func httpStatus(ctx context.Context, method, url string) error {
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	if err := resp.Body.Close(); err != nil {
		return err
	}
	if resp.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s %s responds %s", method, url, resp.Status)
	}
	return nil
}
