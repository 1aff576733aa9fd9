package conformance

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"time"
)

type object = map[string]any

func suffix() string { return rand.Text()[:10] }

func text(v any, key string) string {
	o, _ := v.(object)
	s, _ := o[key].(string)
	return s
}

// reply is a response, read to its end.
type reply struct {
	call   string
	status int
	header http.Header
	body   string
	value  any
}

func (r reply) object() object { o, _ := r.value.(object); return o }

func (r reply) list() []any { l, _ := r.value.([]any); return l }

// id is the last part of where a new object is.
func (r reply) id() string {
	at := r.header.Get("Location")
	return at[strings.LastIndexByte(at, '/')+1:]
}

func (e *env) send(c *http.Client, req *http.Request) reply {
	e.t.Helper()
	resp, err := c.Do(req)
	e.must("call", err)
	data, err := io.ReadAll(resp.Body)
	e.must("read the answer", errors.Join(err, resp.Body.Close()))
	r := reply{call: req.Method + " " + req.URL.Path, status: resp.StatusCode, header: resp.Header, body: string(data)}
	_ = json.Unmarshal(data, &r.value) // pages are no JSON
	return r
}

func (e *env) request(method, url, token string, body any) *http.Request {
	e.t.Helper()
	var reader io.Reader
	kind := "application/json"
	switch b := body.(type) {
	case nil:
	case urlValues:
		reader, kind = strings.NewReader(b.Encode()), "application/x-www-form-urlencoded"
	default:
		data, err := json.Marshal(b)
		e.must("encode", err)
		reader = strings.NewReader(string(data))
	}
	req, err := http.NewRequestWithContext(e.ctx(), method, url, reader)
	e.must("make a request", err)
	req.Header.Set("Content-Type", kind)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return req
}

type urlValues = url.Values

// as calls the admin API with a token.
func (e *env) as(token, method, path string, body any) reply {
	e.t.Helper()
	return e.send(e.HTTP, e.request(method, e.URL+"/admin/realms/"+e.name+path, token, body))
}

// tokenUse is how long a token of the administrator is used: it lives a minute.
const tokenUse = 40 * time.Second

// admin calls as the administrator.
func (e *env) admin(method, path string, body any) reply {
	e.t.Helper()
	if time.Since(e.root.got) > tokenUse {
		e.root.token, e.root.got = e.adminToken(), time.Now()
	}
	return e.as(e.root.token, method, path, body)
}

func (e *env) adminToken() string {
	e.t.Helper()
	form := url.Values{"grant_type": {"password"}, "client_id": {"admin-cli"}, "username": {e.AdminUser}, "password": {e.AdminPassword}}
	r := e.send(e.HTTP, e.request(http.MethodPost, e.URL+"/realms/master/protocol/openid-connect/token", "", form))
	e.wants(http.StatusOK, r)
	life, _ := r.object()["expires_in"].(float64)
	e.check(life <= 60, "a token of an administrator lives %v s", life)
	return text(r.value, "access_token")
}

func (e *env) oidc(path string, form url.Values) reply {
	e.t.Helper()
	return e.send(e.HTTP, e.request(http.MethodPost, e.URL+"/realms/"+e.name+"/protocol/openid-connect"+path, "", form))
}

func (e *env) token(form url.Values) reply { e.t.Helper(); return e.oidc("/token", form) }

// tenantToken is one of the tenant service.
func (e *env) tenantToken() string {
	e.t.Helper()
	r := e.token(url.Values{"grant_type": {"client_credentials"}, "client_id": {"lowlayer-tenant"}, "client_secret": {tenantSecret}})
	e.wants(http.StatusOK, r)
	return text(r.value, "access_token")
}

func (e *env) passwordGrant(email string) reply {
	e.t.Helper()
	return e.token(url.Values{
		"grant_type": {"password"}, "client_id": {"llconf-password"}, "username": {email}, "password": {password}, "scope": {"openid"},
	})
}

func (e *env) wants(status int, r reply) {
	e.t.Helper()
	if r.status != status {
		e.t.Fatalf("%s: %d %s, want %d", r.call, r.status, r.body[:min(len(r.body), 400)], status)
	}
}

// refused checks status and words of an error.
func (e *env) refused(r reply, status int, words ...string) {
	e.t.Helper()
	if r.status != status {
		e.t.Errorf("%s: %d %s, want %d", r.call, r.status, r.body[:min(len(r.body), 400)], status)
	}
	for _, w := range words {
		e.check(strings.Contains(r.body, w), "%s: %s, want %q", r.call, r.body[:min(len(r.body), 400)], w)
	}
}

// decoded is a token's header and claims, unverified.
func (e *env) decoded(token string) (head, claims object) {
	e.t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		e.t.Fatalf("%q is no token", token)
	}
	for i, into := range []*object{&head, &claims} {
		data, err := base64.RawURLEncoding.DecodeString(parts[i])
		e.must("decode token", err)
		e.must("decode token", json.Unmarshal(data, into))
	}
	return head, claims
}

func (e *env) jwks() []any {
	e.t.Helper()
	r := e.send(e.HTTP, e.request(http.MethodGet, e.URL+"/realms/"+e.name+"/protocol/openid-connect/certs", "", nil))
	e.wants(http.StatusOK, r)
	var keys []any
	all, _ := r.object()["keys"].([]any)
	for _, k := range all {
		if text(k, "use") == "sig" {
			keys = append(keys, k)
		}
	}
	return keys
}

// verified checks the signature with the published keys, and returns the claims.
func (e *env) verified(token string) object {
	e.t.Helper()
	head, claims := e.decoded(token)
	e.check(head["alg"] == "RS256", "signed by %v", head["alg"])
	for _, k := range e.jwks() {
		if text(k, "kid") != head["kid"] {
			continue
		}
		e.must("verify", verify(k, token))
		return claims
	}
	e.t.Fatalf("no published key %v", head["kid"])
	return nil
}

func verify(k any, token string) error {
	n, err1 := base64.RawURLEncoding.DecodeString(text(k, "n"))
	x, err2 := base64.RawURLEncoding.DecodeString(text(k, "e"))
	i := strings.LastIndexByte(token, '.')
	sig, err3 := base64.RawURLEncoding.DecodeString(token[i+1:])
	if err := errors.Join(err1, err2, err3); err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	sum := sha256.Sum256([]byte(token[:i]))
	key := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(x).Int64())}
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], sig)
}
