// Package redistest gives every test a real Redis database of its own, on the server of LOWLAYER_TEST_REDIS_URL or on one that the test
// process starts and that ends with it. A test without a server fails at once, with the reason.
package redistest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/low-layer/platform/libs/redisdb"
)

// shared is the server of this test process.
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

// databases are those of tests that run now.
var databases struct {
	sync.Mutex
	of map[testing.TB]string
}

// URL names an empty database that belongs to the test; its subtests have databases of their own. Channels are shared by all databases
// of a server: NewServer is for tests that publish.
func URL(t testing.TB) string {
	t.Helper()
	databases.Lock()
	defer databases.Unlock()
	if own, ok := databases.of[t]; ok {
		return own
	}
	own, err := allocate(t.Context())
	if err != nil {
		t.Fatalf("no redis for tests: %v; install the package `redis-server` or set LOWLAYER_TEST_REDIS_URL", err)
	}
	if databases.of == nil {
		databases.of = make(map[testing.TB]string)
	}
	databases.of[t] = own
	t.Cleanup(func() {
		databases.Lock()
		defer databases.Unlock()
		delete(databases.of, t)
	})
	return own
}

// allocate takes the next database of the server, which counts them in database 0, and empties it.
func allocate(ctx context.Context) (own string, err error) {
	serverURL, err := shared()
	if err != nil {
		return "", err
	}
	all, err := redisdb.Open(redisdb.Config{URL: serverURL})
	if err != nil {
		return "", err
	}
	defer func() { _ = all.Close() }() // it held no work
	there, err := all.ConfigGet(ctx, "databases").Result()
	if err != nil {
		return "", fmt.Errorf("count databases: %w", err)
	}
	count, err := strconv.ParseInt(there["databases"], 10, 64)
	if err != nil || count < 2 {
		return "", fmt.Errorf("the server has %q databases, tests need two", there["databases"])
	}
	n, err := all.Incr(ctx, "lowlayer:test:databases").Result()
	if err != nil {
		return "", fmt.Errorf("take a database: %w", err)
	}
	parsed, err := url.Parse(serverURL)
	if err != nil {
		return "", fmt.Errorf("read redis url: %w", err)
	}
	parsed.Path = "/" + strconv.FormatInt(1+n%(count-1), 10)
	mine, err := redisdb.Open(redisdb.Config{URL: parsed.String()})
	if err != nil {
		return "", err
	}
	defer func() { _ = mine.Close() }() // it held no work
	if err := mine.FlushDB(ctx).Err(); err != nil {
		return "", fmt.Errorf("empty a database: %w", err)
	}
	return parsed.String(), nil
}

// Client is a client of the test's database, closed with the test.
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
