package identity

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json" // refuses repeated names and takes them in their own case only
)

const (
	// maxToken bounds what is looked at; the headers of a request hold no more than four times as much.
	maxToken = 8 << 10
	// maxHeader bounds a token's header: three short fields.
	maxHeader = 1 << 10
	// maxKeyID bounds the name of a key.
	maxKeyID = 256
)

// algorithms are those a token may be signed with. None is symmetric: a secret that verifies can also sign.
var algorithms = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

// header is the part of a token's header that counts. All other members (`crit`, `jku`, `jwk`, `x5u`, `x5c`, `b64`,
// `zip`) would let the token choose how it is verified.
type header struct {
	Algorithm jose.SignatureAlgorithm
	KeyID     string
}

var (
	errSize     = errors.New("the token is too long")
	errForm     = errors.New("the token is not of three parts")
	errHeader   = errors.New("the token's header holds what it may not")
	errAlg      = errors.New("the token is signed with an algorithm that is not allowed")
	errKeyID    = errors.New("the token names no key")
	errType     = errors.New("the token's header is not that of a JWT")
	errEncoding = errors.New("the token is not in canonical base64url")
)

// readHeader reads a token's header without believing it.
func readHeader(token string) (header, error) {
	if len(token) > maxToken {
		return header{}, errSize
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 || parts[0] == "" || parts[1] == "" || parts[2] == "" || len(parts[0]) > maxHeader {
		return header{}, errForm
	}
	raw, err := decode(parts[0])
	if err != nil {
		return header{}, err
	}
	// Another spelling of the same bytes would escape a revocation by token.
	for _, part := range parts[1:] {
		if _, err := decode(part); err != nil {
			return header{}, err
		}
	}
	var fields map[string]any
	if err := json.Unmarshal(raw, &fields); err != nil {
		return header{}, fmt.Errorf("read the token's header: %w", err)
	}
	for name := range fields {
		if name != "alg" && name != "kid" && name != "typ" {
			return header{}, errHeader
		}
	}
	if typ, given := fields["typ"]; given && typ != "JWT" && typ != "at+jwt" {
		return header{}, errType
	}
	alg, _ := fields["alg"].(string)
	if !slices.Contains(algorithms, jose.SignatureAlgorithm(alg)) {
		return header{}, errAlg
	}
	kid, _ := fields["kid"].(string)
	if kid == "" || len(kid) > maxKeyID {
		return header{}, errKeyID
	}
	return header{Algorithm: jose.SignatureAlgorithm(alg), KeyID: kid}, nil
}

func decode(part string) ([]byte, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil || strings.ContainsAny(part, "\r\n") { // the decoder skips line ends
		return nil, errEncoding
	}
	return raw, nil
}

// signed verifies the signature with a key and returns the signed claims.
func signed(token string, h header, k *key) ([]byte, error) {
	if k.algorithm != "" && k.algorithm != h.Algorithm {
		return nil, errAlg
	}
	parsed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{h.Algorithm})
	if err != nil {
		return nil, fmt.Errorf("parse the token: %w", err)
	}
	payload, err := parsed.Verify(k.public)
	if err != nil {
		return nil, fmt.Errorf("verify the token's signature: %w", err)
	}
	return payload, nil
}
