package app_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/grpcerr"
	"github.com/low-layer/platform/libs/rpc"
	"github.com/low-layer/platform/libs/watch/resume"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	watchv1 "github.com/low-layer/platform/gen/go/lowlayer/watch/v1"
	"google.golang.org/protobuf/types/known/anypb"
)

// feed is the changes of one service: the messages to send, and an end when it must fail.
type feed struct {
	watchv1.UnimplementedWatchServiceServer
	service string
	next    chan *watchv1.WatchTenantResponse
	fail    chan error

	mu    sync.Mutex
	asked []*watchv1.WatchTenantRequest
	// refuse is returned before anything else.
	refuse error
}

func newFeed(service string) *feed {
	return &feed{service: service, next: make(chan *watchv1.WatchTenantResponse), fail: make(chan error)}
}

func (f *feed) token(n int64) string {
	return resume.New("acme", map[string]resume.Place{f.service: {Epoch: f.service + "-1", Sequence: n}}).String()
}

func (f *feed) change(n int64, name string) *watchv1.WatchTenantResponse {
	resource, err := anypb.New(&networkv1.Vpc{Name: name})
	if err != nil {
		panic(err)
	}
	return &watchv1.WatchTenantResponse{
		Kind: watchv1.WatchTenantResponse_CHANGED, Type: "vpc", Name: name, Service: f.service, Sequence: n, Resource: resource, ResumeToken: f.token(n),
	}
}

func (f *feed) done(n int64) *watchv1.WatchTenantResponse {
	return &watchv1.WatchTenantResponse{Kind: watchv1.WatchTenantResponse_BOOKMARK, ResumeToken: f.token(n), SnapshotDone: true}
}

func (f *feed) WatchTenant(r *watchv1.WatchTenantRequest, to watchv1.WatchService_WatchTenantServer) error {
	f.mu.Lock()
	f.asked = append(f.asked, r)
	refuse := f.refuse
	f.mu.Unlock()
	if refuse != nil {
		return refuse
	}
	if err := to.Send(&watchv1.WatchTenantResponse{Kind: watchv1.WatchTenantResponse_BOOKMARK, ResumeToken: r.GetResumeToken()}); err != nil {
		return err //nolint:wrapcheck // a test
	}
	for {
		select {
		case <-to.Context().Done():
			return to.Context().Err() //nolint:wrapcheck // a test
		case err := <-f.fail:
			return err
		case m := <-f.next:
			if err := to.Send(m); err != nil {
				return err //nolint:wrapcheck // a test
			}
		}
	}
}

// last is what was asked last.
func (f *feed) last() *watchv1.WatchTenantRequest {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked[len(f.asked)-1]
}

func (f *feed) refuseWith(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuse = err
}

// at are the places in a token.
func at(t *testing.T, token string) map[string]int64 {
	t.Helper()
	parsed, err := resume.Parse(token, "acme")
	if err != nil {
		t.Fatalf("%q: %v", token, err)
	}
	return parsed.At
}

// watching is a stream over gRPC of which the first bookmark was received.
func (e *edge) watching(ctx context.Context, token string) watchv1.WatchService_WatchTenantClient {
	e.Helper()
	stream, err := watchv1.NewWatchServiceClient(e.conn).WatchTenant(ctx, &watchv1.WatchTenantRequest{Name: "tenants/acme", ResumeToken: token})
	if err != nil {
		e.Fatal(err)
	}
	first, err := stream.Recv()
	if err != nil || first.GetKind() != watchv1.WatchTenantResponse_BOOKMARK || (first.GetResumeToken() == "") != (token == "") {
		e.Fatalf("the stream begins with %v, %v", first, err)
	}
	return stream
}

