// Package seal keeps small secrets that must lie in a database, such as a credential on its way to its owner's own
// store. A sealed value is bound to a name: copied to another row, it does not open.
//
// Open returns exactly what was sealed under the name, or an error: ErrName for a value of another name, the keeper's
// error for a wrong key or a changed byte. No error holds the secret.
package seal

import (
	"context"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"

	"gocloud.dev/secrets"
	"gocloud.dev/secrets/localsecrets"
)

// ErrName is the error of opening a value under another name than it was sealed under.
var ErrName = errors.New("the value was sealed under another name")

var errForm = errors.New("the value was not made by this package")

// form is the first byte of what is encrypted; another layout gets another one.
const form = 1

// Keeper seals and opens with one key.
type Keeper struct{ keeper *secrets.Keeper }

// Open makes the keeper a URL names, for example `base64key://` followed by 32 bytes in base64url.
func Open(ctx context.Context, keeperURL string) (*Keeper, error) {
	u, err := url.Parse(keeperURL)
	if err != nil {
		return nil, errors.New("read keeper url: it is not a URL; write it as base64key://<key>")
	}
	// localsecrets takes a missing key for the wish for a random one: nothing could be opened after a restart.
	if u.Scheme == localsecrets.Scheme && u.Host == "" {
		return nil, errors.New("read keeper url: the key is missing; put 32 random bytes in base64url after base64key://")
	}
	keeper, err := secrets.OpenKeeper(ctx, keeperURL)
	if err != nil {
		// The cause may repeat the URL, and the URL may hold the key.
		return nil, fmt.Errorf("open keeper of scheme %q: the rest of its url is not as that scheme wants it", u.Scheme)
	}
	return &Keeper{keeper: keeper}, nil
}

// Seal encrypts plain for the name. The same input sealed twice differs.
func (k *Keeper) Seal(ctx context.Context, name string, plain []byte) ([]byte, error) {
	if name == "" {
		return nil, errors.New("seal: the name is empty")
	}
	inner := make([]byte, 0, 1+binary.MaxVarintLen64+len(name)+len(plain))
	inner = append(inner, form)
	inner = binary.AppendUvarint(inner, uint64(len(name)))
	inner = append(inner, name...)
	inner = append(inner, plain...)
	sealed, err := k.keeper.Encrypt(ctx, inner)
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", name, err)
	}
	return sealed, nil
}

// Open decrypts what was sealed under the name.
func (k *Keeper) Open(ctx context.Context, name string, sealed []byte) ([]byte, error) {
	inner, err := k.keeper.Decrypt(ctx, sealed)
	if err != nil {
		return nil, fmt.Errorf("open sealed %s: %w", name, err)
	}
	owner, plain, err := split(inner)
	if err != nil {
		return nil, fmt.Errorf("open sealed %s: %w", name, err)
	}
	if subtle.ConstantTimeCompare(owner, []byte(name)) != 1 {
		return nil, fmt.Errorf("open sealed %s: %w", name, ErrName)
	}
	return plain, nil
}

// Close releases the keeper.
func (k *Keeper) Close() error {
	if err := k.keeper.Close(); err != nil {
		return fmt.Errorf("close keeper: %w", err)
	}
	return nil
}

func split(inner []byte) (name, plain []byte, err error) {
	if len(inner) == 0 || inner[0] != form {
		return nil, nil, errForm
	}
	size, n := binary.Uvarint(inner[1:])
	rest := inner[1+max(n, 0):]
	if n <= 0 || size > uint64(len(rest)) {
		return nil, nil, errForm
	}
	return rest[:size], rest[size:], nil
}
