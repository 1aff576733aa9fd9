package watchapi_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	watchv1 "github.com/low-layer/platform/gen/go/lowlayer/watch/v1"
	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/identity"
	"github.com/low-layer/platform/libs/pg/pgtest"
	"github.com/low-layer/platform/libs/watch"
	"github.com/low-layer/platform/libs/watch/resume"
	"github.com/low-layer/platform/libs/watch/watchapi"
	"github.com/low-layer/platform/libs/watch/watchtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 30 * time.Second

// world is a service with things, of which those that begin with a dot are hidden.
type world struct {
	*testing.T
	pool   *pgxpool.Pool
	server *watchapi.Server
	// epoch is the database's.
	epoch string
}

func newWorld(t *testing.T, change ...func(*watchapi.Config)) *world {
	t.Helper()
	pool := pgtest.Database(t, watch.Migrations(), watchtest.Things())
	log := watch.New(watch.Config{Pool: pool, Logger: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan struct{})
	go func() { defer close(ran); _ = log.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ran })
	value := func(ctx context.Context, name string) (proto.Message, error) {
		var n int64
		err := pool.QueryRow(ctx, "SELECT value FROM things WHERE tenant = 'acme' AND name = $1", name).Scan(&n)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil, errs.NotFound("thing", name)
		}
		return wrapperspb.Int64(n), err
	}
	cfg := watchapi.Config{
		Service: "garden", Log: log,
		Sees: func(_ context.Context, permission, resource string) bool {
			return permission == "garden.things.get" && !strings.HasPrefix(resource, ".")
		},
		Kinds: []watchapi.Kind{{
			Type: "thing", Permission: "garden.things.get", Get: value,
			List: func(ctx context.Context, tenant, token string) ([]watchapi.Item, string, error) {
				rows, err := pool.Query(ctx, "SELECT name FROM things WHERE tenant = $1 AND name > $2 ORDER BY name LIMIT 2", tenant, token)
				if err != nil {
					return nil, "", err
				}
				names, err := pgx.CollectRows(rows, pgx.RowTo[string])
				var items []watchapi.Item
				for _, n := range names {
					m, err := value(ctx, n)
					if err != nil {
						return nil, "", err
					}
					items = append(items, watchapi.Item{Name: n, Message: m})
				}
				if len(names) == 2 {
					return items, names[1], err
				}
				return items, "", err
			},
		}},
	}
	for _, fn := range change {
		fn(&cfg)
	}
	first, err := log.Last(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	return &world{T: t, pool: pool, server: watchapi.New(cfg), epoch: first.Epoch}
}

func (w *world) exec(sql string, args ...any) {
	w.Helper()
	if _, err := w.pool.Exec(w.Context(), sql, args...); err != nil {
		w.Fatal(err)
	}
}

// put makes or changes a thing of acme.
func (w *world) put(name string, value int) {
	w.Helper()
	w.exec("INSERT INTO things VALUES ('acme', $1, $2) ON CONFLICT (tenant, name) DO UPDATE SET value = $2", name, value)
}

// stream takes a message whenever the test receives.
type stream struct {
	grpc.ServerStream
	w        *world
	ctx      context.Context //nolint:containedctx // it is the stream's
	cancel   context.CancelCauseFunc
	messages chan *watchv1.WatchTenantResponse
	ended    chan error
}

func (s *stream) Context() context.Context { return s.ctx }

func (s *stream) Send(m *watchv1.WatchTenantResponse) error {
	select {
	case s.messages <- m:
		return nil
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
}

func (w *world) watch(ctx context.Context, req *watchv1.WatchTenantRequest) *stream {
	if req.GetName() == "" {
		req.Name = "tenants/acme"
	}
	s := &stream{w: w, messages: make(chan *watchv1.WatchTenantResponse), ended: make(chan error, 1)}
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.ended <- w.server.WatchTenant(req, s)
	}()
	w.Cleanup(func() { s.cancel(nil); <-done })
	return s
}

func (s *stream) next() *watchv1.WatchTenantResponse {
	s.w.Helper()
	select {
	case m := <-s.messages:
		return m
	case err := <-s.ended:
		s.w.Fatalf("the stream ended: %v", err)
	case <-time.After(patience):
		s.w.Fatal("nothing comes")
	}
	return nil
}

// change is the next message that is no bookmark, in short.
func (s *stream) change() string {
	s.w.Helper()
	for {
		m := s.next()
		if m.GetKind() == watchv1.WatchTenantResponse_BOOKMARK {
			continue
		}
		value := &wrapperspb.Int64Value{}
		if m.GetResource() == nil {
			return fmt.Sprint(m.GetKind(), " ", m.GetName(), " ", m.GetSequence())
		}
		if err := m.GetResource().UnmarshalTo(value); err != nil {
			s.w.Fatal(err)
		}
		return fmt.Sprint(m.GetKind(), " ", m.GetName(), " ", m.GetSequence(), " = ", value.GetValue())
	}
}

