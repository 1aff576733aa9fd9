package openstack_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/openstack"
	"github.com/low-layer/platform/libs/telemetry"
	"github.com/low-layer/platform/libs/telemetry/telemetrytest"
)

// script responds to call n with statuses[n], with the last one from then on.
func script(retryAfter string, statuses ...int) func(http.ResponseWriter, *http.Request) {
	n := 0
	return func(w http.ResponseWriter, _ *http.Request) {
		status := statuses[min(n, len(statuses)-1)]
		n++
		if status == 0 {
			panic(http.ErrAbortHandler) // the connection breaks
		}
		if status >= http.StatusBadRequest && retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		answer(w, status, `{"network": {"id": "n1"}}`)
	}
}

// drive advances the clock whenever a timer waits, until fn is done.
func drive(f *fakeCloud, step time.Duration, fn func() error) error {
	done := make(chan error, 1)
	go func() { done <- fn() }()
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-ticker.C:
			f.clock.Advance(step)
		}
	}
}

func TestReadsAreRepeated(t *testing.T) {
	for name, test := range map[string]struct {
		statuses []int
		calls    int
		reason   string
	}{
		"rate limited":       {[]int{429, 200}, 2, ""},
		"bad gateway":        {[]int{502, 502, 200}, 3, ""},
		"away":               {[]int{503, 200}, 2, ""},
		"gateway timeout":    {[]int{504, 200}, 2, ""},
		"connection broken":  {[]int{0, 0, 200}, 0, ""}, // net/http repeats a read on its own, too
		"away for good":      {[]int{503}, 4, openstack.ReasonUnavailable},
		"internal error":     {[]int{500, 200}, 1, openstack.ReasonUnavailable},
		"refused":            {[]int{403, 200}, 1, openstack.ReasonForbidden},
		"there is no such":   {[]int{404, 200}, 1, openstack.ReasonNotFound},
		"rate limited often": {[]int{429}, 4, openstack.ReasonRateLimited},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeCloud(t)
			f.onCall = script("", test.statuses...)
			c := f.client(t)
			err := drive(f, time.Second, func() error { return getNetwork(t.Context(), c) })
			reason := ""
			if e := openstack.Classify(err); e != nil {
				reason = e.Reason
			}
			if reason != test.reason {
				t.Errorf("got %v", err)
			}
			if n := len(f.seen()); test.calls != 0 && n != test.calls {
				t.Errorf("%d calls, want %d", n, test.calls)
			}
		})
	}
}

