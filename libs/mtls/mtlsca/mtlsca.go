// Package mtlsca is an authority that gives services their certificates, for sandboxes and tests. In production cert-manager
// or another authority of yours does.
package mtlsca

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/low-layer/platform/libs/mtls"
)

// TrustDomain is that of the identities.
const TrustDomain = "sandbox.lowlayer.test"

// leeway is how far clocks may be apart.
const leeway = time.Minute

// Authority signs certificates. Its key is nowhere but in memory.
type Authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

// New makes an authority that is good for so long.
func New(lifetime time.Duration) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the key of an authority: %w", err)
	}
	template, err := certificate("LOW-LAYER services", lifetime)
	if err != nil {
		return nil, err
	}
	template.IsCA, template.KeyUsage = true, x509.KeyUsageCertSign
	template.URIs = []*url.URL{{Scheme: "spiffe", Host: TrustDomain}}
	a := &Authority{key: key}
	a.cert, err = sign(template, template, key, key)
	return a, err
}

// Read returns the authorities of a file in PEM that were made after a time. They have no keys and sign nothing: they are for
// the last argument of Write.
func Read(file string, after time.Time) ([]*Authority, error) {
	rest, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read authorities: %w", err)
	}
	var out []*Authority
	for {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			return out, nil
		}
		cert, err := x509.ParseCertificate(b.Bytes)
		if err != nil {
			return nil, fmt.Errorf("read authorities of %s: %w", file, err)
		}
		if cert.NotBefore.After(after) {
			out = append(out, &Authority{cert: cert})
		}
	}
}

// Certificate is the authority's own.
func (a *Authority) Certificate() *x509.Certificate { return a.cert }

func certificate(name string, lifetime time.Duration) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)) //nolint:mnd // bits of a serial number
	if err != nil {
		return nil, fmt.Errorf("make a serial number: %w", err)
	}
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-leeway), NotAfter: now.Add(lifetime),
		BasicConstraintsValid: true,
	}, nil
}

func sign(template, parent *x509.Certificate, of, by *ecdsa.PrivateKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &of.PublicKey, by)
	if err != nil {
		return nil, fmt.Errorf("sign a certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read a certificate: %w", err)
	}
	return cert, nil
}

// Write makes a service's folder, with a new certificate that is good for so long. It believes this authority and those
// given; a negative lifetime makes one that is over.
func (a *Authority) Write(dir, service string, lifetime time.Duration, also ...*Authority) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make the key of %s: %w", service, err)
	}
	template, err := certificate(service, lifetime)
	if err != nil {
		return err
	}
	if lifetime < 0 {
		template.NotBefore = template.NotAfter.Add(-leeway)
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	template.URIs = []*url.URL{{Scheme: "spiffe", Host: TrustDomain, Path: "/" + service}}
	// For tools such as grpcurl, which look at names of hosts.
	template.DNSNames, template.IPAddresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback} //nolint:mnd // loopback
	cert, err := sign(template, a.cert, key, a.key)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("write the key of %s: %w", service, err)
	}
	var authorities []byte
	for _, authority := range slices.Concat([]*Authority{a}, also) {
		authorities = append(authorities, block("CERTIFICATE", authority.cert.Raw)...)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the folder of %s: %w", service, err)
	}
	for file, data := range map[string][]byte{
		mtls.AuthorityFile: authorities, mtls.CertFile: block("CERTIFICATE", cert.Raw), mtls.KeyFile: block("PRIVATE KEY", secret),
	} {
		if err := replace(filepath.Join(dir, file), data); err != nil {
			return fmt.Errorf("write the certificate of %s: %w", service, err)
		}
	}
	return nil
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func replace(path string, data []byte) error {
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