func receive(t *testing.T, s watchv1.WatchService_WatchTenantClient) *watchv1.WatchTenantResponse {
	t.Helper()
	m, err := s.Recv()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestWatch_services_areOneStream(t *testing.T) {
	e := newEdge(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := e.watching(ctx, "")
	tenant, network, metering := e.feeds["tenant"], e.feeds["network"], e.feeds["metering"]
	metering.next <- metering.done(1)
	snapshot := tenant.change(0, "tenants/acme")
	snapshot.Kind, snapshot.ResumeToken = watchv1.WatchTenantResponse_SNAPSHOT, ""
	tenant.next <- snapshot
	if m := receive(t, s); m.GetKind() != watchv1.WatchTenantResponse_SNAPSHOT || m.GetResumeToken() != "" {
		t.Errorf("got %v", m)
	}
	tenant.next <- tenant.done(7)
	tenant.next <- tenant.change(8, "a")
	if m := receive(t, s); m.GetName() != "a" || m.GetResumeToken() != "" {
		t.Errorf("while a snapshot is not whole: %v", m)
	}
	network.next <- network.done(40)
	if m := receive(t, s); !m.GetSnapshotDone() || at(t, m.GetResumeToken())["tenant"] != 8 || at(t, m.GetResumeToken())["network"] != 40 {
		t.Errorf("got %v", m)
	}
	network.next <- network.change(41, "b")
	last := receive(t, s)
	if places := at(t, last.GetResumeToken()); last.GetName() != "b" || last.GetSequence() != 41 || places["tenant"] != 8 || places["network"] != 41 {
		t.Errorf("got %v at %v", last, places)
	}
	cancel()

	// It goes on where it was, in each.
	s = e.watching(t.Context(), last.GetResumeToken())
	if n := at(t, tenant.last().GetResumeToken()); n["tenant"] != 8 || len(n) != 1 {
		t.Errorf("the tenant service is asked from %v", n)
	}
	if n := at(t, network.last().GetResumeToken()); n["network"] != 41 || len(n) != 1 {
		t.Errorf("the network service is asked from %v", n)
	}
	if asked := network.last().GetResumeToken(); asked != network.token(41) {
		t.Errorf("the network service is asked from %q, in another epoch than %q", asked, network.token(41))
	}
	// The token of a service's bookmark is in the next token.
	network.next <- &watchv1.WatchTenantResponse{Kind: watchv1.WatchTenantResponse_BOOKMARK, ResumeToken: network.token(50)}
	tenant.next <- tenant.change(9, "c")
	for {
		m := receive(t, s)
		if n := at(t, m.GetResumeToken()); m.GetName() == "c" && n["tenant"] == 9 {
			break
		}
	}
	network.fail <- errs.New(errs.Unavailable, rpc.ReasonDraining, "the server is stopping; call again to reach another one")
	for {
		_, err := s.Recv()
		if err == nil {
			continue
		}
		if grpcerr.FromError(err).Reason != rpc.ReasonDraining {
			t.Errorf("it ended with %v", err)
		}
		break
	}
}

func TestWatchRefusals(t *testing.T) {
	e := newEdge(t)
	for name, c := range map[string]struct {
		path, token, reason string
		status              int
		refuse              error
	}{
		"a token that is none":          {"/v1/tenants/acme:watch", "x", "INVALID_FIELDS", 400, nil},
		"a token of another tenant":     {"/v1/tenants/other:watch", resume.New("acme", nil).String(), "INVALID_FIELDS", 400, nil},
		"a token without a service":     {"/v1/tenants/acme:watch", e.feeds["tenant"].token(3), "WATCH_EXPIRED", 410, nil},
		"a service's word before it":    {"/v1/tenants/acme:watch", "", "TENANT_NOT_FOUND", 404, errs.NotFound("tenant", "tenants/acme")},
		"changes that are not kept":     {"/v1/tenants/acme:watch", "", "WATCH_EXPIRED", 410, resume.Expired()},
		"an unknown parameter":          {"/v1/tenants/acme:watch?since=3", "", "INVALID_FIELDS", 400, nil},
		"a name that is no tenant's":    {"/v1/tenants/A:watch", "", "INVALID_NAME", 400, nil},
		"a service that cannot be used": {"/v1/tenants/acme:watch", "", "PEER_UNAVAILABLE", 503, errs.New(errs.Unavailable, "PEER_UNAVAILABLE", "away; try again")},
	} {
		e.feeds["network"].refuseWith(c.refuse)
		got := e.do(http.MethodGet, c.path, "", headers{"Accept": "text/event-stream", "Last-Event-Id": c.token})
		if p := got.problem(t); got.status != c.status || p["reason"] != c.reason {
			t.Errorf("%s: %d %v", name, got.status, p)
		}
	}
	if got := e.do(http.MethodHead, "/v1/tenants/acme:watch", "", nil); got.status != http.StatusMethodNotAllowed {
		t.Errorf("HEAD is answered %d", got.status)
	}
}

// event is one Server-Sent Event.
type event struct{ id, name, data string }

// opened is a stream over REST.
func (e *edge) opened(ctx context.Context, h headers) (*bufio.Reader, *http.Response) {
	e.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, e.url+"/v1/tenants/acme:watch", nil)
	if err != nil {
		e.Fatal(err)
	}
	for k, v := range h {
		r.Header.Set(k, v)
	}
	client := &http.Client{Transport: e.client.Transport}
	got, err := client.Do(r)
	if err != nil {
		e.Fatal(err)
	}
	e.Cleanup(func() { _ = got.Body.Close() })
	if got.StatusCode != http.StatusOK {
		e.Fatalf("status %d", got.StatusCode)
	}
	return bufio.NewReader(got.Body), got
}

// read reads an event; false at the end.
func (ev *event) read(t *testing.T, r *bufio.Reader) bool {
	t.Helper()
	*ev = event{}
	for {
		line, err := r.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return false
		}
		if err != nil {
			t.Fatal(err)
		}
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			return true
		}
		field, value, _ := strings.Cut(line, ": ")
		switch field {
		case "id":
			ev.id = value
		case "event":
			ev.name = value
		case "data":
			ev.data = value
		default:
			t.Fatalf("line %q", line)
		}
	}
}

