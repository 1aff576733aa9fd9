package seal_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/low-layer/platform/libs/seal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func keeperURL(fill byte) string {
	return "base64key://" + base64.URLEncoding.EncodeToString(bytes.Repeat([]byte{fill}, 32))
}

func open(t *testing.T, url string) *seal.Keeper {
	t.Helper()
	k, err := seal.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	})
	return k
}

func TestSealAndOpen(t *testing.T) {
	k := open(t, keeperURL(1))
	rapid.Check(t, func(r *rapid.T) {
		name := rapid.StringN(1, 40, 80).Draw(r, "name")
		other := rapid.StringN(1, 40, 80).Filter(func(s string) bool { return s != name }).Draw(r, "other")
		plain := rapid.SliceOf(rapid.Byte()).Draw(r, "plain")
		sealed, err := k.Seal(t.Context(), name, plain)
		if err != nil {
			r.Fatal(err)
		}
		if len(plain) > 8 && bytes.Contains(sealed, plain) {
			r.Fatal("the plain text shows")
		}
		got, err := k.Open(t.Context(), name, sealed)
		if err != nil || !bytes.Equal(got, plain) {
			r.Fatalf("got %x, %v", got, err)
		}
		if _, err := k.Open(t.Context(), other, sealed); !errors.Is(err, seal.ErrName) {
			r.Fatalf("under another name: %v", err)
		}
		sealed[rapid.IntRange(0, len(sealed)-1).Draw(r, "at")] ^= 1
		if _, err := k.Open(t.Context(), name, sealed); err == nil {
			r.Fatal("a changed byte passes")
		}
	})
}

func TestSealedTwiceDiffers(t *testing.T) {
	k := open(t, keeperURL(1))
	a, errA := k.Seal(t.Context(), "n", []byte("x"))
	b, errB := k.Seal(t.Context(), "n", []byte("x"))
	if errA != nil || errB != nil || bytes.Equal(a, b) {
		t.Fatalf("%x, %x, %v, %v", a, b, errA, errB)
	}
}

func TestOpen_otherKey_fails(t *testing.T) {
	sealed, err := open(t, keeperURL(1)).Seal(t.Context(), "n", []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, keeperURL(2)).Open(t.Context(), "n", sealed); err == nil {
		t.Fatal("opened")
	}
}

func TestBadInput(t *testing.T) {
	k := open(t, keeperURL(1))
	if _, err := k.Seal(t.Context(), "", []byte("x")); err == nil {
		t.Error("an empty name passes")
	}
	for _, sealed := range [][]byte{nil, {}, []byte("short"), bytes.Repeat([]byte{7}, 60)} {
		if _, err := k.Open(t.Context(), "n", sealed); err == nil {
			t.Errorf("%x opens", sealed)
		}
	}
}

func TestOpen_badURL_hidesTheKey(t *testing.T) {
	for name, url := range map[string]string{
		"no key":         "base64key://",
		"short key":      "base64key://c2VjcmV0LWtleQ==",
		"unknown scheme": "vault9://c2VjcmV0LWtleQ==",
		"no url":         "c2VjcmV0LWtleQ==\x7f",
		"empty":          "",
	} {
		_, err := seal.Open(t.Context(), url)
		if err == nil {
			t.Errorf("%s: opened", name)
			continue
		}
		if strings.Contains(err.Error(), "c2VjcmV0") {
			t.Errorf("%s: the key is told: %v", name, err)
		}
	}
}
