package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/low-layer/platform/libs/errs"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// operations are the operations of one service, newest first, paged by the place in the list they had when it was read.
type operations struct {
	operationv1.UnimplementedOperationServiceServer
	service string
	mu      sync.Mutex
	list    []*longrunningpb.Operation
	// wait is how much time the last long poll had.
	wait time.Duration
}

var epoch = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

// add adds an operation that was made n seconds after the epoch.
func (o *operations) add(t *testing.T, n int) string {
	t.Helper()
	md, err := anypb.New(&operationv1.OperationMetadata{Service: o.service, CreateTime: timestamppb.New(epoch.Add(time.Duration(n) * time.Second))})
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("tenants/acme/operations/op_%s_%026d", o.service, n)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.list = append(o.list, &longrunningpb.Operation{Name: name, Metadata: md})
	slices.SortFunc(o.list, func(a, b *longrunningpb.Operation) int { return strings.Compare(b.GetName(), a.GetName()) })
	return name
}

// ListOperations pages by key: the token is the name of the last operation of the page before.
func (o *operations) ListOperations(_ context.Context, r *longrunningpb.ListOperationsRequest) (*longrunningpb.ListOperationsResponse, error) {
	if r.GetFilter() == "bad" {
		return nil, errs.Invalid(errs.Field("filter", "is not a filter"))
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	list, next := pageOf(slices.Values(o.list), r.GetPageToken(), r.GetPageSize())
	return &longrunningpb.ListOperationsResponse{Operations: list, NextPageToken: next}, nil
}

func (o *operations) GetOperation(_ context.Context, r *longrunningpb.GetOperationRequest) (*longrunningpb.Operation, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, op := range o.list {
		if op.GetName() == r.GetName() {
			return op, nil
		}
	}
	return nil, errs.NotFound("operation", r.GetName())
}

func (*operations) CancelOperation(context.Context, *longrunningpb.CancelOperationRequest) (*emptypb.Empty, error) {
	return nil, errs.Failed("OPERATION_DONE", "the operation has ended; there is nothing to cancel")
}

func (o *operations) WaitOperation(ctx context.Context, r *longrunningpb.WaitOperationRequest) (*longrunningpb.Operation, error) {
	o.mu.Lock()
	if deadline, ok := ctx.Deadline(); ok {
		o.wait = time.Until(deadline)
	}
	o.mu.Unlock()
	return o.GetOperation(ctx, &longrunningpb.GetOperationRequest{Name: r.GetName()})
}

func (o *operations) lastWait() time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.wait
}

type page struct {
	Operations    []struct{ Name string } `json:"operations"`
	NextPageToken string                  `json:"nextPageToken"`
	Unreachable   []string                `json:"unreachable"`
}

func (e *edge) page(query string) page {
	e.Helper()
	got := e.do("GET", "/v1/tenants/acme/operations?"+query, "", nil)
	if got.status != 200 {
		e.Fatalf("got %d %s", got.status, got.body)
	}
	var p page
	if err := json.Unmarshal(got.body, &p); err != nil {
		e.Fatal(err)
	}
	return p
}

func (e *edge) walk(size int, between func(page int)) []string {
	e.Helper()
	var names []string
	query := "pageSize=" + strconv.Itoa(size)
	for i := 0; ; i++ {
		p := e.page(query)
		if len(p.Operations) > size {
			e.Fatalf("a page holds %d of %d", len(p.Operations), size)
		}
		for _, o := range p.Operations {
			names = append(names, o.Name)
		}
		if p.NextPageToken == "" {
			return names
		}
		query = "pageSize=" + strconv.Itoa(size) + "&pageToken=" + p.NextPageToken
		between(i)
	}
}

// number is the time an operation was made, from its name.
func number(name string) string { return name[strings.LastIndexByte(name, '_')+1:] }

func TestOperations_list_mergesNewestFirst(t *testing.T) {
	e := newEdge(t)
	var want []string
	for i := range 23 {
		o := e.tenantOp
		if i%3 == 0 || (i > 8 && i < 15) {
			o = e.netOp
		}
		want = append(want, o.add(t, i))
	}
	slices.Reverse(want)
	for _, size := range []int{1, 2, 5, 7, 50} {
		if got := e.walk(size, func(int) {}); !slices.Equal(got, want) {
			t.Errorf("in pages of %d: got %v", size, got)
		}
	}
}

