package app_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"google.golang.org/protobuf/proto"
)

const vpcsPath = "/v1/tenants/acme/organisations/core/vpcs"

func TestREST_read_hasDefaultsAndEtag(t *testing.T) {
	e := newEdge(t)
	got := e.do("GET", "/v1/tenants/acme", "", nil)
	if got.status != 200 || !strings.Contains(string(got.body), `"reconciling":false`) || strings.Contains(string(got.body), "null") {
		t.Errorf("got %d %s", got.status, got.body)
	}
	if tag := got.header.Get("Etag"); tag != `"`+etagNow+`"` {
		t.Errorf("ETag is %q", tag)
	}
	if got.header.Get("X-Secret") != "" || got.header.Get("Grpc-Metadata-X-Secret") != "" {
		t.Error("metadata of the service became a header")
	}
	if got.header.Get("X-Content-Type-Options") != "nosniff" || got.header.Get("X-Frame-Options") != "DENY" {
		t.Errorf("security headers are missing: %v", got.header)
	}
	head := e.do("HEAD", "/v1/tenants/acme", "", nil)
	if head.status != 200 || len(head.body) != 0 || head.header.Get("Etag") == "" {
		t.Errorf("HEAD answers %d with %d bytes, %v", head.status, len(head.body), head.header)
	}
}

func TestIfNoneMatch(t *testing.T) {
	e := newEdge(t)
	for tag, want := range map[string]int{`"` + etagNow + `"`: 304, `W/"` + etagNow + `"`: 304, `"old", "e-1"`: 304, "*": 304, `"old"`: 200} {
		if got := e.do("GET", "/v1/tenants/acme", "", headers{"If-None-Match": tag}); got.status != want || (want == 304) != (len(got.body) == 0) {
			t.Errorf("If-None-Match %s answers %d with %d bytes", tag, got.status, len(got.body))
		}
	}
}

func TestHeadersBecomeFields(t *testing.T) {
	e := newEdge(t)
	if got := e.do("POST", "/v1/tenants?tenantId=acme", `{"displayName":"Acme"}`, headers{"Idempotency-Key": "once"}); got.status != 200 {
		t.Fatalf("got %d %s", got.status, got.body)
	}
	r, _ := e.tenants.last(t)
	if !proto.Equal(r, &tenantv1.CreateTenantRequest{Tenant: &tenantv1.Tenant{DisplayName: "Acme"}, TenantId: "acme", RequestId: "once"}) {
		t.Errorf("the service got %v", r)
	}
	if got := e.do("GET", "/v1/tenants/acme", "", headers{"Idempotency-Key": "reads have no use for it"}); got.status != 200 {
		t.Errorf("a read with a key: %d %s", got.status, got.body)
	}
	if got := e.do("POST", "/v1/tenants/acme:suspend", "", headers{"Idempotency-Key": `"twice"`}); got.status != 200 {
		t.Fatalf("got %d %s", got.status, got.body)
	}
	r, _ = e.tenants.last(t)
	if !proto.Equal(r, &tenantv1.SuspendTenantRequest{Name: "tenants/acme", RequestId: "twice"}) {
		t.Errorf("the service got %v", r)
	}
	if got := e.do("DELETE", "/v1/tenants/acme", "", headers{"If-Match": `"e-9"`}); got.status != 200 {
		t.Fatalf("got %d %s", got.status, got.body)
	}
	r, _ = e.tenants.last(t)
	if !proto.Equal(r, &tenantv1.DeleteTenantRequest{Name: "tenants/acme", Etag: "e-9"}) {
		t.Errorf("the service got %v", r)
	}
}

