package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/go-jose/go-jose/v4"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/emptypb"

	networkv1 "github.com/low-layer/platform/gen/go/lowlayer/network/v1"
	"github.com/low-layer/platform/libs/identity"
	"github.com/low-layer/platform/libs/mtls"
	"github.com/low-layer/platform/libs/mtls/mtlsca"
	"github.com/low-layer/platform/tools/stack"
)

// everything measures the edge as it is installed: it verifies a token, decides by Cedar, counts the call in Redis, exports its
// spans, and speaks mutual TLS with the service, which is an echo server. The peer is the bare echo server as ever.
func everything(ctx context.Context, set settings, s *stack.Stack) (err error) {
	dir, err := os.MkdirTemp("", "lowlayer-bench-tls-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	authority, err := mtlsca.New(time.Hour)
	if err != nil {
		return err
	}
	for _, service := range []string{"gateway", "network"} {
		if err := authority.Write(filepath.Join(dir, service), service, time.Hour); err != nil {
			return err
		}
	}
	bare, stopBare, err := startEcho(ctx, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopBare()) }()
	behind, stopBehind, err := startEcho(ctx, filepath.Join(dir, "network"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopBehind()) }()
	issuer, token, stopIssuer, err := startIssuer()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopIssuer()) }()
	collector, stopCollector, err := startCollector()
	if err != nil {
		return err
	}
	defer stopCollector()
	// Only the network service is there: the path to it names its certificate.
	address, stop, err := startGateway(
		ctx, set.bin, behind, s.Addresses().Redis, "LOWLAYER_GATEWAY_ISSUER="+issuer, "LOWLAYER_GATEWAY_TLS_DIR="+filepath.Join(dir, "gateway"),
		"OTEL_EXPORTER_OTLP_ENDPOINT=http://"+collector,
	)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	peer, closePeer, err := overGRPC("bare grpc-go Get", 0, bare)
	if err != nil {
		return err
	}
	defer closePeer()
	client, closeClient, err := vpcClient(address)
	if err != nil {
		return err
	}
	defer closeClient()
	web := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256, MaxConnsPerHost: 256}}
	defer web.CloseIdleConnections()
	bearer := "Bearer " + token
	for _, t := range []target{
		{"gRPC Get, edge with everything on", barEverything, func(ctx context.Context, _ int64) error {
			_, err := client.GetVpc(metadata.AppendToOutgoingContext(ctx, "authorization", bearer), &networkv1.GetVpcRequest{Name: readVpc})
			return err
		}},
		{"REST Get, edge with everything on", barEverything, func(ctx context.Context, _ int64) error {
			return httpCallAs(ctx, web, http.MethodGet, "http://"+address+"/v1/"+readVpc, bearer, nil)
		}},
	} {
		for _, callers := range allCallers {
			if err := compare(ctx, set, peer, t, callers); err != nil {
				return err
			}
		}
	}
	return nil
}

// secureEcho is how an echo server shows who it is.
func secureEcho(dir string) ([]grpc.ServerOption, error) {
	if dir == "" {
		return nil, nil
	}
	who, err := mtls.Open(dir, "network", slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	return []grpc.ServerOption{grpc.Creds(who.Server())}, nil
}

// startIssuer serves the keys of an issuer, and returns its address and a token of an owner of the tenant that is read.
func startIssuer() (url, token string, stop func() error, err error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", "", nil, fmt.Errorf("make a key: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a local bind does not wait
	if err != nil {
		return "", "", nil, err
	}
	url = "http://" + listener.Addr().String() + "/realms/bench"
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "bench", Use: "sig", Algorithm: "RS256"}}}
	mux := http.NewServeMux()
	mux.HandleFunc("/realms/bench"+identity.CertsPath, func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(set) // the reader is the gateway, which says what it misses
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: gatewayPatience}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	stop = func() error {
		err := server.Close()
		if ended := <-ended; !errors.Is(ended, http.ErrServerClosed) {
			err = errors.Join(err, ended)
		}
		return err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: "bench"}}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", "", nil, errors.Join(fmt.Errorf("sign a token: %w", err), stop())
	}
	now := time.Now()
	claims, err := json.Marshal(map[string]any{
		"iss": url, "sub": "owner", "aud": "lowlayer-api", "typ": "Bearer", "exp": now.Add(time.Hour).Unix(), "iat": now.Unix(), "auth_time": now.Unix(),
		"jti": "onrtro:bench", "azp": "lowlayer-cli", "acr": "1", "amr": []string{"pwd"}, "sid": "bench", "preferred_username": "owner",
		"email": "owner@example.test", "email_verified": true, "scope": "openid email profile", "groups": []string{"/tenants/bench/owner"},
	})
	if err != nil {
		return "", "", nil, errors.Join(err, stop())
	}
	signed, err := signer.Sign(claims)
	if err != nil {
		return "", "", nil, errors.Join(fmt.Errorf("sign a token: %w", err), stop())
	}
	token, err = signed.CompactSerialize()
	return url, token, stop, err
}

// startCollector takes spans and throws them away.
func startCollector() (address string, stop func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a local bind does not wait
	if err != nil {
		return "", nil, err
	}
	server := grpc.NewServer(grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		if err := stream.RecvMsg(new(emptypb.Empty)); err != nil {
			return err
		}
		return stream.SendMsg(new(emptypb.Empty))
	}))
	go func() { _ = server.Serve(listener) }()
	return listener.Addr().String(), server.Stop, nil
}