func TestOperations_sameInstant_areListedOnce(t *testing.T) {
	e := newEdge(t)
	for i := range 6 {
		e.tenantOp.add(t, i)
		e.netOp.add(t, i)
	}
	got := e.walk(1, func(int) {})
	seen := slices.Sorted(slices.Values(got))
	if len(got) != 12 || len(slices.Compact(seen)) != 12 {
		t.Errorf("got %v", got)
	}
}

func TestOperations_newBetweenPages_doNotShiftTheWalk(t *testing.T) {
	e := newEdge(t)
	var want []string
	for i := range 12 {
		o := e.tenantOp
		if i%2 == 0 {
			o = e.netOp
		}
		want = append(want, o.add(t, i))
	}
	slices.Reverse(want)
	got := e.walk(3, func(page int) {
		e.tenantOp.add(t, 100+page)
		e.netOp.add(t, 200+page)
	})
	if !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestOperations_serviceDown_isNamed(t *testing.T) {
	e := newEdge(t)
	e.tenantOp.add(t, 1)
	e.network.end()
	got := e.do("GET", "/v1/tenants/acme/operations", "", nil)
	if p := got.problem(t); got.status != 503 || p["metadata"].(map[string]any)["service"] != "network" {
		t.Errorf("got %d %s", got.status, got.body)
	}
	p := e.page("returnPartialSuccess=true")
	if len(p.Operations) != 1 || !slices.Equal(p.Unreachable, []string{"services/network"}) {
		t.Errorf("got %+v", p)
	}
}

func TestOperations_badRequest_isRefused(t *testing.T) {
	e := newEdge(t)
	for range 3 {
		e.tenantOp.add(t, e.tenants.count()+len(e.tenantOp.list))
	}
	token := e.page("pageSize=1").NextPageToken
	for query, name := range map[string]string{
		"filter=bad": "filter", "pageToken=x": "page_token", "pageSize=-1": "page_size",
		"filter=done&pageToken=" + token: "page_token",
	} {
		got := e.do("GET", "/v1/tenants/acme/operations?"+query, "", nil)
		if p := got.problem(t); got.status != 400 || field(p, name) == "" {
			t.Errorf("%s: got %d %s", query, got.status, got.body)
		}
	}
}

func TestOperations_get_callsItsService(t *testing.T) {
	e := newEdge(t)
	name := e.netOp.add(t, 1)
	for _, path := range []string{"/v1/" + name} {
		if got := e.do("GET", path, "", nil); got.status != 200 || !strings.Contains(string(got.body), `"service":"network"`) {
			t.Errorf("got %d %s", got.status, got.body)
		}
	}
	if got := e.do("POST", "/v1/"+name+":wait", `{"timeout":"1s"}`, nil); got.status != 200 {
		t.Errorf("got %d %s", got.status, got.body)
	}
	got := e.do("POST", "/v1/"+name+":cancel", "", nil)
	if p := got.problem(t); got.status != 400 || p["reason"] != "OPERATION_DONE" {
		t.Errorf("got %d %s", got.status, got.body)
	}
	for path, want := range map[string]string{
		"op_network_" + number(name)[:25] + "9": "OPERATION_NOT_FOUND",
		"op_catalog_00000000000000000000000001": "OPERATION_NOT_FOUND",
	} {
		got := e.do("GET", "/v1/tenants/acme/operations/"+path, "", nil)
		if p := got.problem(t); got.status != 404 || p["reason"] != want {
			t.Errorf("%s: got %d %s", path, got.status, got.body)
		}
	}
	standard := longrunningpb.NewOperationsClient(e.conn)
	if op, err := standard.GetOperation(t.Context(), &longrunningpb.GetOperationRequest{Name: name}); err != nil || op.GetName() != name {
		t.Errorf("the standard service answers %v, %v", op, err)
	}
	if _, err := standard.DeleteOperation(t.Context(), &longrunningpb.DeleteOperationRequest{Name: name}); status.Code(err) != codes.Unimplemented {
		t.Errorf("deleting answers %v", err)
	}
	if _, err := operationv1.NewOperationServiceClient(e.conn).GetOperation(t.Context(), &longrunningpb.GetOperationRequest{Name: "x"}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("a bad name answers %v", err)
	}
}