func TestREST_patch_acceptsAResourceAsRead(t *testing.T) {
	e := newEdge(t)
	body := `{"name":"tenants/acme","displayName":"New","state":"ACTIVE","createTime":"2026-11-23T10:00:00Z","etag":"e-1"}`
	if got := e.do("PATCH", "/v1/tenants/acme", body, headers{"If-Match": `"e-1"`}); got.status != 200 {
		t.Fatalf("got %d %s", got.status, got.body)
	}
	m, _ := e.tenants.last(t)
	r := m.(*tenantv1.UpdateTenantRequest)
	if !slices.Equal(r.GetUpdateMask().GetPaths(), []string{"display_name"}) || r.GetTenant().GetEtag() != "e-1" {
		t.Errorf("the service got %v", r)
	}
	if got := e.do("PATCH", "/v1/tenants/acme?updateMask=displayName,labels", `{"displayName":"New"}`, nil); got.status != 200 {
		t.Fatalf("got %d %s", got.status, got.body)
	}
	m, _ = e.tenants.last(t)
	if got := m.(*tenantv1.UpdateTenantRequest).GetUpdateMask().GetPaths(); !slices.Equal(got, []string{"display_name", "labels"}) {
		t.Errorf("the mask is %v", got)
	}
}

func TestHeadersThatContradict(t *testing.T) {
	e := newEdge(t)
	for name, c := range map[string]struct {
		method, path, body string
		h                  headers
		field              string
	}{
		"key and requestId":     {"POST", "/v1/tenants?tenantId=acme&requestId=a", `{}`, headers{"Idempotency-Key": "b"}, "Idempotency-Key"},
		"If-Match and etag":     {"PATCH", "/v1/tenants/acme", `{"etag":"a"}`, headers{"If-Match": `"b"`}, "If-Match"},
		"If-Match on create":    {"POST", "/v1/tenants?tenantId=acme", `{}`, headers{"If-Match": `"b"`}, "If-Match"},
		"several etags":         {"DELETE", "/v1/tenants/acme", "", headers{"If-Match": `"a", "b"`}, "If-Match"},
		"key that is too long":  {"POST", "/v1/tenants?tenantId=acme", `{}`, headers{"Idempotency-Key": strings.Repeat("k", 65)}, "Idempotency-Key"},
		"key that is no ASCII":  {"POST", "/v1/tenants?tenantId=acme", `{}`, headers{"Idempotency-Key": "clé"}, "Idempotency-Key"},
		"key where none is":     {"POST", "/v1/tenants/acme/operations/op_tenant_00000000000000000000000001:wait", `{}`, headers{"Idempotency-Key": "a"}, "Idempotency-Key"},
		"If-Match that is none": {"DELETE", "/v1/tenants/acme", "", headers{"If-Match": `""`}, "If-Match"},
	} {
		got := e.do(c.method, c.path, c.body, c.h)
		if got.status != 400 {
			t.Errorf("%s: got %d %s", name, got.status, got.body)
			continue
		}
		p := got.problem(t)
		if p["reason"] != "INVALID_HEADER" || field(p, c.field) == "" {
			t.Errorf("%s: got %d %s", name, got.status, got.body)
		}
	}
	if n := e.tenants.count(); n != 0 {
		t.Errorf("%d requests reached the service", n)
	}
}

