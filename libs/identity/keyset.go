package identity

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/go-jose/go-jose/v4"
)

const (
	// maxKeys bounds a key set; issuers have two or three.
	maxKeys = 64
	// minRSA is the shortest RSA key that is believed, in bits.
	minRSA = 2048
	// maxRSA keeps a key from making each verification slow.
	maxRSA = 8192
)

// key is one of the issuer's public keys.
type key struct {
	public any
	// algorithm is the only one it is for; empty when the issuer does not say.
	algorithm jose.SignatureAlgorithm
	// print identifies a key whatever its name.
	print string
}

// keySet are the issuer's keys by name. It does not change once made.
type keySet map[string]*key

var errNoKeys = errors.New("the issuer's key set holds no key that can be used")

// readKeys reads a JWK set. Keys that cannot verify a token (secret ones, those for encryption, weak or unknown ones) are left
// out, as RFC 7517 asks; of two with one name the first stands. Keys that were known before stay the same objects.
func readKeys(data []byte, before keySet) (keySet, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(data, &set); err != nil {
		return nil, fmt.Errorf("read the issuer's key set: %w", err)
	}
	out := make(keySet)
	for _, raw := range set.Keys[:min(len(set.Keys), maxKeys)] {
		name, k := readKey(raw)
		if k == nil || out[name] != nil {
			continue
		}
		if known := before[name]; known != nil && known.print == k.print {
			k = known
		}
		out[name] = k
	}
	if len(out) == 0 {
		return nil, errNoKeys
	}
	return out, nil
}

func readKey(raw []byte) (string, *key) {
	var j jose.JSONWebKey
	if j.UnmarshalJSON(raw) != nil || j.KeyID == "" || len(j.KeyID) > maxKeyID || (j.Use != "" && j.Use != "sig") {
		return "", nil
	}
	algorithm := jose.SignatureAlgorithm(j.Algorithm)
	if algorithm != "" && !slices.Contains(algorithms, algorithm) {
		return "", nil
	}
	switch public := j.Key.(type) {
	case *rsa.PublicKey:
		if bits := public.N.BitLen(); bits < minRSA || bits > maxRSA {
			return "", nil
		}
	case *ecdsa.PublicKey, ed25519.PublicKey:
	default: // secrets and private keys
		return "", nil
	}
	return j.KeyID, &key{public: j.Key, algorithm: algorithm, print: string(raw)}
}
