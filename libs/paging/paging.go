// Package paging pages through lists by the values of the last row (keyset), so that inserts and deletes between two
// pages neither repeat nor skip a row and a late page costs what the first one does.
//
// It promises that a page token is opaque and only good for the list it was made for: it is signed, and bound to the
// method, parent, filter and order. Any other token is INVALID_ARGUMENT naming page_token and what to do. Tokens
// do not expire, and they survive a restart as long as the key does; replicas must share the key.
package paging

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/low-layer/platform/libs/errs"
)

const (
	defaultSize = 50
	maxSize     = 1000
	// maxToken bounds what is decoded at all.
	maxToken = 4096
	// signature and fingerprint are truncated HMACs: 128 bits resist forging, 32 bits separate two bindings.
	signatureSize   = 16
	fingerprintSize = 4
	version         = 1
)

// Size is the number of rows of a page for a request's page_size: 50 when it says nothing, and at most 1000.
func Size(n int32) int {
	switch {
	case n <= 0:
		return defaultSize
	case n > maxSize:
		return maxSize
	default:
		return int(n)
	}
}

// Cut takes a page out of rows that were read with a limit of size+1, and says whether there are more behind it.
func Cut[T any](rows []T, size int) (page []T, more bool) {
	if len(rows) <= size {
		return rows, false
	}
	return rows[:size], true
}

// Binding is the list a token belongs to.
type Binding struct {
	Method, Parent, Filter, Order string
}

// parts are the names callers know the binding by, and its values.
func (b Binding) parts() [4][2]string {
	return [4][2]string{
		{"method", b.Method}, {"parent", b.Parent}, {"filter", b.Filter}, {"order_by", b.Order},
	}
}

// Token makes and reads page tokens.
type Token struct {
	key []byte
}

// New uses a key that all replicas share; 32 random bytes are a good one.
func New(key []byte) *Token {
	return &Token{key: append([]byte(nil), key...)}
}

// Encode makes the token for the page after the row with these values, which are those of the columns of the order, in
// its order. Values may be strings, integers, booleans and times.
func (t *Token) Encode(binding Binding, last ...any) (string, error) {
	values := make([]value, len(last))
	for i, v := range last {
		encoded, err := encodeValue(v)
		if err != nil {
			return "", fmt.Errorf("encode value %d of a page token: %w", i, err)
		}
		values[i] = encoded
	}
	payload, err := json.Marshal(values)
	if err != nil {
		return "", fmt.Errorf("encode a page token: %w", err)
	}
	body := []byte{version}
	for _, part := range binding.parts() {
		body = append(body, t.fingerprint(part)...)
	}
	body = append(body, payload...)
	return base64.RawURLEncoding.EncodeToString(append(t.sign(body), body...)), nil
}

// Decode gives back the values. An empty token is the first page: no values and no error.
func (t *Token) Decode(token string, binding Binding) ([]any, error) {
	if token == "" {
		return nil, nil
	}
	if len(token) > maxToken {
		return nil, damaged()
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	parts := binding.parts()
	header := signatureSize + 1 + fingerprintSize*len(parts)
	if err != nil || len(raw) < header {
		return nil, damaged()
	}
	body := raw[signatureSize:]
	if !hmac.Equal(raw[:signatureSize], t.sign(body)) || body[0] != version {
		return nil, damaged()
	}
	prints := body[1:]
	for _, part := range parts {
		if !hmac.Equal(prints[:fingerprintSize], t.fingerprint(part)) {
			return nil, foreign(part[0])
		}
		prints = prints[fingerprintSize:]
	}
	return decodeValues(prints)
}

func (t *Token) sign(body []byte) []byte {
	mac := hmac.New(sha256.New, t.key)
	mac.Write(body)
	return mac.Sum(nil)[:signatureSize]
}

// fingerprint is keyed, so that a token reveals nothing of its filter.
func (t *Token) fingerprint(part [2]string) []byte {
	mac := hmac.New(sha256.New, t.key)
	var length [8]byte
	for _, text := range part {
		binary.BigEndian.PutUint64(length[:], uint64(len(text)))
		mac.Write(length[:])
		mac.Write([]byte(text))
	}
	return mac.Sum(nil)[:fingerprintSize]
}

func damaged() error {
	return errs.Invalid(errs.Field("page_token",
		"is not a token this list returned: pass the last answer's next_page_token unchanged, or leave it empty to start over"))
}

func foreign(part string) error {
	return errs.Invalid(errs.Field("page_token",
		"was returned for another %s: repeat the call with the %s it was returned for, or leave page_token empty to start over",
		part, part))
}