func TestREST_badBody_namesTheField(t *testing.T) {
	e := newEdge(t)
	for name, c := range map[string]struct{ body, field, says string }{
		"unknown field":    {`{"displayNam":"x"}`, "vpc.displayNam", "did you mean displayName"},
		"unknown, nested":  {`{"ingressRules":[{"sourceCidr":"x"},{"sourceCidrs":1}]}`, "vpc.ingress_rules[1].sourceCidrs", "did you mean"},
		"wrong type":       {`{"displayName":7}`, "vpc.display_name", "must be text in quotes"},
		"bad enum":         {`{"mode":"SHARED"}`, "vpc.mode", "one of MUTUALIZED, DEDICATED"},
		"bad time":         {`{"createTime":"yesterday"}`, "vpc.create_time", "must be a time"},
		"no list":          {`{"ingressRules":{}}`, "vpc.ingress_rules", "must be a list"},
		"null in a list":   {`{"ingressRules":[null]}`, "vpc.ingress_rules[0]", "is null"},
		"map value":        {`{"labels":{"a":1}}`, `vpc.labels["a"]`, "must be text"},
		"duplicate":        {`{"cidr":"a","cidr":"b"}`, "vpc.cidr", "given twice"},
		"duplicate, cases": {`{"displayName":"a","display_name":"b"}`, "vpc.display_name", "given twice"},
		"not JSON":         {`{"cidr":`, "body", "is not valid JSON near line 1"},
		"two objects":      {`{} {}`, "body", "after the end"},
		"no object":        {`[]`, "vpc", "must be an object"},
		"deep":             {`{"x":` + strings.Repeat("[", 100000), "vpc.x", "nested deeper than 64"},
		"not UTF-8":        {"{\"cidr\":\"\xff\"}", "body", "UTF-8"},
	} {
		got := e.do("POST", vpcsPath+"?vpcId=dev", c.body, nil)
		p := got.problem(t)
		if got.status != 400 || p["code"] != "INVALID_ARGUMENT" || !strings.Contains(field(p, c.field), c.says) {
			t.Errorf("%s: got %d %s", name, got.status, got.body)
		}
		for _, inside := range []string{"proto", "unmarshal", "json:", "strconv", "lowlayer.network"} {
			if strings.Contains(string(got.body), inside) {
				t.Errorf("%s: the answer holds %q: %s", name, inside, got.body)
			}
		}
	}
	if n := e.vpcs.count(); n != 0 {
		t.Errorf("%d requests reached the service", n)
	}
}

func TestREST_badQuery_namesTheParameter(t *testing.T) {
	e := newEdge(t)
	for name, c := range map[string]struct{ path, field, says string }{
		"unknown":          {"/v1/tenants?pagesize=5", "pagesize", "did you mean pageSize"},
		"unknown on get":   {"/v1/tenants/acme?view=FULL", "view", "leave it out"},
		"number":           {"/v1/tenants?pageSize=many", "page_size", "whole number"},
		"boolean":          {"/v1/tenants?showDeleted=1", "show_deleted", "true or false"},
		"twice":            {"/v1/tenants?filter=a&filter=b", "filter", "more than once"},
		"twice, two names": {"/v1/tenants?page_size=1&pageSize=2", "page_size", "more than once"},
		"not encoded":      {"/v1/tenants?filter=%zz", "query", "percent-encode"},
	} {
		got := e.do("GET", c.path, "", nil)
		if p := got.problem(t); got.status != 400 || !strings.Contains(field(p, c.field), c.says) {
			t.Errorf("%s: got %d %s", name, got.status, got.body)
		}
	}
	if got := e.do("POST", "/v1/tenants/acme:suspend?requestId=a", `{}`, nil); got.status != 400 {
		t.Errorf("a query beside a whole body: got %d %s", got.status, got.body)
	}
	if n := e.tenants.count(); n != 0 {
		t.Errorf("%d requests reached the service", n)
	}
}