func TestWatch_serverSentEvents(t *testing.T) {
	e := newEdge(t)
	tenant, network := e.feeds["tenant"], e.feeds["network"]
	r, response := e.opened(t.Context(), headers{"Accept": "text/event-stream", "Last-Event-Id": resume.New("acme", map[string]resume.Place{"metering": {Sequence: 1}, "tenant": {Sequence: 3}, "network": {Sequence: 4}}).String()})
	if h := response.Header; h.Get("Content-Type") != "text/event-stream" || h.Get("Cache-Control") != "no-store" || h.Get("X-Request-Id") == "" {
		t.Errorf("headers %v", h)
	}
	var ev event
	if !ev.read(t, r) || ev.name != "bookmark" || at(t, ev.id)["tenant"] != 3 || at(t, ev.id)["network"] != 4 {
		t.Errorf("it begins with %+v", ev)
	}
	network.next <- network.change(5, "tenants/acme/organisations/core/vpcs/dev")
	var m struct {
		Kind, Name, Sequence, ResumeToken string
		Resource                          map[string]any
	}
	if !ev.read(t, r) || ev.name != "change" || at(t, ev.id)["network"] != 5 || json.Unmarshal([]byte(ev.data), &m) != nil {
		t.Fatalf("got %+v", ev)
	}
	if m.Kind != "CHANGED" || m.Sequence != "5" || m.ResumeToken != ev.id || m.Resource["@type"] != "type.googleapis.com/lowlayer.network.v1.Vpc" || m.Resource["name"] != m.Name {
		t.Errorf("got %s", ev.data)
	}
	// It outlives the time in which requests must arrive (a second here), and is never silent for long.
	if !ev.read(t, r) || ev.name != "bookmark" || at(t, ev.id)["network"] != 5 {
		t.Errorf("got %+v", ev)
	}
	tenant.fail <- errs.New(errs.Unauthenticated, "TOKEN_EXPIRED", "the token has ended; open it again")
	var p map[string]any
	if !ev.read(t, r) || ev.name != "error" || ev.id != "" || json.Unmarshal([]byte(ev.data), &p) != nil {
		t.Fatalf("got %+v", ev)
	}
	if p["reason"] != "TOKEN_EXPIRED" || p["status"] != float64(401) || p["instance"] != response.Header.Get("X-Request-Id") {
		t.Errorf("got %s", ev.data)
	}
	if ev.read(t, r) {
		t.Errorf("it goes on with %+v", ev)
	}
}

func TestWatchAsLines(t *testing.T) {
	e := newEdge(t)
	r, response := e.opened(t.Context(), headers{"Accept": "application/json"})
	if got := response.Header.Get("Content-Type"); got != "application/x-ndjson" {
		t.Errorf("content type %q", got)
	}
	line := func() (out struct {
		Result map[string]any
		Error  map[string]any
	},
	) {
		t.Helper()
		text, err := r.ReadBytes('\n')
		if err != nil || json.Unmarshal(text, &out) != nil {
			t.Fatalf("%s, %v", text, err)
		}
		return out
	}
	if got := line(); got.Result["kind"] != "BOOKMARK" {
		t.Errorf("got %v", got)
	}
	e.feeds["tenant"].next <- e.feeds["tenant"].change(1, "a")
	if got := line(); got.Result["name"] != "a" {
		t.Errorf("got %v", got)
	}
	e.feeds["tenant"].fail <- resume.Expired()
	if got := line(); got.Error["reason"] != "WATCH_EXPIRED" || got.Error["status"] != float64(410) {
		t.Errorf("got %v", got)
	}
}