func TestWritesAreNeverRepeated(t *testing.T) {
	for _, status := range []int{0, 429, 500, 502, 503, 504} {
		f := newFakeCloud(t)
		f.onCall = script("", status, 201)
		net, err := f.client(t).Network(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
			f.mu.Lock()
			f.calls, f.onCall = nil, script("", status, 201)
			f.mu.Unlock()
			_, err := net.Request(t.Context(), method, net.ServiceURL("networks"), &gophercloud.RequestOpts{JSONBody: map[string]any{"a": 1}})
			if err == nil {
				t.Errorf("%s answered %d: no error", method, status)
			}
			if n := len(f.seen()); n != 1 {
				t.Errorf("%s answered %d was sent %d times", method, status, n)
			}
		}
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	f := newFakeCloud(t)
	f.onCall = script("20", 429, 200)
	c := f.client(t)
	done := make(chan error, 1)
	go func() { done <- getNetwork(t.Context(), c) }()
	f.clock.BlockUntil(1)
	f.clock.Advance(19 * time.Second)
	select {
	case err := <-done:
		t.Fatalf("done too early: %v", err)
	default:
	}
	if n := len(f.seen()); n != 1 {
		t.Fatalf("%d calls before the time", n)
	}
	f.clock.Advance(time.Second)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestNoWaitBeyondTheCallersDeadline(t *testing.T) {
	f := newFakeCloud(t)
	f.onCall = script(f.clock.Now().Add(30*time.Second).Format(http.TimeFormat), 503, 200)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	e := openstack.Classify(getNetwork(ctx, f.client(t)))
	if e == nil || e.Reason != openstack.ReasonUnavailable || len(f.seen()) != 1 {
		t.Fatalf("got %v after %d calls", e, len(f.seen()))
	}
}

func TestCallsAreObserved(t *testing.T) {
	f := newFakeCloud(t)
	f.onCall = script("", 503, 200)
	c := f.client(t)
	var inner, outer []openstack.Call
	ctx := openstack.WithCalls(t.Context(), func(call openstack.Call) { outer = append(outer, call) })
	ctx = openstack.WithCalls(ctx, func(call openstack.Call) { inner = append(inner, call) })
	if err := drive(f, time.Second, func() error { return getNetwork(ctx, c) }); err != nil {
		t.Fatal(err)
	}
	if len(inner) != 2 || len(outer) != 2 { // neither the token's
		t.Fatalf("%d and %d calls", len(inner), len(outer))
	}
	last := inner[1]
	if last.Service != "network" || last.Method != "GET" || last.Path != "/network/v2.0/networks/n1" || last.Status != 200 ||
		last.RequestID != "req-of-the-cloud" || last.Err != nil || inner[0].Status != 503 {
		t.Fatalf("got %+v", inner)
	}
}

func TestGlobalRequestID(t *testing.T) {
	f := newFakeCloud(t)
	c := f.client(t)
	const given = "req-3f0a1c52-5a3e-4a68-9f0c-5b1f6f0f3c11"
	send := func(ctx context.Context) string {
		t.Helper()
		if err := getNetwork(ctx, c); err != nil {
			t.Fatal(err)
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.calls[len(f.calls)-1].Header.Get("X-Openstack-Request-Id")
	}
	if got := send(t.Context()); got != "" {
		t.Errorf("without: %q", got)
	}
	if got := send(openstack.WithGlobalRequestID(t.Context(), given)); got != given {
		t.Errorf("given: %q", got)
	}
	ctx := openstack.WithGlobalRequestID(t.Context(), "tenants/acme/operations/op_network_1")
	got := send(ctx)
	if !strings.HasPrefix(got, "req-") || len(got) != 40 || got != openstack.GlobalRequestID(ctx) {
		t.Errorf("mapped: %q", got)
	}
	if again := send(openstack.WithGlobalRequestID(t.Context(), "tenants/acme/operations/op_network_1")); again != got {
		t.Errorf("the same id is mapped to %q and %q", got, again)
	}
	if other := send(openstack.WithGlobalRequestID(t.Context(), "tenants/acme/operations/op_network_2")); other == got {
		t.Errorf("two ids are mapped to one")
	}
}

func TestSpans(t *testing.T) {
	receiver := telemetrytest.NewReceiver(t)
	tel, err := telemetry.Start(t.Context(), telemetry.Config{Service: "test", Endpoint: receiver.Endpoint()})
	if err != nil {
		t.Fatal(err)
	}
	f := newFakeCloud(t)
	c := f.client(t, func(cfg *openstack.Config) { cfg.Telemetry = tel })
	ctx, parent := tel.TracerProvider().Tracer("test").Start(t.Context(), "parent")
	net, err := c.Network(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var body map[string]any
	if _, err := net.Get(ctx, net.ServiceURL("networks", idA, "tags", "lowlayer:vpc"), &body, nil); err != nil {
		t.Fatal(err)
	}
	parent.End()
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, span := range receiver.Spans() {
		names[span.Name] = true
	}
	for _, want := range []string{"openstack.network GET /network/v2.0/networks/{id}/tags/{tag}", "openstack.identity POST /identity/v3/auth/tokens", "parent"} {
		if !names[want] {
			t.Errorf("no span %q in %v", want, names)
		}
	}
}

type item struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// pagesOf serves n items of security-groups in pages, with links as Neutron behind a proxy writes them.
func pagesOf(n, size int) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		first := 0
		_, _ = fmt.Sscanf(r.URL.Query().Get("marker"), "i%d", &first) // without a marker it stays 0
		if r.URL.Query().Get("marker") != "" {
			first++
		}
		var items []string
		for i := first; i < min(first+size, n); i++ {
			items = append(items, fmt.Sprintf(`{"id": "i%d", "name": "x"}`, i))
		}
		links := ""
		if first+size < n {
			query := r.URL.Query()
			query.Set("marker", fmt.Sprintf("i%d", first+size-1))
			links = fmt.Sprintf(`, "security_groups_links": [{"rel": "previous", "href": "x"}, {"rel": "next", "href": "http://inner.example/v2.0/security-groups?%s"}]`, query.Encode())
		}
		answer(w, http.StatusOK, fmt.Sprintf(`{"security_groups": [%s]%s}`, strings.Join(items, ","), links))
	}
}

func TestList(t *testing.T) {
	f := newFakeCloud(t)
	net, err := f.client(t).Network(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 1, 3, 7, 9} {
		f.mu.Lock()
		f.calls, f.onCall = nil, pagesOf(n, 3)
		f.mu.Unlock()
		got, err := openstack.List[item](t.Context(), net, "security-groups", url.Values{"project_id": {"p"}}, "name")
		if err != nil || len(got) != n || n > 0 && got[n-1].ID != fmt.Sprintf("i%d", n-1) {
			t.Errorf("%d items: got %v, %v", n, got, err)
		}
		for _, call := range f.seen() {
			query, err := url.Parse(strings.Fields(call)[1])
			if err != nil || !slices.Equal(query.Query()["fields"], []string{"id", "name"}) || query.Query().Get("project_id") != "p" || query.Query().Get("limit") != "500" {
				t.Errorf("asked %s", call)
			}
		}
	}
}

func TestPagesStops(t *testing.T) {
	f := newFakeCloud(t)
	net, err := f.client(t).Network(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f.onCall = pagesOf(9, 3)
	enough := errors.New("enough")
	err = openstack.Pages(t.Context(), net, "security-groups", nil, nil, func([]item) error { return enough })
	if !errors.Is(err, enough) || len(f.seen()) != 1 {
		t.Errorf("got %v after %d calls", err, len(f.seen()))
	}
	f.onCall = func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 200, `{"security_groups": [{"id": "i"}], "security_groups_links": [{"rel": "next", "href": "?marker=i"}]}`)
	}
	if _, err := openstack.List[item](t.Context(), net, "security-groups", nil); err == nil || !strings.Contains(err.Error(), "circle") {
		t.Errorf("in a circle: %v", err)
	}
	f.onCall = func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, `{"other": []}`) }
	if _, err := openstack.List[item](t.Context(), net, "security-groups", nil); err == nil {
		t.Error("an answer without the member passes")
	}
	f.onCall = func(w http.ResponseWriter, _ *http.Request) { answer(w, 404, neutron("HTTPNotFound", "no")) }
	if _, err := openstack.List[item](t.Context(), net, "security-groups", nil); openstack.Classify(err).Code != errs.CodeNotFound {
		t.Errorf("got %v", err)
	}
}

