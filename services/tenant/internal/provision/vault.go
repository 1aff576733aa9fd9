package provision

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/low-layer/platform/libs/clock"
	"github.com/low-layer/platform/services/tenant/internal/core/tenancy"
)

// Sealer encrypts small secrets, bound to a name.
type Sealer interface {
	Seal(ctx context.Context, name string, plain []byte) ([]byte, error)
	Open(ctx context.Context, name string, sealed []byte) ([]byte, error)
}

// SecretStore keeps sealed secrets.
type SecretStore interface {
	Password(ctx context.Context, organisationUID string) ([]byte, error)
	KeepPassword(ctx context.Context, organisationUID string, sealed []byte) ([]byte, error)
	Credential(ctx context.Context, organisationUID string, generation int64) (tenancy.SealedCredential, bool, error)
	KeepCredential(ctx context.Context, organisationUID string, c tenancy.SealedCredential) (tenancy.SealedCredential, error)
	UseCredential(ctx context.Context, organisationUID string, generation int64, id string, roles []string) error
}

// Vault makes the secrets of organisations and keeps them sealed. It promises that a secret is stored before anybody gets
// it, and that asking twice returns the same one.
type Vault struct {
	seal     Sealer
	store    SecretStore
	clock    clock.Clock
	lifetime time.Duration
}

// NewVault makes a vault whose credentials live as long as lifetime.
func NewVault(seal Sealer, store SecretStore, c clock.Clock, lifetime time.Duration) *Vault {
	return &Vault{seal: seal, store: store, clock: c, lifetime: lifetime}
}

// Secret is an application credential's secret and its end.
type Secret struct {
	Value   string
	Expires time.Time
}

// String hides the value.
func (s Secret) String() string {
	return fmt.Sprintf("a secret until %s", s.Expires.Format(time.RFC3339))
}

// GoString hides the value from %#v.
func (s Secret) GoString() string { return s.String() }

// Password returns the password of an organisation's service user, making it at the first time.
func (v *Vault) Password(ctx context.Context, organisationUID string) (string, error) {
	name := "service_user/" + organisationUID
	sealed, err := v.store.Password(ctx, organisationUID)
	if err != nil {
		return "", err
	}
	if sealed == nil {
		fresh, err := v.seal.Seal(ctx, name, []byte(random()))
		if err != nil {
			return "", err
		}
		if sealed, err = v.store.KeepPassword(ctx, organisationUID, fresh); err != nil {
			return "", err
		}
	}
	plain, err := v.seal.Open(ctx, name, sealed)
	return string(plain), err
}

// Credential returns the secret of a generation, making it at the first time, and anew once it has expired.
func (v *Vault) Credential(ctx context.Context, organisationUID string, generation int64) (Secret, error) {
	name := fmt.Sprintf("credential/%s/%d", organisationUID, generation)
	kept, found, err := v.store.Credential(ctx, organisationUID, generation)
	if err != nil {
		return Secret{}, err
	}
	now := v.clock.Now().Truncate(time.Second) // Keystone keeps whole seconds in some releases
	if !found || !kept.ExpireTime.After(now) {
		sealed, err := v.seal.Seal(ctx, name, []byte(random()))
		if err != nil {
			return Secret{}, err
		}
		kept, err = v.store.KeepCredential(ctx, organisationUID, tenancy.SealedCredential{
			Generation: generation, Secret: sealed, CreateTime: now, ExpireTime: now.Add(v.lifetime),
		})
		if err != nil {
			return Secret{}, err
		}
	}
	plain, err := v.seal.Open(ctx, name, kept.Secret)
	if err != nil {
		return Secret{}, err
	}
	return Secret{Value: string(plain), Expires: kept.ExpireTime}, nil
}

// Use puts a generation in use, under the id the cloud gave it and with the roles it gives.
func (v *Vault) Use(ctx context.Context, organisationUID string, generation int64, id string, roles []string) error {
	return v.store.UseCredential(ctx, organisationUID, generation, id, roles)
}

// random is 256 bits in characters of every class, as the stricter password rules of Keystone want them.
func random() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:]) + "-aA1!"
}