func TestREST_otherRequests_areProblems(t *testing.T) {
	e := newEdge(t)
	for name, c := range map[string]struct {
		method, path, body string
		h                  headers
		status             int
		reason             string
	}{
		"no path":            {"GET", "/v1/nothing", "", nil, 404, "ROUTE_NOT_FOUND"},
		"slash at the end":   {"GET", "/v1/tenants/", "", nil, 404, "ROUTE_NOT_FOUND"},
		"encoded slash":      {"GET", "/v1/tenants%2Facme", "", nil, 404, "ROUTE_NOT_FOUND"},
		"no page":            {"GET", "/nothing", "", nil, 404, "ROUTE_NOT_FOUND"},
		"method":             {"PUT", "/v1/tenants/acme", "", nil, 405, "METHOD_NOT_ALLOWED"},
		"override":           {"POST", "/v1/tenants/acme", "", headers{"X-HTTP-Method-Override": "DELETE"}, 405, "METHOD_NOT_ALLOWED"},
		"override in a form": {"POST", "/v1/tenants/acme", "a=b", headers{"Content-Type": "application/x-www-form-urlencoded", "X-HTTP-Method-Override": "GET"}, 405, "METHOD_NOT_ALLOWED"},
		"form":               {"POST", "/v1/tenants?tenantId=acme", "a=b", headers{"Content-Type": "application/x-www-form-urlencoded"}, 415, "UNSUPPORTED_MEDIA_TYPE"},
		"compressed":         {"POST", "/v1/tenants?tenantId=acme", "{}", headers{"Content-Encoding": "gzip"}, 415, "UNSUPPORTED_MEDIA_TYPE"},
		"charset":            {"POST", "/v1/tenants?tenantId=acme", "{}", headers{"Content-Type": "application/json; charset=latin1"}, 415, "UNSUPPORTED_MEDIA_TYPE"},
		"large":              {"POST", "/v1/tenants?tenantId=acme", `{"displayName":"` + strings.Repeat("x", 2<<20) + `"}`, nil, 413, "BODY_TOO_LARGE"},
		"headers":            {"GET", "/v1/tenants/acme", "", headers{"X-Large": strings.Repeat("x", 40<<10)}, 431, "HEADERS_TOO_LARGE"},
		"body of a read":     {"GET", "/v1/tenants/acme", "{}", nil, 400, "INVALID_FIELDS"},
		"body of a delete":   {"DELETE", "/v1/tenants/acme", `{"etag":"x"}`, nil, 400, "INVALID_FIELDS"},
	} {
		got := e.do(c.method, c.path, c.body, c.h)
		if p := got.problem(t); got.status != c.status || p["reason"] != c.reason {
			t.Errorf("%s: got %d %s", name, got.status, got.body)
		}
		if c.status == 405 && got.header.Get("Allow") != "DELETE, GET, HEAD, PATCH, OPTIONS" {
			t.Errorf("%s: Allow is %q", name, got.header.Get("Allow"))
		}
	}
	if n := e.tenants.count(); n != 0 {
		t.Errorf("%d requests reached the service", n)
	}
	if got := e.do("OPTIONS", "/v1/tenants", "", nil); got.status != 204 || got.header.Get("Allow") != "GET, HEAD, POST, OPTIONS" {
		t.Errorf("OPTIONS answers %d, %v", got.status, got.header)
	}
}

