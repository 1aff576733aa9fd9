package receipt

import "fmt"

// Ring is the keys of one service: its signing key, and its earlier keys, which stay listed for as long as receipts of
// theirs exist.
type Ring struct {
	// Signer is nil when the service signs nothing, which is for tests.
	Signer *Signer
	Old    []Key
}

// NewRing reads the settings of a service: its private key, and further public keys, both PEM. Without a private key
// nothing is signed.
func NewRing(private, old string) (Ring, error) {
	var r Ring
	var err error
	if private != "" {
		if r.Signer, err = NewSigner(private); err != nil {
			return Ring{}, fmt.Errorf("the key of receipts %w", err)
		}
	}
	if r.Old, err = ParseKeys(old); err != nil {
		return Ring{}, fmt.Errorf("the old keys of receipts: %w", err)
	}
	return r, nil
}

// Keys are all keys, the present one first.
func (r Ring) Keys() []Key {
	var keys []Key
	if r.Signer != nil {
		keys = append(keys, r.Signer.Key())
	}
	for _, k := range r.Old {
		if r.Signer == nil || k.ID != r.Signer.Key().ID {
			keys = append(keys, k)
		}
	}
	return keys
}
