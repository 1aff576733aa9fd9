package identity_test

import (
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/identity"
	"github.com/low-layer/platform/libs/identity/identitytest"
)

type claims = identitytest.Claims

func b64(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// forge makes a token with any header and payload, signed by HMAC with the secret, or not at all.
func forge(header string, payload []byte, secret []byte) string {
	body := b64(header) + "." + base64.RawURLEncoding.EncodeToString(payload)
	if secret == nil {
		return body + "."
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(body))
	return body + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func publicPEM(t *testing.T, k identitytest.Key) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(k.Private.Public())
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func asJSON(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// duplicated repeats the first claim of a payload with another value in front of it or behind it.
func duplicated(payload []byte, first, second string) []byte {
	return []byte("{" + first + string(payload[1:len(payload)-1]) + second + "}")
}

// with signs good claims with an odd header.
func with(t *testing.T, i *identitytest.Issuer, header map[string]any) string {
	return identitytest.SignBytes(t, i.Key(), asJSON(t, i.Claims("mallory", nil)), header)
}

// attack is a token that must be refused.
type attack struct {
	name   string
	token  string
	reason string
}

func attacks(t *testing.T, i *identitytest.Issuer) []attack {
	k := i.Key()
	now := i.Now()
	good := asJSON(t, i.Claims("mallory", []string{"/platform/operator"}))
	token := identitytest.Sign(t, k, i.Claims("mallory", []string{"/platform/operator"}))
	parts := strings.Split(token, ".")
	head := func(alg string) string { return `{"alg":"` + alg + `","kid":"` + k.ID + `","typ":"JWT"}` }
	claim := func(c claims) string { return identitytest.Sign(t, k, i.Claims("mallory", nil, c)) }
	raw := func(payload string) string { return identitytest.SignBytes(t, k, []byte(payload), nil) }
	stranger := identitytest.NewKey(t, k.ID)
	modulus, ok := k.Private.Public().(*rsa.PublicKey)
	if !ok {
		t.Fatal("the key is not RSA")
	}
	flipped := []byte(parts[2])
	flipped[10] ^= 1
	embedded := jose.JSONWebKey{Key: stranger.Private.Public(), KeyID: "mine"}
	out := []attack{
		{"alg none", forge(head("none"), good, nil), ""},
		{"alg None", forge(head("None"), good, nil), ""},
		{"alg NONE with a signature", forge(head("NONE"), good, []byte("x")), ""},
		{"alg nOnE with the good signature", b64(head("nOnE")) + "." + parts[1] + "." + parts[2], ""},
		{"no alg", forge(`{"kid":"`+k.ID+`"}`, good, []byte("x")), ""},
		{"alg is a number", forge(`{"alg":256,"kid":"`+k.ID+`"}`, good, []byte("x")), ""},
		{"HS256 with the public key as PEM", forge(head("HS256"), good, publicPEM(t, k)), ""},
		{"HS256 with the modulus", forge(head("HS256"), good, modulus.N.Bytes()), ""},
		{"HS256 with an empty secret", forge(head("HS256"), good, []byte{}), ""},
		{"HS512 named, HS256 made", forge(head("HS512"), good, publicPEM(t, k)), ""},
		{"RS256 named, HMAC made", forge(head("RS256"), good, publicPEM(t, k)), ""},
		{"PS256 named, RS256 made", b64(head("PS256")) + "." + parts[1] + "." + parts[2], ""},
		{"ES256 with an RSA key", b64(head("ES256")) + "." + parts[1] + "." + parts[2], ""},
		{"an encrypted token", "a.b.c.d.e", ""},
		{"another key under the same name", identitytest.Sign(t, stranger, i.Claims("mallory", nil)), ""},
		{"a key that is not published", identitytest.Sign(t, identitytest.NewKey(t, "other"), i.Claims("mallory", nil)), ""},
		{"kid that walks the file system", identitytest.Sign(t, identitytest.Key{ID: "../../../../dev/null", Private: stranger.Private}, i.Claims("mallory", nil)), ""},
		{"kid that is a query", identitytest.Sign(t, identitytest.Key{ID: "x' UNION SELECT 'k", Private: stranger.Private}, i.Claims("mallory", nil)), ""},
		{"kid that is an address", identitytest.Sign(t, identitytest.Key{ID: "http://evil.example/k", Private: stranger.Private}, i.Claims("mallory", nil)), ""},
		{"kid that is too long", identitytest.Sign(t, identitytest.Key{ID: strings.Repeat("k", 300), Private: stranger.Private}, i.Claims("mallory", nil)), ""},
		{"no kid", forge(`{"alg":"RS256"}`, good, []byte("x")), ""},
		{"jku", with(t, i, map[string]any{"jku": "https://evil.example/keys"}), ""},
		{"x5u", with(t, i, map[string]any{"x5u": "https://evil.example/cert"}), ""},
		{"jwk of the attacker", identitytest.SignBytes(t, stranger, good, map[string]any{"jwk": embedded}), ""},
		{"x5c", with(t, i, map[string]any{"x5c": []string{"MIIB"}}), ""},
		{"crit", with(t, i, map[string]any{"crit": []string{"exp"}}), ""},
		{"crit of b64", with(t, i, map[string]any{"b64": true, "crit": []string{"b64"}}), ""},
		{"zip", with(t, i, map[string]any{"zip": "DEF"}), ""},
		{"typ of the header is another's", with(t, i, map[string]any{"typ": "dpop+jwt"}), ""},
		{"alg twice in the header", forge(`{"alg":"none","alg":"RS256","kid":"`+k.ID+`"}`, good, []byte("x")), ""},
		{"another realm", claim(claims{"iss": strings.Replace(i.URL, "lowlayer", "other", 1)}), ""},
		{"issuer with a slash more", claim(claims{"iss": i.URL + "/"}), ""},
		{"issuer in capitals", claim(claims{"iss": strings.ToUpper(i.URL)}), ""},
		{"no issuer", claim(claims{"iss": nil}), ""},
		{"issuer is a list", claim(claims{"iss": []string{i.URL}}), ""},
		{"another audience", claim(claims{"aud": "account"}), ""},
		{"other audiences", claim(claims{"aud": []string{"account", "lowlayer-api-2"}}), ""},
		{"no audience", claim(claims{"aud": nil}), ""},
		{"audience is an object", claim(claims{"aud": claims{"lowlayer-api": true}}), ""},
		{"an ID token", claim(claims{"typ": "ID", "aud": []string{"lowlayer-cli", identitytest.Audience}}), ""},
		{"a refresh token", claim(claims{"typ": "Refresh"}), ""},
		{"a logout token", claim(claims{"typ": "Logout"}), ""},
		{"no typ", claim(claims{"typ": nil}), ""},
		{"no subject", claim(claims{"sub": nil}), ""},
		{"subject is empty", claim(claims{"sub": ""}), ""},
		{"expired", claim(claims{"exp": now.Add(-time.Minute).Unix()}), identity.ReasonExpired},
		{"expired long ago", claim(claims{"exp": 1}), identity.ReasonExpired},
		{"no expiry", claim(claims{"exp": nil}), ""},
		{"expiry is zero", claim(claims{"exp": 0}), ""},
		{"expiry is negative", claim(claims{"exp": -1}), ""},
		{"expiry beyond time", raw(strings.Replace(string(good), `"exp":`, `"exp":1e300,"x":`, 1)), ""},
		{"expiry is a text", claim(claims{"exp": "never"}), ""},
		{"expiry is a list", claim(claims{"exp": []int64{now.Add(time.Hour).Unix()}}), ""},
		{"not valid yet", claim(claims{"nbf": now.Add(time.Minute).Unix()}), ""},
		{"issued in the future", claim(claims{"iat": now.Add(time.Minute).Unix()}), ""},
		{"no time of issue", claim(claims{"iat": nil}), ""},
		{"exp twice", raw(string(duplicated(good, "", fmt.Sprintf(`,"exp":%d`, now.Add(time.Hour).Unix())))), ""},
		{"groups twice", raw(string(duplicated(good, `"groups":["/platform/operator"],`, ""))), ""},
		{"sub twice", raw(string(duplicated(good, `"sub":"admin",`, ""))), ""},
		{"sub once more in another case", raw(strings.Replace(string(good), `"sub":"mallory"`, `"SUB":"admin"`, 1)), ""},
		{"something twice, deep inside", raw(string(duplicated(good, `"realm_access":{"roles":[],"roles":["x"]},`, ""))), ""},
		{"groups are a text", claim(claims{"groups": "/platform/operator"}), ""},
		{"groups hold a number", claim(claims{"groups": []any{1}}), ""},
		{"too many groups", claim(claims{"groups": make([]string, 1001)}), ""},
		{"a group that is too long", claim(claims{"groups": []string{strings.Repeat("g", 600)}}), ""},
		{"huge", claim(claims{"x": strings.Repeat("x", 64<<10)}), ""},
		{"megabytes of nothing", strings.Repeat("A", 4<<20), ""},
		{"dots alone", "..", ""},
		{"thousands of dots", strings.Repeat(".", 8000), ""},
		{"payload is no JSON", raw("admin"), ""},
		{"payload is a list", raw("[]"), ""},
		{"payload is null", raw("null"), ""},
		{"two payloads", raw(string(good) + string(good)), ""},
		{"deep nesting", raw(`{"a":` + strings.Repeat("[", 2500) + strings.Repeat("]", 2500) + "}"), ""},
		{"empty", "", ""},
		{"signature cut off", parts[0] + "." + parts[1] + ".", ""},
		{"signature changed", parts[0] + "." + parts[1] + "." + string(flipped), ""},
		{"payload changed", parts[0] + "." + b64(strings.Replace(string(good), "mallory", "admin", 1)) + "." + parts[2], ""},
		{"payload of another token", parts[0] + "." + strings.Split(i.Token(t, "alice", nil), ".")[1] + "." + parts[2], ""},
		{"padding", token + "==", ""},
		{"line end", token + "\n", ""},
		{"line end inside", parts[0] + ".\n" + parts[1] + "." + parts[2], ""},
		{"the JSON form", string(asJSON(t, claims{"payload": parts[1], "protected": parts[0], "signature": parts[2]})), ""},
	}
	return out
}

func TestAttacksAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := identitytest.New(t)
		v := i.Verifier(t)
		all := attacks(t, i)
		if len(all) < 40 {
			t.Errorf("there are only %d attacks", len(all))
		}
		begin := i.Now()
		before := i.Fetches()
		answers := make(map[string]bool)
		for _, a := range all {
			p, err := v.Verify(t.Context(), a.token)
			e, ok := errs.As(err)
			if !ok || p != nil || e.Code != errs.Unauthenticated {
				t.Errorf("%s: got %v, %v", a.name, p, err)
				continue
			}
			want := identity.ReasonInvalid
			if a.reason != "" {
				want = a.reason
			}
			if e.Reason != want {
				t.Errorf("%s: the reason is %s, want %s", a.name, e.Reason, want)
			}
			answers[e.Message] = true
		}
		if len(answers) != 2 {
			t.Errorf("attackers are told %d different things: %v", len(answers), answers)
		}
		most := int64(i.Now().Sub(begin)/identity.Floor) + 1
		if got := i.Fetches() - before; got > most || got > 10 {
			t.Errorf("%d attacks caused %d requests to the issuer in %s", len(all), got, i.Now().Sub(begin))
		}
		if _, err := v.Verify(t.Context(), i.Token(t, "alice", nil)); err != nil {
			t.Errorf("a good token is refused afterwards: %v", err)
		}
		t.Logf("%d attacks refused", len(all))
	})
}

