package sim

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// key signs tokens of a realm. DER is the private key, for snapshots.
type key struct {
	ID       string
	DER      []byte
	Priority int
	// Active keys sign; passive ones only verify; disabled ones are not shown.
	Active, Enabled bool
	private         *rsa.PrivateKey
}

const keyBits = 2048

func newKey(priority int) (*key, error) {
	private, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, fmt.Errorf("generate key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("encode key: %w", err)
	}
	return &key{ID: encode(random(24)), DER: der, Priority: priority, Active: true, Enabled: true, private: private}, nil
}

// load makes a key of a snapshot usable.
func (k *key) load() (*rsa.PrivateKey, error) {
	if k.private == nil {
		any, err := x509.ParsePKCS8PrivateKey(k.DER)
		if err != nil {
			return nil, fmt.Errorf("read key: %w", err)
		}
		private, ok := any.(*rsa.PrivateKey)
		if !ok {
			return nil, errors.New("read key: it is no RSA key")
		}
		k.private = private
	}
	return k.private, nil
}

// signer is the active key of the highest priority, the newest of several.
func (r *realm) signer() *key {
	var best *key
	for _, k := range r.Keys {
		if k.Active && k.Enabled && (best == nil || k.Priority >= best.Priority) {
			best = k
		}
	}
	return best
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func segment(v any) (string, error) {
	b, err := json.Marshal(v)
	return encode(b), err
}

// signRS256 makes an access or ID token.
func (r *realm) signRS256(claims object) (string, error) {
	k := r.signer()
	if k == nil {
		return "", errors.New("the realm has no active key")
	}
	private, err := k.load()
	if err != nil {
		return "", err
	}
	head, err1 := segment(object{"alg": "RS256", "typ": "JWT", "kid": k.ID})
	body, err2 := segment(claims)
	if err := errors.Join(err1, err2); err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(head + "." + body))
	sig, err := rsa.SignPKCS1v15(rand.Reader, private, crypto.SHA256, sum[:])
	if err != nil {
		return "", err
	}
	return head + "." + body + "." + encode(sig), nil
}

// signHS512 makes a refresh token, which only the realm itself can check.
func (r *realm) signHS512(claims object) (string, error) {
	head, err1 := segment(object{"alg": "HS512", "typ": "JWT", "kid": "refresh"})
	body, err2 := segment(claims)
	if err := errors.Join(err1, err2); err != nil {
		return "", err
	}
	mac := hmac.New(sha512.New, r.HMAC)
	mac.Write([]byte(head + "." + body))
	return head + "." + body + "." + encode(mac.Sum(nil)), nil
}

// open checks a token of the realm, of either kind, and returns its claims.
func (s *Sim) open(r *realm, token string) (object, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, errors.New("not a token")
	}
	var head struct{ Alg, Kid string }
	var claims object
	rawHead, err1 := base64.RawURLEncoding.DecodeString(parts[0])
	rawBody, err2 := base64.RawURLEncoding.DecodeString(parts[1])
	sig, err3 := base64.RawURLEncoding.DecodeString(parts[2])
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	if err := errors.Join(json.Unmarshal(rawHead, &head), json.Unmarshal(rawBody, &claims)); err != nil {
		return nil, err
	}
	if err := r.verify(head.Alg, head.Kid, parts[0]+"."+parts[1], sig); err != nil {
		return nil, err
	}
	if exp := time.Unix(int64(number(claims, "exp", 0)), 0); !s.now().Before(exp) {
		return nil, errors.New("token is expired")
	}
	return claims, nil
}

func (r *realm) verify(alg, kid, signed string, sig []byte) error {
	switch alg {
	case "HS512":
		mac := hmac.New(sha512.New, r.HMAC)
		mac.Write([]byte(signed))
		if hmac.Equal(mac.Sum(nil), sig) {
			return nil
		}
	case "RS256":
		for _, k := range r.Keys {
			if k.ID != kid || !k.Enabled {
				continue
			}
			private, err := k.load()
			if err != nil {
				return err
			}
			sum := sha256.Sum256([]byte(signed))
			return rsa.VerifyPKCS1v15(&private.PublicKey, crypto.SHA256, sum[:], sig)
		}
	}
	return errors.New("signature is wrong")
}

// jwks is the public half of every key that is not disabled.
func (r *realm) jwks() (object, error) {
	keys := []any{}
	for _, k := range r.Keys {
		if !k.Enabled {
			continue
		}
		private, err := k.load()
		if err != nil {
			return nil, err
		}
		keys = append(keys, object{
			"kid": k.ID, "kty": "RSA", "alg": "RS256", "use": "sig",
			"n": encode(private.N.Bytes()), "e": encode(big.NewInt(int64(private.E)).Bytes()),
		})
	}
	return object{"keys": keys}, nil
}

// RotateKey gives a realm a new signing key; tokens of the old one still verify.
func (s *Sim) RotateKey(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.st.Realms[name]
	if r == nil {
		return fmt.Errorf("there is no realm %q", name)
	}
	k, err := newKey(200)
	if err != nil {
		return err
	}
	r.Keys = append(r.Keys, k)
	return nil
}
