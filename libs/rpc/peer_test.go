package rpc

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	"github.com/low-layer/platform/libs/mtls"
	"github.com/low-layer/platform/libs/mtls/mtlsca"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

func newAuthority(t *testing.T) *mtlsca.Authority {
	t.Helper()
	a, err := mtlsca.New(time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// shown is the identity of a service, and the folder that it is in.
func shown(t *testing.T, a *mtlsca.Authority, service string) (*mtls.Identity, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), service)
	if err := a.Write(dir, service, time.Hour); err != nil {
		t.Fatal(err)
	}
	i, err := mtls.Open(dir, service, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return i, dir
}

// peers is a server that responds with the caller's name.
func peers(t *testing.T, server, client *mtls.Identity) *harness {
	t.Helper()
	return start(t, options{identity: server, client: client, vpcs: &vpcs{
		get: func(ctx context.Context, r *networkv1.GetVpcRequest) (*networkv1.Vpc, error) {
			service, ok := Peer(ctx)
			if !ok {
				service = "nobody"
			}
			return &networkv1.Vpc{Name: r.GetName(), DisplayName: service}, nil
		},
	}})
}

func get(t *testing.T, conn grpc.ClientConnInterface) (string, error) {
	t.Helper()
	v, err := networkv1.NewVpcServiceClient(conn).GetVpc(t.Context(), &networkv1.GetVpcRequest{Name: vpcName})
	return v.GetDisplayName(), err
}

// TestPeer_certificate_namesTheService: a bad certificate gets no connection at all, on either side.
func TestPeer_certificate_namesTheService(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	network, _ := shown(t, ours, "network")
	tenant, tenantDir := shown(t, ours, "tenant")
	h := peers(t, network, tenant)
	if got, err := get(t, h.conn); got != "tenant" || err != nil {
		t.Fatalf("the tenant service is known as %q, %v", got, err)
	}

	stranger, _ := shown(t, theirs, "tenant")
	// It believes our authority, so that it is the server that refuses.
	half := t.TempDir()
	if err := theirs.Write(half, "tenant", time.Hour, ours); err != nil {
		t.Fatal(err)
	}
	believing, err := mtls.Open(half, "tenant", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	over, overDir := shown(t, ours, "tenant")
	if err := ours.Write(overDir, "tenant", -time.Minute); err != nil {
		t.Fatal(err)
	}
	if _, err := mtls.Open(overDir, "tenant", slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a certificate that is over was opened")
	}
	expired, err := tls.LoadX509KeyPair(filepath.Join(overDir, mtls.CertFile), filepath.Join(overDir, mtls.KeyFile))
	if err != nil {
		t.Fatal(err)
	}
	current, err := tls.LoadX509KeyPair(filepath.Join(tenantDir, mtls.CertFile), filepath.Join(tenantDir, mtls.KeyFile))
	if err != nil {
		t.Fatal(err)
	}
	raw := func(version uint16, shows ...tls.Certificate) credentials.TransportCredentials {
		return credentials.NewTLS(&tls.Config{InsecureSkipVerify: true, MaxVersion: version, Certificates: shows}) //nolint:gosec // an attacker does not look
	}
	of := func(i *mtls.Identity, service string) credentials.TransportCredentials {
		c, err := i.Client(service)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for name, c := range map[string]struct {
		creds credentials.TransportCredentials
		known string
	}{
		"the tenant service":               {of(tenant, "network"), "tenant"},
		"the same by hand":                 {raw(tls.VersionTLS13, current), "tenant"},
		"what was good when it was read":   {of(over, "network"), "tenant"},
		"nothing":                          {raw(tls.VersionTLS13), ""},
		"plain text":                       {insecure.NewCredentials(), ""},
		"an old TLS":                       {raw(tls.VersionTLS12, current), ""},
		"another authority's":              {of(stranger, "network"), ""},
		"another's, which believes ours":   {of(believing, "network"), ""},
		"one that is over":                 {raw(tls.VersionTLS13, expired), ""},
		"a server that is another service": {of(tenant, "bastion"), ""},
	} {
		conn, err := grpc.NewClient("passthrough:///"+h.server.Addr(), grpc.WithTransportCredentials(c.creds))
		if err != nil {
			t.Fatal(err)
		}
		got, err := get(t, conn)
		if got != c.known || (c.known == "") != (status.Code(err) == codes.Unavailable) {
			t.Errorf("%s: known as %q, %v", name, got, err)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestPeer_noIdentity_isUnknown(t *testing.T) {
	if got, err := get(t, peers(t, nil, nil).conn); got != "nobody" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestPeer_badIdentity_isRefused(t *testing.T) {
	a, b := newAuthority(t), newAuthority(t)
	whole := func() string { _, dir := shown(t, a, "tenant"); return dir }
	other := whole()
	for name, c := range map[string]struct {
		service string
		spoil   func(dir string) error
	}{
		"another service's":  {"network", func(string) error { return nil }},
		"no certificate":     {"tenant", func(dir string) error { return os.Remove(filepath.Join(dir, mtls.CertFile)) }},
		"no key":             {"tenant", func(dir string) error { return os.Remove(filepath.Join(dir, mtls.KeyFile)) }},
		"no authority":       {"tenant", func(dir string) error { return os.Remove(filepath.Join(dir, mtls.AuthorityFile)) }},
		"an empty authority": {"tenant", func(dir string) error { return os.WriteFile(filepath.Join(dir, mtls.AuthorityFile), nil, 0o600) }},
		"another's key": {"tenant", func(dir string) error {
			return os.Rename(filepath.Join(other, mtls.KeyFile), filepath.Join(dir, mtls.KeyFile))
		}},
		"another authority": {"tenant", func(dir string) error {
			_, from := shown(t, b, "tenant")
			return os.Rename(filepath.Join(from, mtls.AuthorityFile), filepath.Join(dir, mtls.AuthorityFile))
		}},
	} {
		dir := whole()
		if err := c.spoil(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := mtls.Open(dir, c.service, slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("%s: it was opened", name)
		}
	}
}

// TestPeer_rotation_keepsCalls changes the authority of two services in the order that the package gives, with a
// half-written folder in between, while calls go on over connections that are made anew for each.
func TestPeer_rotation_keepsCalls(t *testing.T) {
	before, after := newAuthority(t), newAuthority(t)
	network, networkDir := shown(t, before, "network")
	tenant, tenantDir := shown(t, before, "tenant")
	h := peers(t, network, tenant)
	creds, err := tenant.Client("network")
	if err != nil {
		t.Fatal(err)
	}
	var calls atomic.Int64
	once := func() error {
		conn, err := grpc.NewClient("passthrough:///"+h.server.Addr(), grpc.WithTransportCredentials(creds))
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }()
		calls.Add(1)
		if got, err := get(t, conn); got != "tenant" || err != nil {
			return fmt.Errorf("known as %q: %w", got, err)
		}
		return nil
	}
	ctx, stop := context.WithCancel(t.Context())
	var load sync.WaitGroup
	for range 4 {
		load.Go(func() {
			for ctx.Err() == nil {
				if err := once(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	some := func() { // calls that began after now
		for from := calls.Load(); calls.Load() < from+20 && !t.Failed(); {
			if err := once(); err != nil {
				t.Error(err)
			}
		}
	}
	write := func(a *mtlsca.Authority, dir, service string, also ...*mtlsca.Authority) {
		if err := a.Write(dir, service, time.Hour, also...); err != nil {
			t.Error(err)
		}
		some()
	}
	some()
	write(before, networkDir, "network", after)
	write(before, tenantDir, "tenant", after)
	write(after, networkDir, "network", before)
	if err := os.WriteFile(filepath.Join(tenantDir, mtls.KeyFile), []byte("half"), 0o600); err != nil {
		t.Error(err)
	}
	some()
	write(after, tenantDir, "tenant", before)
	write(after, networkDir, "network")
	write(after, tenantDir, "tenant")
	stop()
	load.Wait()
	svid, err := tenant.GetX509SVID()
	if err != nil || svid.Certificates[0].CheckSignatureFrom(after.Certificate()) != nil {
		t.Errorf("the certificate is not the new authority's: %v, %v", svid, err)
	}
	old, _ := shown(t, before, "tenant")
	if creds, err = old.Client("network"); err != nil {
		t.Fatal(err)
	}
	if err := once(); err == nil {
		t.Error("the old authority is still believed")
	}
	t.Logf("%d calls", calls.Load())
}