func TestKeys_unknownKeys_causeOneRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := identitytest.New(t)
		v := i.Verifier(t)
		begin, before := i.Now(), i.Fetches()
		k := identitytest.NewKey(t, "")
		for n := range 400 {
			token := identitytest.Sign(t, identitytest.Key{ID: fmt.Sprintf("k%d", n), Private: k.Private}, claims{"n": n})
			go func() {
				if _, err := v.Verify(t.Context(), token); errs.ReasonOf(err) != identity.ReasonInvalid {
					t.Errorf("got %v", err)
				}
			}()
		}
		synctest.Wait()
		<-time.After(10 * identity.Floor) // of the bubble\'s clock
		synctest.Wait()
		most := int64(i.Now().Sub(begin)/identity.Floor) + 1
		if got := i.Fetches() - before; got > most || got > 2 {
			t.Errorf("400 tokens caused %d requests", got)
		}
	})
}

func TestKeys_set_keepsVerifyingKeys(t *testing.T) {
	i := identitytest.New(t)
	weak := `{"kty":"oct","kid":"secret","k":"c2VjcmV0","use":"sig"}`
	v := i.Verifier(t)
	for _, body := range []string{"", "null", "{}", `{"keys":[]}`, `{"keys":[` + weak + `]}`, "<html>"} {
		if err := v.ReadKeys([]byte(body)); err == nil {
			t.Errorf("%q is a key set", body)
		}
	}
}