func TestWatchOverHTTP2(t *testing.T) {
	e := newEdge(t)
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &protocols}
	defer transport.CloseIdleConnections()
	e.client.Transport = transport
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, response := e.opened(ctx, headers{"Accept": "text/event-stream"})
	if response.ProtoMajor != 2 {
		t.Errorf("it is %s", response.Proto)
	}
	var ev event
	if !ev.read(t, r) || ev.name != "bookmark" {
		t.Errorf("got %+v", ev)
	}
	e.feeds["tenant"].next <- e.feeds["tenant"].change(1, "a")
	if !ev.read(t, r) || ev.name != "change" {
		t.Errorf("got %+v", ev)
	}
	// It outlives the time in which requests must arrive, which is a second here.
	if !ev.read(t, r) || ev.name != "bookmark" {
		t.Errorf("got %+v", ev)
	}
}

// A drain waits for requests, not for streams: it ends those, and their clients reconnect elsewhere.
func TestWatch_gatewayStops_ends(t *testing.T) {
	e := newEdge(t)
	s := e.watching(t.Context(), "")
	r, _ := e.opened(t.Context(), headers{"Accept": "text/event-stream"})
	var ev event
	ev.read(t, r)
	began := time.Now()
	e.end()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the drain, of 10 s at most, took %s", took)
	}
	if _, err := s.Recv(); grpcerr.FromError(err).Reason != rpc.ReasonDraining {
		t.Errorf("over gRPC it ended with %v", err)
	}
	if !ev.read(t, r) || ev.name != "error" || !strings.Contains(ev.data, rpc.ReasonDraining) {
		t.Errorf("over REST it ended with %+v", ev)
	}
}

// A reader that takes nothing keeps its place only for so long.
func TestWatchOfNobody(t *testing.T) {
	for protocol, open := range map[string]func(e *edge){
		"gRPC": func(e *edge) { e.watching(e.Context(), "") },
		"REST": func(e *edge) { e.opened(e.Context(), nil) },
	} {
		t.Run(protocol, func(t *testing.T) {
			e := newEdge(t, "WATCHES_TENANT=1", "STREAM_PATIENCE=200ms")
			open(e)
			network := e.feeds["network"]
			large := network.change(1, strings.Repeat("x", 256<<10))
			tried := time.NewTicker(100 * time.Millisecond)
			defer tried.Stop()
			patience, cancel := context.WithTimeout(t.Context(), 15*time.Second)
			defer cancel()
			for {
				select {
				case network.next <- large:
					continue
				case <-tried.C:
				case <-patience.Done():
					t.Fatal("the place of a reader that takes nothing is not free after 15 s")
				}
				s, err := watchv1.NewWatchServiceClient(e.conn).WatchTenant(t.Context(), &watchv1.WatchTenantRequest{Name: "tenants/acme"})
				if err == nil {
					_, err = s.Recv()
				}
				if err == nil {
					return
				}
				if grpcerr.FromError(err).Reason != "TOO_MANY_WATCHES" {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestWatch_tooMany_areRefused(t *testing.T) {
	e := newEdge(t, "WATCHES_TENANT=2")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	e.watching(ctx, "")
	second, end := context.WithCancel(ctx)
	e.watching(second, "")
	got := e.do(http.MethodGet, "/v1/tenants/acme:watch", "", nil)
	if p := got.problem(t); got.status != http.StatusTooManyRequests || p["reason"] != "TOO_MANY_WATCHES" || got.header.Get("Retry-After") == "" {
		t.Errorf("the third is answered %d %v", got.status, p)
	}
	end()
	// The place is free as soon as the gateway has heard of it.
	for deadline := time.Now().Add(10 * time.Second); ; {
		s, err := watchv1.NewWatchServiceClient(e.conn).WatchTenant(ctx, &watchv1.WatchTenantRequest{Name: "tenants/acme"})
		if err == nil {
			_, err = s.Recv()
		}
		if err == nil {
			return
		}
		if grpcerr.FromError(err).Reason != "TOO_MANY_WATCHES" || time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}
