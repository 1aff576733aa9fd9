package fan

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	auditv1 "github.com/low-layer/platform/gen/go/lowlayer/audit/v1"
	operationv1 "github.com/low-layer/platform/gen/go/lowlayer/operation/v1"
	quotav1 "github.com/low-layer/platform/gen/go/lowlayer/quota/v1"
	receiptv1 "github.com/low-layer/platform/gen/go/lowlayer/receipt/v1"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/grpcerr"
	"github.com/low-layer/platform/libs/paging"
	"github.com/low-layer/platform/services/gateway/internal/client"
)

// backend is a service that returns the response or the error of a test, and keeps its requests.
type backend struct {
	mu      sync.Mutex
	calls   []string
	respond func(method string, in proto.Message) (proto.Message, error)
}

func (b *backend) Invoke(_ context.Context, method string, in, out any, _ ...grpc.CallOption) error {
	request, into := in.(proto.Message), out.(proto.Message)
	b.mu.Lock()
	b.calls = append(b.calls, fmt.Sprintf("%s %s", method, text(request, "page_token")))
	b.mu.Unlock()
	response, err := b.respond(method, request)
	if err != nil {
		return grpcerr.Status(grpcerr.Mask(err), "").Err()
	}
	proto.Merge(into, response)
	return nil
}

func (b *backend) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	panic("fan opens no stream")
}

// world are backends by name; their order puts the directory last.
type world map[string]*backend

func (w world) Find(name string) (client.Backend, bool) {
	b, ok := w[name]
	return client.Backend{Name: name, Conn: b}, ok
}

func (w world) All() (all []client.Backend) {
	for name, b := range w {
		all = append(all, client.Backend{Name: name, Conn: b})
	}
	slices.SortFunc(all, func(a, b client.Backend) int { return strings.Compare(a.Name, b.Name) })
	return all
}

func serve(t *testing.T, w world, service protoreflect.FullName) *Server {
	t.Helper()
	s, err := New(service, service, w, paging.New([]byte(strings.Repeat("k", 32))))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// call calls a method of a server as gRPC does.
func call[M proto.Message](t *testing.T, s *Server, name string, in proto.Message) (M, error) {
	t.Helper()
	var none M
	for _, d := range s.Desc().Methods {
		if d.MethodName != name {
			continue
		}
		out, err := d.Handler(s, t.Context(), func(into any) error { proto.Merge(into.(proto.Message), in); return nil }, nil)
		if err != nil {
			return none, err
		}
		return out.(M), nil
	}
	t.Fatalf("no method %s", name)
	return none, nil
}

func gone() error { return errs.New(errs.Unavailable, "PEER_UNAVAILABLE", "it is away") }

func TestAll_everySharedService_hasAServer(t *testing.T) {
	t.Parallel()
	servers, err := All(world{}, nil, "lowlayer.watch.v1.WatchService", "lowlayer.authz.v1.AuthorizationService")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]map[string]kind{}
	for _, s := range servers {
		got[string(s.desc.FullName())] = map[string]kind{}
		for _, m := range s.methods {
			got[string(s.desc.FullName())][string(m.desc.Name())] = m.kind
		}
	}
	for service, methods := range map[string]map[string]kind{
		"lowlayer.operation.v1.OperationService": {"GetOperation": owned, "ListOperations": merged, "CancelOperation": owned, "WaitOperation": owned},
		"lowlayer.receipt.v1.ReceiptService":     {"GetReceipt": owned, "ListReceipts": merged, "ListReceiptKeys": joined},
		"lowlayer.quota.v1.QuotaService":         {"GetQuota": owned, "ListQuotas": joined, "UpdateQuota": owned},
		"lowlayer.audit.v1.AuditService":         {"ListAuditEvents": merged, "ExportAuditEvents": chained},
		"google.longrunning.Operations":          {"GetOperation": owned, "DeleteOperation": unserved},
	} {
		for method, want := range methods {
			if found, ok := got[service][method]; !ok || found != want {
				t.Errorf("%s.%s is passed on as %d, want %d", service, method, found, want)
			}
		}
	}
	if _, ok := got["lowlayer.watch.v1.WatchService"]; ok {
		t.Error("an excepted service has a server")
	}
}

