package faultproxy_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/low-layer/platform/tools/stack/faultproxy"
)

// echo returns every line.
func echo(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(conn, conn)
				_ = conn.Close()
			}()
		}
	}()
	return listener.Addr().String()
}

func dial(t *testing.T, address string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn, bufio.NewReader(conn)
}

func say(t *testing.T, conn net.Conn, r *bufio.Reader, within time.Duration) (string, error) {
	t.Helper()
	if _, err := io.WriteString(conn, "hello\n"); err != nil {
		return "", err
	}
	if err := conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		t.Fatal(err)
	}
	return r.ReadString('\n')
}

func TestFaults(t *testing.T) {
	p := faultproxy.Start(t)
	p.To(echo(t))
	conn, r := dial(t, p.Address())
	expect := func(within time.Duration, want error) {
		t.Helper()
		got, err := say(t, conn, r, within)
		if !errors.Is(err, want) || (want == nil && got != "hello\n") {
			t.Fatalf("got %q, %v, want %v", got, err, want)
		}
	}
	expect(time.Minute, nil)

	p.Delay(50 * time.Millisecond)
	began := time.Now()
	expect(time.Minute, nil)
	if took := time.Since(began); took < 100*time.Millisecond {
		t.Errorf("there and back took %s", took)
	}

	p.Hold()
	expect(20*time.Millisecond, os.ErrDeadlineExceeded)
	p.Pass()
	if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if got, err := r.ReadString('\n'); got != "hello\n" || err != nil {
		t.Fatalf("what was held: %q, %v", got, err)
	}

	p.Cut()
	if _, err := say(t, conn, r, time.Minute); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) && !errors.Is(err, io.EOF) {
		t.Fatalf("after a cut: %v", err)
	}
	if fresh, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", p.Address()); err == nil { // the reset may come at once
		if _, err := say(t, fresh, bufio.NewReader(fresh), time.Minute); err == nil {
			t.Fatal("a new connection passes a cut edge")
		}
		_ = fresh.Close()
	}
	p.Pass()
	conn, r = dial(t, p.Address())
	expect(time.Minute, nil)
}