// end is how the stream ends; bookmarks before it are passed over.
func (s *stream) end() error {
	s.w.Helper()
	for {
		select {
		case err := <-s.ended:
			return err
		case m := <-s.messages:
			if m.GetKind() != watchv1.WatchTenantResponse_BOOKMARK {
				s.w.Errorf("it tells %v", m)
			}
		case <-time.After(patience):
			s.w.Fatal("it does not end")
		}
	}
}

func (s *stream) want(what ...string) {
	s.w.Helper()
	for _, w := range what {
		if got := s.change(); got != w {
			s.w.Fatalf("got %q, want %q", got, w)
		}
	}
}

func (s *stream) bookmark() *watchv1.WatchTenantResponse {
	s.w.Helper()
	m := s.next()
	if m.GetKind() != watchv1.WatchTenantResponse_BOOKMARK {
		s.w.Fatalf("got %v, want a bookmark", m)
	}
	return m
}

// token goes on behind a number of the database's epoch.
func (w *world) token(n int64) string {
	return resume.New("acme", map[string]resume.Place{"garden": {Epoch: w.epoch, Sequence: n}}).String()
}

func TestSnapshotThenChanges(t *testing.T) {
	w := newWorld(t)
	for i, name := range []string{"a", ".hidden", "b", "c"} {
		w.put(name, i)
	}
	s := w.watch(t.Context(), &watchv1.WatchTenantRequest{})
	if first := s.bookmark(); first.GetResumeToken() != "" || first.GetSnapshotDone() {
		t.Errorf("it begins with %v", first)
	}
	s.want("SNAPSHOT a 0 = 0", "SNAPSHOT b 0 = 2", "SNAPSHOT c 0 = 3")
	if done := s.bookmark(); done.GetResumeToken() != w.token(4) || !done.GetSnapshotDone() {
		t.Errorf("the snapshot ends with %v", done)
	}
	w.put("a", 7)
	s.want("CHANGED a 5 = 7")
	w.put(".hidden", 8)
	w.put("d", 9)
	s.want("ADDED d 7 = 9")
	w.exec("DELETE FROM things WHERE name = 'a'")
	s.want("DELETED a 8")
	w.exec("INSERT INTO things VALUES ('other', 'x', 1)")
	w.put("b", 3)
	s.want("CHANGED b 9 = 3")
	s.cancel(nil)
	if err := s.end(); !errors.Is(err, context.Canceled) {
		t.Errorf("it ends with %v", err)
	}
}

