package identity

import "crypto/sha256"

// ReadKeys reads a key set as the issuer sends it.
func (v *Verifier) ReadKeys(data []byte) error {
	_, err := readKeys(data, nil)
	return err
}

// Cached counts the tokens that are remembered.
func (v *Verifier) Cached() int { return len(v.cache.entries) }

// MaxCached bounds them.
const MaxCached = maxCached

// Remember puts a token into the cache.
func (v *Verifier) Remember(token string, p *Principal) {
	v.cache.put(sha256.Sum256([]byte(token)), entry{principal: p}, v.cfg.Clock.Now())
}

// Forget empties the cache.
func (v *Verifier) Forget() { v.cache = newCache() }
