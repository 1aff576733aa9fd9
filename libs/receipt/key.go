package receipt

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

const (
	privateBlock = "PRIVATE KEY"
	publicBlock  = "PUBLIC KEY"
)

// Key is a public key.
type Key struct {
	// ID is its RFC 7638 thumbprint.
	ID     string
	Public ed25519.PublicKey
}

// newKey names a key after itself: the thumbprint of its JWK form (RFC 8037).
func newKey(public ed25519.PublicKey) Key {
	// The order of the members is that of the RFC, and the text is ASCII without anything to escape.
	jwk := `{"crv":"Ed25519","kty":"OKP","x":"` + base64.RawURLEncoding.EncodeToString(public) + `"}`
	sum := sha256.Sum256([]byte(jwk))
	return Key{ID: base64.RawURLEncoding.EncodeToString(sum[:]), Public: public}
}

// PEM is the key in its SubjectPublicKeyInfo form.
func (k Key) PEM() (string, error) {
	der, err := x509.MarshalPKIXPublicKey(k.Public)
	if err != nil {
		return "", fmt.Errorf("write public key: %w", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: publicBlock, Bytes: der})), nil
}

// ParseKeys reads public keys, one PEM block after the other; none is no error.
func ParseKeys(text string) ([]Key, error) {
	var keys []Key
	for rest := []byte(text); strings.TrimSpace(string(rest)) != ""; {
		block, after := pem.Decode(rest)
		if block == nil || block.Type != publicBlock {
			return nil, errors.New("must be PEM blocks of type PUBLIC KEY; make one with: openssl pkey -pubout")
		}
		parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
		public, ok := parsed.(ed25519.PublicKey)
		if err != nil || !ok {
			return nil, errors.New("holds a key that is not Ed25519")
		}
		keys, rest = append(keys, newKey(public)), after
	}
	return keys, nil
}

// Signer signs receipts.
type Signer struct {
	private ed25519.PrivateKey
	key     Key
}

// NewSigner reads a private key: PEM of PKCS#8. Its errors say nothing of the key.
func NewSigner(text string) (*Signer, error) {
	block, rest := pem.Decode([]byte(text))
	if block == nil || block.Type != privateBlock || strings.TrimSpace(string(rest)) != "" {
		return nil, errors.New("must be one PEM block of type PRIVATE KEY; make one with: openssl genpkey -algorithm ed25519")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	private, ok := parsed.(ed25519.PrivateKey)
	if err != nil || !ok {
		return nil, errors.New("is no Ed25519 key; make one with: openssl genpkey -algorithm ed25519")
	}
	public, ok := private.Public().(ed25519.PublicKey)
	if !ok {
		return nil, errors.New("is no Ed25519 key")
	}
	return &Signer{private: private, key: newKey(public)}, nil
}

// Key is the public key of the signer.
func (s *Signer) Key() Key { return s.key }

// Sign writes a receipt and signs what was written.
func (s *Signer) Sign(r Receipt) (Envelope, error) {
	if r.Objects == nil {
		r.Objects = []Object{}
	}
	payload, err := json.Marshal(r)
	if err != nil {
		return Envelope{}, fmt.Errorf("write receipt: %w", err)
	}
	return s.Seal(PayloadType, payload), nil
}

// Seal signs a payload of any type as it is.
func (s *Signer) Seal(payloadType string, payload []byte) Envelope {
	sig := ed25519.Sign(s.private, Encode(payloadType, payload))
	return Envelope{Payload: payload, PayloadType: payloadType, Signatures: []Signature{{KeyID: s.key.ID, Sig: sig}}}
}

// GenerateKey makes a private key, as PEM of PKCS#8.
func GenerateKey() (string, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", fmt.Errorf("make key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return "", fmt.Errorf("write key: %w", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: privateBlock, Bytes: der})), nil
}
