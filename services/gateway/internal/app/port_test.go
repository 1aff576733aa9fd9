package app_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	tenantv1 "github.com/low-layer/platform/gen/go/lowlayer/tenant/v1"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// withHTTP2 makes the REST client of the harness speak HTTP/2 without TLS.
func (e *edge) withHTTP2() {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &protocols}
	e.client.Transport = transport
	e.Cleanup(transport.CloseIdleConnections)
}

func TestRESTOverHTTP2(t *testing.T) {
	e := newEdge(t)
	e.withHTTP2()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.url+"/v1/tenants/acme", nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := e.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := got.Body.Close(); err != nil || got.ProtoMajor != 2 || got.StatusCode != 200 {
		t.Errorf("got %d over %s, %v", got.StatusCode, got.Proto, err)
	}
	var calls sync.WaitGroup
	for i := range 20 {
		calls.Go(func() {
			if got := e.do("GET", fmt.Sprintf("%s/vpc-%02d", vpcsPath, i), "", nil); !strings.Contains(string(got.body), fmt.Sprintf("vpc-%02d", i)) {
				t.Errorf("got %d %s", got.status, got.body)
			}
		})
	}
	calls.Wait()
	if got := e.do("POST", "/v1/tenants?tenantId=acme", `{"displayName":"`+strings.Repeat("x", 2<<20)+`"}`, nil); got.status != 413 {
		t.Errorf("got %d %s", got.status, got.body)
	}
	if got := e.do("GET", "/docs", "", nil); got.status != 200 {
		t.Errorf("got %d", got.status)
	}
}

func (e *edge) dial() net.Conn {
	e.Helper()
	c, err := (&net.Dialer{}).DialContext(e.Context(), "tcp", strings.TrimPrefix(e.url, "http://"))
	if err != nil {
		e.Fatal(err)
	}
	e.Cleanup(func() { c.Close() }) //nolint:errcheck // a test
	return c
}

// A client that sends its request in the same breath as the preface, as curl does, and one that waits for the settings
// of the server first, as gRPC's do.
func TestPort_eagerAndPatientClients_areServed(t *testing.T) {
	e := newEdge(t)
	for _, eager := range []bool{true, false} {
		for kind, want := range map[string]string{"application/json": "200", "application/grpc": "0"} {
			c := e.dial()
			framer, out := preface(t, c)
			if !eager {
				flush(t, out, c)
				if f, err := framer.ReadFrame(); err != nil || f.Header().Type != http2.FrameSettings {
					t.Fatalf("got %v, %v", f, err)
				}
				if err := framer.WriteSettingsAck(); err != nil {
					t.Fatal(err)
				}
			}
			request(t, framer, kind)
			flush(t, out, c)
			if got := answered(t, framer, out, c); got != want {
				t.Errorf("eager %v, %s: got %q", eager, kind, got)
			}
		}
	}
}

// preface begins HTTP/2 on a connection; what the framer writes waits in out.
func preface(t *testing.T, c net.Conn) (framer *http2.Framer, out *bytes.Buffer) {
	t.Helper()
	out = &bytes.Buffer{}
	out.WriteString(http2.ClientPreface)
	framer = http2.NewFramer(out, c)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if err := framer.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	return framer, out
}

func request(t *testing.T, framer *http2.Framer, kind string) {
	t.Helper()
	fields := []string{":method", "GET", ":path", "/v1/tenants/acme", ":scheme", "http", ":authority", "localhost"}
	if kind == "application/grpc" {
		fields = []string{
			":method", "POST", ":path", tenantv1.TenantService_GetTenant_FullMethodName, ":scheme", "http", ":authority", "localhost",
			"content-type", kind, "te", "trailers",
		}
	}
	var block bytes.Buffer
	e := hpack.NewEncoder(&block)
	for i := 0; i < len(fields); i += 2 {
		if err := e.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}); err != nil {
			t.Fatal(err)
		}
	}
	grpc := kind == "application/grpc"
	if err := framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: !grpc}); err != nil {
		t.Fatal(err)
	}
	if grpc {
		name := "tenants/acme"
		message := append([]byte{0, 0, 0, 0, byte(len(name) + 2), 0x0a, byte(len(name))}, name...)
		if err := framer.WriteData(1, true, message); err != nil {
			t.Fatal(err)
		}
	}
}

func flush(t *testing.T, from *bytes.Buffer, to io.Writer) {
	t.Helper()
	if _, err := from.WriteTo(to); err != nil {
		t.Fatal(err)
	}
}

// answered acknowledges every settings frame, as clients must, and reads the status of the response.
func answered(t *testing.T, framer *http2.Framer, out *bytes.Buffer, c net.Conn) string {
	t.Helper()
	status := ""
	for {
		f, err := framer.ReadFrame()
		if err != nil {
			t.Fatalf("the connection ended: %v", err)
		}
		switch f := f.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				if err := framer.WriteSettingsAck(); err != nil {
					t.Fatal(err)
				}
				flush(t, out, c)
			}
		case *http2.GoAwayFrame:
			t.Fatalf("the server went away: %v", f)
		case *http2.MetaHeadersFrame:
			for _, h := range f.Fields {
				if h.Name == "grpc-status" || h.Name == ":status" && status == "" {
					status = h.Value
				}
			}
		}
		if ended(f) {
			return status
		}
	}
}

func ended(f http2.Frame) bool {
	switch f := f.(type) {
	case *http2.MetaHeadersFrame:
		return f.StreamEnded()
	case *http2.DataFrame:
		return f.StreamEnded()
	}
	return false
}

// Connections that say nothing, or not enough, hold nothing up: neither the others nor the end.
func TestPort_silentConnection_isClosed(t *testing.T) {
	e := newEdge(t)
	for _, beginning := range []string{"", "PRI * HT", http2.ClientPreface} {
		if _, err := io.WriteString(e.dial(), beginning); err != nil {
			t.Fatal(err)
		}
	}
	if got := e.do("GET", "/v1/tenants/acme", "", nil); got.status != 200 {
		t.Errorf("got %d %s", got.status, got.body)
	}
	e.end()
}

// gRPC clients connect before they have something to ask.
func TestPort_connectionWithoutRequest_isForGRPC(t *testing.T) {
	e := newEdge(t, "READ_HEADER_TIMEOUT=50ms", "IDLE_TIMEOUT=300ms")
	c := e.dial()
	framer, out := preface(t, c)
	flush(t, out, c)
	for settings := 0; settings < 2; { // those of the port, and those of the gRPC server that has the connection now
		f, err := framer.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		if s, ok := f.(*http2.SettingsFrame); ok && !s.IsAck() {
			settings++
		}
	}
	request(t, framer, "application/grpc")
	flush(t, out, c)
	if got := answered(t, framer, out, c); got != "0" {
		t.Errorf("got %q", got)
	}
	// And not for longer than a connection may be idle.
	for {
		f, err := framer.ReadFrame()
		if err != nil {
			t.Fatalf("no GOAWAY before the end: %v", err)
		}
		if _, ok := f.(*http2.GoAwayFrame); ok {
			return
		}
	}
}