func TestNew_noService_fails(t *testing.T) {
	t.Parallel()
	for _, name := range []protoreflect.FullName{"lowlayer.nope.v1.NopeService", "lowlayer.quota.v1.Quota"} {
		if _, err := New(name, name, world{}, nil); err == nil || !strings.Contains(err.Error(), string(name)) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestOwned_name_choosesTheService(t *testing.T) {
	t.Parallel()
	respond := func(_ string, in proto.Message) (proto.Message, error) {
		return &longrunningpb.Operation{Name: text(in, "name"), Done: true}, nil
	}
	w := world{"network": {respond: respond}, "tenant": {respond: respond}}
	s := serve(t, w, "lowlayer.operation.v1.OperationService")
	name := "tenants/acme/operations/op_network_" + strings.Repeat("0", 26)
	op, err := call[*longrunningpb.Operation](t, s, "GetOperation", &longrunningpb.GetOperationRequest{Name: name})
	if err != nil || op.GetName() != name || len(w["tenant"].calls) != 0 || len(w["network"].calls) != 1 {
		t.Errorf("got %v, %v; calls %v", op, err, w["tenant"].calls)
	}
	for bad, want := range map[string]errs.Code{
		"tenants/acme/operations/op_nowhere_" + strings.Repeat("0", 26): errs.CodeNotFound,
		"tenants/acme":                  errs.InvalidArgument,
		"tenants/acme/operations/other": errs.InvalidArgument,
	} {
		_, err := call[*longrunningpb.Operation](t, s, "GetOperation", &longrunningpb.GetOperationRequest{Name: bad})
		if e := grpcerr.Mask(err); e.Code != want {
			t.Errorf("%s: got %v, want %v", bad, err, want)
		}
	}
}

// The name of UpdateQuota's resource is inside of the resource.
func TestOwned_nameInsideTheResource_choosesTheService(t *testing.T) {
	t.Parallel()
	w := world{"network": {respond: func(_ string, in proto.Message) (proto.Message, error) {
		return in.(*quotav1.UpdateQuotaRequest).GetQuota(), nil
	}}}
	s := serve(t, w, "lowlayer.quota.v1.QuotaService")
	q, err := call[*quotav1.Quota](t, s, "UpdateQuota", &quotav1.UpdateQuotaRequest{Quota: &quotav1.Quota{Name: "tenants/acme/quotas/network.vpcs"}})
	if err != nil || q.GetName() != "tenants/acme/quotas/network.vpcs" {
		t.Errorf("got %v, %v", q, err)
	}
}

func TestUnserved_method_isUnimplemented(t *testing.T) {
	t.Parallel()
	s, err := New("google.longrunning.Operations", "lowlayer.operation.v1.OperationService", world{}, paging.New([]byte("k")))
	if err != nil {
		t.Fatal(err)
	}
	_, err = call[proto.Message](t, s, "DeleteOperation", &longrunningpb.DeleteOperationRequest{Name: "tenants/acme/operations/x"})
	if e := grpcerr.Mask(err); e.Code != errs.Unimplemented {
		t.Errorf("got %v", err)
	}
}

// receipts is a service with n receipts; the newest has the given age in minutes, and they alternate with those of others.
func receipts(service string, n, age int) *backend {
	return &backend{respond: func(string, proto.Message) (proto.Message, error) {
		out := &receiptv1.ListReceiptsResponse{}
		for i := range n {
			out.Receipts = append(out.Receipts, &receiptv1.Receipt{
				Name: fmt.Sprintf("tenants/acme/receipts/rcpt_%s_%026d", service, 99-i), CreateTime: timestamppb.New(time.Unix(100000, 0).Add(-time.Duration(age+2*i) * time.Minute)),
			})
		}
		return out, nil
	}}
}

func TestMerged_pages_areNewestFirstAndComplete(t *testing.T) {
	t.Parallel()
	w := world{"network": receipts("network", 4, 0), "tenant": receipts("tenant", 3, 1)}
	s := serve(t, w, "lowlayer.receipt.v1.ReceiptService")
	var names []string
	in := &receiptv1.ListReceiptsRequest{Parent: "tenants/acme", PageSize: 2}
	for range 10 {
		page, err := call[*receiptv1.ListReceiptsResponse](t, s, "ListReceipts", in)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.GetReceipts() {
			names = append(names, strings.Split(r.GetName(), "_")[1])
		}
		if in.PageToken = page.GetNextPageToken(); in.PageToken == "" {
			break
		}
	}
	if got := strings.Join(names, " "); got != "network tenant network tenant network tenant network" {
		t.Errorf("got %s", got)
	}
	in.PageToken = "forged"
	if _, err := call[proto.Message](t, s, "ListReceipts", in); grpcerr.Mask(err).Code != errs.InvalidArgument {
		t.Errorf("a forged token: %v", err)
	}
	if _, err := call[proto.Message](t, s, "ListReceipts", &receiptv1.ListReceiptsRequest{Parent: "tenants"}); grpcerr.Mask(err).Code != errs.InvalidArgument {
		t.Errorf("a bad parent: %v", err)
	}
}

func TestMerged_serviceAway_isAnErrorOrNamed(t *testing.T) {
	t.Parallel()
	w := world{"network": {respond: func(string, proto.Message) (proto.Message, error) { return nil, gone() }}, "tenant": receipts("tenant", 1, 0)}
	s := serve(t, w, "lowlayer.receipt.v1.ReceiptService")
	in := &receiptv1.ListReceiptsRequest{Parent: "tenants/acme"}
	if _, err := call[proto.Message](t, s, "ListReceipts", in); grpcerr.FromError(err).Code != errs.Unavailable {
		t.Errorf("got %v", err)
	}
	in.ReturnPartialSuccess = true
	page, err := call[*receiptv1.ListReceiptsResponse](t, s, "ListReceipts", in)
	if err != nil || len(page.GetReceipts()) != 1 || !slices.Equal(page.GetUnreachable(), []string{"services/network"}) {
		t.Errorf("got %v, %v", page, err)
	}
}

// The unique id of the directory goes to all services, so that a reused name never mixes two tenants' trails.
func TestMerged_auditEvents_areOfTheDirectorysTenant(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	asked := map[string]string{}
	trail := func(service string) *backend {
		return &backend{respond: func(_ string, in proto.Message) (proto.Message, error) {
			mu.Lock()
			defer mu.Unlock()
			asked[service] += in.(*auditv1.ListAuditEventsRequest).GetTenantUid() + ";"
			return &auditv1.ListAuditEventsResponse{TenantUid: "uid-of-" + service}, nil
		}}
	}
	w := world{"network": trail("network"), "tenant": trail("tenant")}
	s := serve(t, w, "lowlayer.audit.v1.AuditService")
	page, err := call[*auditv1.ListAuditEventsResponse](t, s, "ListAuditEvents", &auditv1.ListAuditEventsRequest{Parent: "tenants/acme"})
	if err != nil || page.GetTenantUid() != "uid-of-tenant" || asked["network"] != "uid-of-tenant;" || asked["tenant"] != ";uid-of-tenant;" {
		t.Errorf("got %v, %v, asked %v", page, err, asked)
	}
	w["tenant"].respond = func(string, proto.Message) (proto.Message, error) { return nil, gone() }
	if _, err := call[proto.Message](t, s, "ListAuditEvents", &auditv1.ListAuditEventsRequest{Parent: "tenants/acme"}); grpcerr.FromError(err).Code != errs.Unavailable {
		t.Errorf("without the directory: %v", err)
	}
	page, err = call[*auditv1.ListAuditEventsResponse](t, s, "ListAuditEvents", &auditv1.ListAuditEventsRequest{Parent: "tenants/acme", ReturnPartialSuccess: true})
	if err != nil || !slices.Equal(page.GetUnreachable(), []string{"services/tenant"}) {
		t.Errorf("a part without the directory: %v, %v", page, err)
	}
}

// An export is the directory's chain, page by page, and then the next service's.
func TestChained_pages_followServiceAfterService(t *testing.T) {
	t.Parallel()
	chain := func(service string, pages int) *backend {
		return &backend{respond: func(_ string, in proto.Message) (proto.Message, error) {
			n := len(text(in, "page_token"))
			out := &auditv1.ExportAuditEventsResponse{TenantUid: "u1", Records: []*auditv1.ExportedRecord{{Hash: fmt.Sprintf("%s%d", service, n)}}}
			if n+1 < pages {
				out.NextPageToken = strings.Repeat("x", n+1)
			}
			return out, nil
		}}
	}
	w := world{"network": chain("network", 1), "tenant": chain("tenant", 2), "zone": chain("zone", 1)}
	s := serve(t, w, "lowlayer.audit.v1.AuditService")
	var got []string
	in := &auditv1.ExportAuditEventsRequest{Parent: "tenants/acme"}
	for range 10 {
		page, err := call[*auditv1.ExportAuditEventsResponse](t, s, "ExportAuditEvents", in)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, page.GetRecords()[0].GetHash())
		if page.GetTenantUid() != "u1" {
			t.Errorf("the page is of %q", page.GetTenantUid())
		}
		if in.PageToken = page.GetNextPageToken(); in.PageToken == "" {
			break
		}
	}
	if all := strings.Join(got, " "); all != "tenant0 tenant1 network0 zone0" {
		t.Errorf("got %s", all)
	}
	first, err := call[*auditv1.ExportAuditEventsResponse](t, s, "ExportAuditEvents", &auditv1.ExportAuditEventsRequest{Parent: "tenants/acme"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := call[proto.Message](t, s, "ExportAuditEvents", &auditv1.ExportAuditEventsRequest{Parent: "tenants/other", PageToken: first.GetNextPageToken()}); grpcerr.Mask(err).Code != errs.InvalidArgument {
		t.Errorf("a token of another tenant: %v", err)
	}
	w["network"].respond = func(string, proto.Message) (proto.Message, error) { return nil, gone() }
	in.PageToken = ""
	for range 3 {
		page, err := call[*auditv1.ExportAuditEventsResponse](t, s, "ExportAuditEvents", in)
		if err != nil {
			if grpcerr.FromError(err).Code != errs.Unavailable {
				t.Errorf("got %v", err)
			}
			return
		}
		in.PageToken = page.GetNextPageToken()
	}
	t.Error("an export without a service succeeds")
}

func quotas(names ...string) func(string, proto.Message) (proto.Message, error) {
	return func(string, proto.Message) (proto.Message, error) {
		out := &quotav1.ListQuotasResponse{}
		for _, n := range names {
			out.Quotas = append(out.Quotas, &quotav1.Quota{Name: "tenants/acme/quotas/" + n})
		}
		return out, nil
	}
}

func TestJoined_lists_areOneInOrderOfNames(t *testing.T) {
	t.Parallel()
	w := world{"network": {respond: quotas("network.vpcs", "network.peerings")}, "tenant": {respond: quotas("tenant.organisations")}}
	s := serve(t, w, "lowlayer.quota.v1.QuotaService")
	list := func(partial bool) (string, []string, error) {
		out, err := call[*quotav1.ListQuotasResponse](t, s, "ListQuotas", &quotav1.ListQuotasRequest{Parent: "tenants/acme", ReturnPartialSuccess: partial})
		var names []string
		for _, q := range out.GetQuotas() {
			names = append(names, strings.TrimPrefix(q.GetName(), "tenants/acme/quotas/"))
		}
		return strings.Join(names, " "), out.GetUnreachable(), err
	}
	if got, _, err := list(false); err != nil || got != "network.peerings network.vpcs tenant.organisations" {
		t.Errorf("got %q, %v", got, err)
	}
	absent := func(string, proto.Message) (proto.Message, error) {
		return nil, errs.NotFound("tenant", "tenants/acme")
	}
	w["network"].respond = absent
	if got, _, err := list(false); err != nil || got != "tenant.organisations" {
		t.Errorf("a service without resources: %q, %v", got, err)
	}
	w["tenant"].respond = absent
	if _, _, err := list(false); grpcerr.FromError(err).Code != errs.CodeNotFound {
		t.Errorf("an unknown tenant: %v", err)
	}
	w["tenant"].respond = quotas("tenant.organisations")
	w["network"].respond = func(string, proto.Message) (proto.Message, error) { return nil, gone() }
	if _, _, err := list(false); grpcerr.FromError(err).Code != errs.Unavailable {
		t.Errorf("a service that is away: %v", err)
	}
	if got, unreachable, err := list(true); err != nil || got != "tenant.organisations" || !slices.Equal(unreachable, []string{"services/network"}) {
		t.Errorf("a part: %q %v %v", got, unreachable, err)
	}
}

func TestCreated_eachKindOfItem(t *testing.T) {
	t.Parallel()
	at := time.Unix(1000, 0).UTC()
	operation := &longrunningpb.Operation{}
	if got := created(entry{operation}); !got.IsZero() {
		t.Errorf("an operation without metadata: %v", got)
	}
	packed, err := anypb.New(&operationv1.OperationMetadata{CreateTime: timestamppb.New(at)})
	if err != nil {
		t.Fatal(err)
	}
	operation.Metadata = packed
	for name, m := range map[string]proto.Message{"operation": operation, "receipt": &receiptv1.Receipt{CreateTime: timestamppb.New(at)}} {
		if got := created(entry{m}); !got.Equal(at) {
			t.Errorf("%s: got %v", name, got)
		}
	}
}
