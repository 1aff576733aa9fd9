// Package redistest gives tests a real Redis: the one LOWLAYER_TEST_REDIS_URL names, or one that the test process
// starts and that ends with it, however that ends. A test fails at once, with the reason, when there is none.
package redistest

import (
	"os"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/low-layer/platform/libs/redisdb"
)

// shared is the one server of this test process.
var shared = sync.OnceValues(func() (string, error) {
	if given := os.Getenv("LOWLAYER_TEST_REDIS_URL"); given != "" {
		return given, nil
	}
	server, err := launch(0)
	if err != nil {
		return "", err
	}
	return server.URL(), nil
})

// URL is the server's. All tests of a process, and with LOWLAYER_TEST_REDIS_URL all processes, share its keys: use
// keys of your own, or NewServer.
func URL(t testing.TB) string {
	t.Helper()
	serverURL, err := shared()
	if err != nil {
		t.Fatalf("no redis for tests: %v; install the package `redis-server` or set LOWLAYER_TEST_REDIS_URL", err)
	}
	return serverURL
}

// Client is a client of that server, closed with the test.
func Client(t testing.TB) *redis.Client {
	t.Helper()
	return Connect(t, URL(t))
}

// Connect makes a client that is closed with the test.
func Connect(t testing.TB, serverURL string) *redis.Client {
	t.Helper()
	client, err := redisdb.Open(redisdb.Config{URL: serverURL})
	if err != nil {
		t.Fatalf("open redis: %v", err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Errorf("close redis: %v", err)
		}
	})
	return client
}