func TestStream_token_resumes(t *testing.T) {
	w := newWorld(t)
	for i := range 4 {
		w.put("a", i)
	}
	w.put("b", 1)
	w.exec("DELETE FROM things WHERE name = 'a'")
	s := w.watch(t.Context(), &watchv1.WatchTenantRequest{ResumeToken: w.token(2)})
	if first := s.bookmark(); first.GetResumeToken() != w.token(2) {
		t.Errorf("it begins with %v", first)
	}
	// A resource that is gone by now is sent as deleted, and again in its turn.
	s.want("DELETED a 3", "DELETED a 4", "ADDED b 5 = 1", "DELETED a 6")

	for name, c := range map[string]struct{ token, reason string }{
		"of the future":      {w.token(7), resume.ReasonExpired},
		"of another service": {resume.New("acme", map[string]resume.Place{"other": {Epoch: w.epoch, Sequence: 1}}).String(), resume.ReasonExpired},
		"of another tenant":  {resume.New("other", map[string]resume.Place{"garden": {Epoch: w.epoch, Sequence: 1}}).String(), errs.ReasonInvalidFields},
		"of another epoch":   {resume.New("acme", map[string]resume.Place{"garden": {Epoch: w.epoch + "2", Sequence: 1}}).String(), resume.ReasonExpired},
		"without an epoch":   {resume.New("acme", map[string]resume.Place{"garden": {Sequence: 1}}).String(), resume.ReasonExpired},
		"that is none":       {"none", errs.ReasonInvalidFields},
	} {
		s := w.watch(t.Context(), &watchv1.WatchTenantRequest{ResumeToken: c.token})
		select {
		case m := <-s.messages:
			t.Errorf("%s: it tells %v", name, m)
		case err := <-s.ended:
			if errs.ReasonOf(err) != c.reason {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	// Changes that expire while a stream is too slow end it: it cannot go on without a gap.
	w.exec("UPDATE watch_sequences SET floor = 5")
	if s := w.watch(t.Context(), &watchv1.WatchTenantRequest{ResumeToken: w.token(4)}); errs.ReasonOf(<-s.ended) != resume.ReasonExpired {
		t.Error("it goes on behind what is pruned")
	}
}

func TestFilters(t *testing.T) {
	w := newWorld(t)
	w.put("tenants/acme/a", 1)
	w.put("tenants/acme/b", 1)
	s := w.watch(t.Context(), &watchv1.WatchTenantRequest{Within: "tenants/acme/a"})
	s.want("SNAPSHOT tenants/acme/a 0 = 1")
	w.put("tenants/acme/b", 2)
	w.put("tenants/acme/ab", 2)
	w.put("tenants/acme/a/x", 2)
	s.want("ADDED tenants/acme/a/x 5 = 2")
	none := w.watch(t.Context(), &watchv1.WatchTenantRequest{Types: []string{"vpc"}})
	none.bookmark()
	if done := none.bookmark(); !done.GetSnapshotDone() {
		t.Errorf("got %v", done)
	}
	if err := w.watch(t.Context(), &watchv1.WatchTenantRequest{Within: "tenants/acmes/a"}).end(); errs.ReasonOf(err) != errs.ReasonInvalidFields {
		t.Errorf("another tenant's resource: %v", err)
	}
}

// A consumer that takes nothing holds nothing up, and has missed nothing when it goes on.
func TestStream_slowConsumer_getsAll(t *testing.T) {
	w := newWorld(t)
	s := w.watch(t.Context(), &watchv1.WatchTenantRequest{ResumeToken: w.token(0)})
	s.bookmark()
	const many = 350 // more than are read at once
	for i := range many {
		w.put(fmt.Sprint("t", i%7), i)
	}
	quick := w.watch(t.Context(), &watchv1.WatchTenantRequest{ResumeToken: w.token(many - 1)})
	quick.want(fmt.Sprintf("CHANGED t%d %d = %d", (many-1)%7, many, many-1))
	var got []int64
	for len(got) < many {
		if m := s.next(); m.GetSequence() > 0 {
			got = append(got, m.GetSequence())
		}
	}
	for i, n := range got {
		if n != int64(i+1) {
			t.Fatalf("change %d is told after %d", n, i)
		}
	}
}

func TestHeartbeats(t *testing.T) {
	w := newWorld(t, func(c *watchapi.Config) { c.Heartbeat, c.Poll = time.Millisecond, time.Millisecond })
	s := w.watch(t.Context(), &watchv1.WatchTenantRequest{ResumeToken: w.token(0)})
	for range 3 {
		if m := s.bookmark(); m.GetResumeToken() != w.token(0) {
			t.Errorf("got %v", m)
		}
	}
	// A change that is not to be seen moves the place all the same.
	w.put(".hidden", 1)
	for s.bookmark().GetResumeToken() != w.token(1) {
	}
}

func TestStreamsEnd(t *testing.T) {
	w := newWorld(t)
	over := identity.With(t.Context(), &identity.Principal{Subject: "ada", Expiry: time.Now().Add(200 * time.Millisecond)})
	if err := w.watch(over, &watchv1.WatchTenantRequest{}).end(); errs.CodeOf(err) != errs.Unauthenticated || errs.ReasonOf(err) != identity.ReasonExpired {
		t.Errorf("with its token it ends with %v", err)
	}
	stopping := errors.New("stopping")
	s := w.watch(t.Context(), &watchv1.WatchTenantRequest{})
	s.bookmark()
	s.cancel(stopping)
	if err := s.end(); !errors.Is(err, stopping) && !errors.Is(err, context.Canceled) {
		t.Errorf("with the server it ends with %v", err)
	}
	gone := w.watch(t.Context(), &watchv1.WatchTenantRequest{ResumeToken: w.token(0)})
	w.exec("SELECT watch_note('acme', 'tenant', 'tenants/acme', 'tenants/acme', 'DELETED')")
	if err := gone.end(); errs.CodeOf(err) != errs.CodeNotFound {
		t.Errorf("with its tenant it ends with %v", err)
	}
	absent := newWorld(t, func(c *watchapi.Config) {
		c.Tenants = func(_ context.Context, n resourcename.Tenant) error { return errs.NotFound("tenant", n.String()) }
	})
	if err := absent.watch(t.Context(), &watchv1.WatchTenantRequest{}).end(); errs.CodeOf(err) != errs.CodeNotFound {
		t.Errorf("of no tenant: %v", err)
	}
}
