// Package mtls shows the services of a platform to one another by certificates.
//
// A service has a folder with `tls.crt`, `tls.key` and `ca.crt` in PEM, as cert-manager and Kubernetes lay them out. Its
// certificate is an X.509-SVID: the one URI in it, such as `spiffe://lowlayer.example.com/network`, says which
// service it is, and host names say nothing. Both ends of a connection show one, of the same trust domain and signed by
// an authority in `ca.crt`, over TLS 1.3.
//
// The files are looked at before each handshake, so new certificates and authorities need no restart. While what
// lies there cannot be used, as in the middle of a change, what was read last goes on. To change the authority, have
// both in every `ca.crt` until all certificates are of the new one.
package mtls

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spiffe/go-spiffe/v2/bundle/x509bundle"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/spiffetls/tlsconfig"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
	"google.golang.org/grpc/credentials"
)

// The files of a folder.
const (
	CertFile      = "tls.crt"
	KeyFile       = "tls.key"
	AuthorityFile = "ca.crt"
)

// Identity is a service's certificate and the authorities it trusts. It is safe for concurrent use.
type Identity struct {
	dir, service string
	logger       *slog.Logger

	mu     sync.Mutex
	seen   [3]stamp
	svid   *x509svid.SVID
	bundle *x509bundle.Bundle
}

// stamp identifies one state of a file.
type stamp struct {
	size     int64
	modified time.Time
	resolved string
}

// Open reads the identity of a service from its folder. It fails for files that are missing, do not belong together, are of
// another service, or out of date.
func Open(dir, service string, logger *slog.Logger) (*Identity, error) {
	i := &Identity{dir: dir, service: service, logger: logger}
	i.seen, _ = i.look()
	var err error
	i.svid, i.bundle, err = i.read()
	return i, err
}

func (i *Identity) path(file string) string { return filepath.Join(i.dir, file) }

// look returns the state of the files. Kubernetes changes them all at once by a link, which resolved shows.
func (i *Identity) look() (out [3]stamp, err error) {
	for n, file := range [...]string{CertFile, KeyFile, AuthorityFile} {
		var info fs.FileInfo
		if info, err = os.Stat(i.path(file)); err != nil {
			return out, err
		}
		resolved, err := filepath.EvalSymlinks(i.path(file))
		if err != nil {
			return out, err
		}
		out[n] = stamp{info.Size(), info.ModTime(), resolved}
	}
	return out, nil
}

func (i *Identity) read() (*x509svid.SVID, *x509bundle.Bundle, error) {
	svid, err := x509svid.Load(i.path(CertFile), i.path(KeyFile))
	if err != nil {
		return nil, nil, fmt.Errorf("read the certificate of %s: %w", i.service, err)
	}
	if svid.ID.Path() != "/"+i.service {
		return nil, nil, fmt.Errorf("the certificate in %s is that of %s; one of %s is needed", i.dir, svid.ID, i.service) //nolint:err113 // for the operator
	}
	bundle, err := x509bundle.Load(svid.ID.TrustDomain(), i.path(AuthorityFile))
	if err != nil {
		return nil, nil, fmt.Errorf("read the authorities of %s: %w", i.service, err)
	}
	if _, _, err := x509svid.Verify(svid.Certificates, bundle); err != nil {
		return nil, nil, fmt.Errorf("the certificate in %s is not good by the %s beside it: %w", i.dir, AuthorityFile, err)
	}
	return svid, bundle, nil
}

// current returns the certificate and authorities of now.
func (i *Identity) current() (*x509svid.SVID, *x509bundle.Bundle) {
	i.mu.Lock()
	defer i.mu.Unlock()
	now, err := i.look()
	if err == nil && now == i.seen {
		return i.svid, i.bundle
	}
	svid, bundle, e := i.read()
	if err = errors.Join(err, e); err != nil {
		i.logger.Warn("the certificates cannot be used; those before go on", "directory", i.dir, "error", err)
		return i.svid, i.bundle
	}
	i.seen, i.svid, i.bundle = now, svid, bundle
	i.logger.Info("certificates were read again", "directory", i.dir, "until", svid.Certificates[0].NotAfter)
	return svid, bundle
}

// GetX509SVID returns the service's certificate.
func (i *Identity) GetX509SVID() (*x509svid.SVID, error) {
	svid, _ := i.current()
	return svid, nil
}

// GetX509BundleForTrustDomain returns the trusted authorities.
func (i *Identity) GetX509BundleForTrustDomain(td spiffeid.TrustDomain) (*x509bundle.Bundle, error) {
	_, bundle := i.current()
	return bundle.GetX509BundleForTrustDomain(td)
}

func (i *Identity) trustDomain() spiffeid.TrustDomain {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.svid.ID.TrustDomain()
}

// Server are the credentials of a server for the services of its trust domain.
func (i *Identity) Server() credentials.TransportCredentials {
	cfg := tlsconfig.MTLSServerConfig(i, i, tlsconfig.AuthorizeMemberOf(i.trustDomain()))
	cfg.MinVersion = tls.VersionTLS13
	cfg.SessionTicketsDisabled = true // certificates are looked at in each handshake
	return credentials.NewTLS(cfg)
}

// Client are the credentials of a client of one service of its trust domain.
func (i *Identity) Client(service string) (credentials.TransportCredentials, error) {
	id, err := spiffeid.FromSegments(i.trustDomain(), service)
	if err != nil {
		return nil, fmt.Errorf("call the service %q: %w", service, err)
	}
	cfg := tlsconfig.MTLSClientConfig(i, i, tlsconfig.AuthorizeID(id))
	cfg.MinVersion = tls.VersionTLS13
	return credentials.NewTLS(cfg), nil
}

// Service is the service at the other end of a connection, and false when none showed itself.
func Service(info credentials.AuthInfo) (string, bool) {
	tlsInfo, ok := info.(credentials.TLSInfo)
	if !ok || tlsInfo.SPIFFEID == nil {
		return "", false
	}
	return strings.CutPrefix(tlsInfo.SPIFFEID.Path, "/")
}
