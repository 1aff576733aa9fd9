package stack

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/low-layer/platform/libs/access"
	"github.com/low-layer/platform/libs/event"
	"github.com/low-layer/platform/libs/mtls"
	"github.com/low-layer/platform/libs/mtls/mtlsca"
	"github.com/low-layer/platform/libs/realm"
	"github.com/low-layer/platform/libs/registry"
)

// Password is that of the identity simulator's users: it listens on loopback only.
const Password = "sandbox-password"

// OperatorEmail is the user who operates the platform of a sandbox.
const OperatorEmail = "operator@lowlayer.test"

// Issuer is the issuer of the stack's tokens; empty when it has no identity provider.
func (s *Stack) Issuer() string {
	if !s.opts.Identity {
		return ""
	}
	return realm.Issuer(s.identityURL(), realm.Name)
}

func (s *Stack) identityURL() string { return "http://" + s.opts.Addresses.Identity }

func (s *Stack) secretFile() string { return filepath.Join(s.opts.Dir, "keycloak.secret") }

// TLSDir is the folder with the certificate of a service, or of access.Operator, with which a person calls services by hand.
func (s *Stack) TLSDir(service string) string { return filepath.Join(s.opts.Dir, "tls", service) }

// certificateLifetime is longer than any sandbox runs without a restart.
const certificateLifetime = 365 * 24 * time.Hour

// trustAfterRestart is how long the authority of an earlier start is trusted: events that it signed may wait for that long.
const trustAfterRestart = 2 * event.Retention

// writeSecrets makes the secret of the tenant service's client, once, and the certificates of the services anew.
func (s *Stack) writeSecrets() error {
	if _, err := os.Stat(s.secretFile()); err != nil {
		if err := os.WriteFile(s.secretFile(), []byte(rand.Text()+rand.Text()+"\n"), 0o600); err != nil {
			return fmt.Errorf("write a secret of the stack: %w", err)
		}
	}
	authority, err := mtlsca.New(certificateLifetime)
	if err != nil {
		return err
	}
	earlier, err := mtlsca.Read(filepath.Join(s.TLSDir(access.Operator), mtls.AuthorityFile), time.Now().Add(-trustAfterRestart))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, service := range append(registry.Names(registry.All()), access.Operator) {
		if err := authority.Write(s.TLSDir(service), service, certificateLifetime, earlier...); err != nil {
			return err
		}
	}
	return nil
}

// access has a service authenticate its callers.
func (s *Stack) access(name, prefix string) []string {
	if !s.opts.Identity {
		return nil
	}
	return []string{prefix + "ISSUER=" + s.Issuer(), prefix + "TLS_DIR=" + s.TLSDir(name)}
}

// identity is the identity simulator; it is ready once its realm and users are made.
func (s *Stack) identity() *part {
	args := []string{
		"serve", "--listen", s.opts.Addresses.Identity, "--state", filepath.Join(s.opts.Dir, "identitysim.json"),
		"--tenant-secret-file", s.secretFile(), "--password", Password,
		"--user", OperatorEmail + "=/" + realm.Platform + "/" + realm.Operator,
	}
	for _, u := range s.opts.Users {
		args = append(args, "--user", u)
	}
	return s.newPart("identitysim", s.bin("identitysim"), []string{s.opts.Addresses.Identity}, args, nil, s.knowsRealm)
}

func (s *Stack) knowsRealm(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.identityURL()+"/_sim/ready", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	if err := resp.Body.Close(); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the identity simulator responds with %s", resp.Status)
	}
	return nil
}

// directory is what the tenant service needs to manage members.
func (s *Stack) directory() []string {
	if !s.opts.Identity {
		return nil
	}
	return []string{
		"LOWLAYER_TENANT_KEYCLOAK_URL=" + s.identityURL(), "LOWLAYER_TENANT_KEYCLOAK_CLIENT_SECRET_FILE=" + s.secretFile(),
	}
}
