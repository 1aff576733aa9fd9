package rpc

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/metadata"

	"github.com/low-layer/platform/libs/errs"
)

// A service calls another one with a credential that says who calls which method until when, signed with a key that the
// services of a deployment share. It is what stands in for mutual TLS until there is some: it tells a service from a user,
// but one service that is taken over can speak for the others, and whoever reads the wire can repeat a call within a minute.

const (
	peerKey = "x-lowlayer-peer"
	// peerLifetime is how long a credential is good; clocks may be apart by as much again at most.
	peerLifetime = 30 * time.Second
	maxPeerAhead = 60 * time.Second
	// MinInternalKey is the shortest key, in bytes.
	MinInternalKey = 32
)

// ReasonPeerInvalid is that of a call that says that another service makes it, and cannot show that.
const ReasonPeerInvalid = "PEER_INVALID"

type peerContextKey struct{}

// Peer is the service of the platform that makes the call, and false for anybody else.
func Peer(ctx context.Context) (service string, ok bool) {
	service, ok = ctx.Value(peerContextKey{}).(string)
	return service, ok
}

// peerCredential is what a service sends along with one call.
func peerCredential(key []byte, service, method string, now time.Time) string {
	until := strconv.FormatInt(now.Add(peerLifetime).Unix(), 10)
	return service + "." + until + "." + base64.RawURLEncoding.EncodeToString(peerMAC(key, service, method, until))
}

func peerMAC(key []byte, service, method, until string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("lowlayer peer v1\n" + service + "\n" + method + "\n" + until))
	return mac.Sum(nil)
}

// identifyPeer finds out whether another service makes the call. Without a key nobody can show that.
func identifyPeer(ctx context.Context, key []byte, method string, now time.Time) (context.Context, error) {
	if len(key) == 0 {
		return ctx, nil
	}
	values := metadata.ValueFromIncomingContext(ctx, peerKey)
	if len(values) == 0 {
		return ctx, nil
	}
	service, ok := readPeer(key, values, method, now)
	if !ok {
		return nil, errs.New(errs.Unauthenticated, ReasonPeerInvalid,
			"the call does not come from a service of this platform; give all services the same INTERNAL_KEY, and set their clocks")
	}
	return context.WithValue(ctx, peerContextKey{}, service), nil
}

func readPeer(key []byte, values []string, method string, now time.Time) (service string, ok bool) {
	if len(values) != 1 {
		return "", false
	}
	parts := strings.Split(values[0], ".")
	if len(parts) != 3 || parts[0] == "" {
		return "", false
	}
	mac, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || !hmac.Equal(mac, peerMAC(key, parts[0], method, parts[1])) {
		return "", false
	}
	seconds, err := strconv.ParseInt(parts[1], 10, 64)
	until := time.Unix(seconds, 0)
	if err != nil || now.After(until) || until.After(now.Add(maxPeerAhead)) {
		return "", false
	}
	return parts[0], true
}