func TestREST_chunkedBody_hasTheSameLimit(t *testing.T) {
	e := newEdge(t)
	r, err := http.NewRequestWithContext(t.Context(), "POST", e.url+"/v1/tenants?tenantId=acme",
		io.MultiReader(strings.NewReader(`{"displayName":"`), strings.NewReader(strings.Repeat("x", 2<<20)), strings.NewReader(`"}`)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if got := e.send(r); got.status != 413 {
		t.Errorf("got %d %s", got.status, got.body)
	}
}

func TestREST_slowBody_isAProblem(t *testing.T) {
	e := newEdge(t)
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(e.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // a test
	if _, err := fmt.Fprint(conn, "POST /v1/tenants?tenantId=acme HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{"); err != nil {
		t.Fatal(err)
	}
	got, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close() //nolint:errcheck // a test
	data, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got.StatusCode != 408 || !strings.Contains(string(data), "REQUEST_TIMEOUT") {
		t.Errorf("got %d %s", got.StatusCode, data)
	}
}

func TestREST_headers_onlyTokenRequestIdAndTracePass(t *testing.T) {
	e := newEdge(t)
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	got := e.do("GET", "/v1/tenants/acme", "", headers{
		"Authorization": "Bearer t", "X-Request-Id": "mine-1", "Traceparent": trace,
		"Grpc-Metadata-X-Tenant": "evil", "Grpc-Metadata-Authorization": "evil", "X-Forwarded-For": "10.0.0.1", "X-Forwarded-Host": "evil",
		"X-Lowlayer-Identity": "evil", "Cookie": "a=b", "Grpc-Timeout": "1n", "Te": "trailers",
	})
	if got.status != 200 || got.header.Get("X-Request-Id") != "mine-1" {
		t.Fatalf("got %d %s %v", got.status, got.body, got.header)
	}
	_, md := e.tenants.last(t)
	for k, v := range md {
		switch k {
		case "authorization":
			if !slices.Equal(v, []string{"Bearer t"}) {
				t.Errorf("authorization is %v", v)
			}
		case "x-request-id":
			if !slices.Equal(v, []string{"mine-1"}) {
				t.Errorf("x-request-id is %v", v)
			}
		case "traceparent":
			if !strings.HasPrefix(v[0], trace[:35]) || v[0] == trace {
				t.Errorf("traceparent is %v", v)
			}
		case ":authority", "content-type", "user-agent", "grpc-accept-encoding":
		default:
			t.Errorf("%s: %v reached the service", k, v)
		}
	}
	if got := e.do("GET", "/v1/tenants/acme", "", headers{"X-Request-Id": "bad id\u00e9"}); !strings.HasPrefix(got.header.Get("X-Request-Id"), "req-") {
		t.Errorf("a request id that cannot be logged was kept: %v", got.header)
	}
}

func TestREST_serviceDown_costsItsOwnRoutes(t *testing.T) {
	e := newEdge(t)
	address := e.network.address
	e.network.end()
	got := e.do("GET", vpcsPath+"/dev", "", nil)
	p := got.problem(t)
	if got.status != 503 || p["reason"] != "PEER_UNAVAILABLE" || got.header.Get("Retry-After") == "" || !strings.Contains(p["detail"].(string), "network") {
		t.Errorf("got %d %s", got.status, got.body)
	}
	if strings.Contains(string(got.body), address) || strings.Contains(string(got.body), "dial") {
		t.Errorf("the answer tells about the connection: %s", got.body)
	}
	if got := e.do("GET", "/v1/tenants/acme", "", nil); got.status != 200 {
		t.Errorf("the tenant service is up, yet: %d %s", got.status, got.body)
	}
}

func TestREST_concurrentRequests_doNotMix(t *testing.T) {
	e := newEdge(t)
	done := make(chan string)
	const n = 16
	for i := range n {
		go func() {
			id := fmt.Sprintf("id-%02d", i)
			got := e.do("GET", fmt.Sprintf("%s/vpc-%02d", vpcsPath, i), "", headers{"X-Request-Id": id})
			if !strings.Contains(string(got.body), fmt.Sprintf("vpc-%02d", i)) || got.header.Get("X-Request-Id") != id {
				done <- fmt.Sprintf("got %s %v", got.body, got.header)
				return
			}
			done <- ""
		}()
	}
	for range n {
		if s := <-done; s != "" {
			t.Error(s)
		}
	}
	var names []string
	e.vpcs.mu.Lock()
	defer e.vpcs.mu.Unlock()
	for _, r := range e.vpcs.requests {
		names = append(names, r.(*networkv1.GetVpcRequest).GetName())
	}
	slices.Sort(names)
	if got := len(slices.Compact(names)); got != n {
		t.Errorf("%d different names arrived", got)
	}
}

func TestREST_pageOfAnotherSite_changesNothing(t *testing.T) {
	e := newEdge(t)
	for name, c := range map[string]struct {
		method, path string
		headers      headers
		want         int
	}{
		"another site's form":   {"POST", "/v1/tenants/acme:suspend", headers{"Sec-Fetch-Site": "cross-site"}, 403},
		"another origin":        {"POST", "/v1/tenants/acme:suspend", headers{"Origin": "https://evil.example"}, 403},
		"a name of others":      {"GET", "/v1/tenants/acme", headers{"Host": "rebound.example:8080"}, 403},
		"our own explorer":      {"POST", "/v1/tenants/acme:suspend", headers{"Sec-Fetch-Site": "same-origin"}, 200},
		"a program":             {"POST", "/v1/tenants/acme:suspend", nil, 200},
		"a link on a page":      {"GET", "/v1/tenants/acme", headers{"Sec-Fetch-Site": "cross-site"}, 200},
		"by the name localhost": {"GET", "/v1/tenants/acme", headers{"Host": "localhost:8080"}, 200},
	} {
		got := e.do(c.method, c.path, "", c.headers)
		if got.status != c.want || c.want == 403 && !strings.Contains(string(got.body), "FOREIGN_SITE") {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
}