func TestReplaceTags(t *testing.T) {
	f := newFakeCloud(t)
	net, err := f.client(t).Network(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	f.onCall = func(w http.ResponseWriter, r *http.Request) {
		body := make([]byte, 500)
		n, _ := r.Body.Read(body) // what is missing is seen below
		got = append(got, r.Method+" "+r.URL.Path+" "+strings.ReplaceAll(string(body[:n]), " ", ""))
		answer(w, 200, `{"tags": []}`)
	}
	if err := openstack.ReplaceTags(t.Context(), net, "security-groups", "g", "b", "a", "b"); err != nil {
		t.Error(err)
	}
	if err := openstack.ReplaceTags(t.Context(), net, "networks", "n"); err != nil {
		t.Error(err)
	}
	want := []string{`PUT /network/v2.0/security-groups/g/tags {"tags":["a","b"]}`, `PUT /network/v2.0/networks/n/tags {"tags":[]}`}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestList_keystoneLinks_areFollowedOnTheOwnEndpoint(t *testing.T) {
	f := newFakeCloud(t)
	identity, err := f.client(t).Identity(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f.onCall = func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("marker") == "" {
			answer(w, 200, `{"projects": [{"id": "i0"}], "links": {"next": "ftp://elsewhere:1/v3/projects?marker=i0"}}`)
			return
		}
		answer(w, 200, `{"projects": [{"id": "i1"}], "links": {"next": null}}`)
	}
	got, err := openstack.List[item](t.Context(), identity, "projects", nil)
	if err != nil || len(got) != 2 || got[1].ID != "i1" {
		t.Errorf("got %v, %v", got, err)
	}
	f.onCall = func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 200, `{"projects": [{"id": "i0"}], "links": {"next": "?marker=i0"}}`)
	}
	if _, err := openstack.List[item](t.Context(), identity, "projects", nil); err == nil || !strings.Contains(err.Error(), "circle") {
		t.Errorf("in a circle: %v", err)
	}
}

func TestList_controlCharacters_areEscaped(t *testing.T) {
	f := newFakeCloud(t)
	net, err := f.client(t).Network(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f.onCall = func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 200, `{"ports": [{"id": "i", "name": "a\u0000b\u001b\u202ec é", "tags": ["x\u0000"], "inner": {"text": "\r\n"}}]}`)
	}
	type port struct {
		Name  string
		Tags  []string
		Inner *struct{ Text string }
	}
	got, err := openstack.List[port](t.Context(), net, "ports", nil)
	if err != nil || len(got) != 1 || got[0].Name != `a\u0000b\u001b\u202ec é` || got[0].Tags[0] != `x\u0000` || got[0].Inner.Text != `\u000d\u000a` {
		t.Errorf("got %+v, %v", got, err)
	}
}
