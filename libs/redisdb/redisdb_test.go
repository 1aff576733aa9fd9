package redisdb_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/low-layer/platform/libs/redisdb"
	"github.com/low-layer/platform/libs/redisdb/redistest"
	"github.com/low-layer/platform/libs/telemetry"
	"github.com/low-layer/platform/libs/telemetry/telemetrytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOpen_badURL_fails(t *testing.T) {
	for _, url := range []string{"", "http://x", "redis://:hunter2@h:x/0"} {
		_, err := redisdb.Open(redisdb.Config{URL: url})
		if err == nil {
			t.Errorf("%q: no error", url)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the password is told: %v", err)
		}
	}
}

func TestOpen_serverDown_succeeds(t *testing.T) {
	client := redistest.Connect(t, "redis://127.0.0.1:1/0")
	if err := redisdb.Ready(t.Context(), client); err == nil {
		t.Fatal("a server that is not there is ready")
	}
}

func TestReady_serverStopsAndStarts_follows(t *testing.T) {
	server := redistest.NewServer(t)
	client := redistest.Connect(t, server.URL())
	if err := redisdb.Ready(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	server.Stop(t)
	server.Stop(t) // once more does nothing
	if err := redisdb.Ready(t.Context(), client); err == nil {
		t.Fatal("a stopped server is ready")
	}
	server.Start(t)
	if err := redisdb.Ready(t.Context(), client); err != nil {
		t.Fatal(err)
	}
}

func TestCommand_contextEnds_isBounded(t *testing.T) {
	client := redistest.Client(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	// The server would return nil after its own minute.
	if err := client.BLPop(ctx, time.Minute, "never:"+t.Name()).Err(); err == nil || errors.Is(err, redis.Nil) {
		t.Fatalf("got %v: the command outlived its context", err)
	}
}

func TestOpen_connect_sendsNothingUnusual(t *testing.T) {
	server := redistest.NewServer(t)
	client := redistest.Connect(t, server.URL())
	if err := client.ConfigSet(t.Context(), "slowlog-log-slower-than", "0").Err(); err != nil {
		t.Fatal(err)
	}
	fresh := redistest.Connect(t, server.URL())
	if err := fresh.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	log, err := client.SlowLogGet(t.Context(), 100).Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range log {
		command := strings.ToLower(strings.Join(entry.Args, " "))
		if strings.Contains(command, "setinfo") || strings.Contains(command, "maint") {
			t.Errorf("sent %s", command)
		}
	}
}

func TestSpans_command_holdNoValues(t *testing.T) {
	receiver := telemetrytest.NewReceiver(t)
	tel, err := telemetry.Start(t.Context(), telemetry.Config{Service: "test", Endpoint: receiver.Endpoint()})
	if err != nil {
		t.Fatal(err)
	}
	client, err := redisdb.Open(redisdb.Config{URL: redistest.URL(t), Telemetry: tel})
	if err != nil {
		t.Fatal(err)
	}
	defer func(c *redis.Client) {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}(client)
	if err := client.Set(t.Context(), t.Name(), "a-secret", time.Minute).Err(); err != nil {
		t.Fatal(err)
	}
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	found := false
	for _, span := range receiver.Spans() {
		found = found || strings.Contains(strings.ToLower(span.Name), "set")
		for key, value := range span.Attributes {
			if strings.Contains(value, "a-secret") {
				t.Errorf("%s tells the value", key)
			}
		}
	}
	if !found {
		t.Errorf("no span of the command in %d spans", len(receiver.Spans()))
	}
}

func TestURL_eachTest_hasAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	if first := redistest.URL(t); redistest.URL(t) != first {
		t.Error("one test has two databases")
	}
	seen := make(map[string]bool)
	for _, name := range []string{"one", "two"} {
		t.Run(name, func(t *testing.T) {
			client := redistest.Client(t)
			if n, err := client.DBSize(t.Context()).Result(); err != nil || n != 0 || seen[redistest.URL(t)] {
				t.Fatalf("%s holds %d keys, %v", redistest.URL(t), n, err)
			}
			seen[redistest.URL(t)] = true
			if err := client.Set(t.Context(), "k", name, 0).Err(); err != nil {
				t.Fatal(err)
			}
		})
	}
}
