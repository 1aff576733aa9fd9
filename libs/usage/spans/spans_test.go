package spans_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	eventv1 "github.com/low-layer/platform/gen/go/lowlayer/event/v1"
	meteringv1 "github.com/low-layer/platform/gen/go/lowlayer/metering/v1"
	"github.com/low-layer/platform/libs/event"
	"github.com/low-layer/platform/libs/pg"
	"github.com/low-layer/platform/libs/pg/pgtest"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/usage"
	"github.com/low-layer/platform/libs/usage/spans"
	"github.com/low-layer/platform/libs/watch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var subject = spans.Subject{Tenant: "acme", Resource: "tenants/acme/organisations/core/vpcs/dev", UID: "vpc_1"}

func database(t *testing.T) *pgxpool.Pool {
	t.Helper()
	t.Parallel()
	return pgtest.Database(t, watch.Migrations(), event.Migrations(), spans.Migrations())
}

func set(ctx context.Context, pool *pgxpool.Pool, items []usage.Item, at time.Time, then error) error {
	return pg.InTx(ctx, pool, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := spans.Set(ctx, tx, "network", subject, items, at); err != nil {
			return err
		}
		return then
	})
}

// published are the changes in the outbox, in their order.
func published(t *testing.T, pool *pgxpool.Pool) []*meteringv1.UsageChanged {
	t.Helper()
	rows, err := pool.Query(t.Context(), `SELECT payload FROM event_outbox ORDER BY sequence`)
	if err != nil {
		t.Fatal(err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*meteringv1.UsageChanged, error) {
		var payload []byte
		var e eventv1.Event
		var c meteringv1.UsageChanged
		return &c, errors.Join(row.Scan(&payload), proto.Unmarshal(payload, &e), e.GetData().UnmarshalTo(&c))
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSet_hundredEqualCallsAtOnce_makeOneSpan(t *testing.T) {
	pool := database(t)
	at := time.Now()
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if err := set(t.Context(), pool, usage.Of("vpc", resource.Dedicated), at, nil); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := published(t, pool); len(got) != 1 || len(got[0].GetSpans()) != 2 {
		t.Errorf("got %d events: %v", len(got), got)
	}
}

func TestSet_modeChangesAndResourceGoes_spansMeetAtTheSecond(t *testing.T) {
	pool := database(t)
	begin := time.Date(2026, 11, 30, 12, 0, 0, 900e6, time.UTC)
	for i, items := range [][]usage.Item{usage.Of("hub", resource.Mutualized), usage.Of("hub", resource.Dedicated), nil} {
		if err := set(t.Context(), pool, items, begin.Add(time.Duration(i)*90*time.Second), nil); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, c := range published(t, pool) {
		for _, s := range c.GetSpans() {
			line := s.GetMode().String() + " " + s.GetStartTime().AsTime().Format(time.TimeOnly)
			if s.GetEndTime() != nil {
				line += " " + s.GetEndTime().AsTime().Format(time.TimeOnly)
			}
			got = append(got, line)
		}
	}
	want := []string{
		"MUTUALIZED 12:00:00", "MUTUALIZED 12:00:00 12:01:30", "DEDICATED 12:01:30", "DEDICATED 12:01:30 12:03:00",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSet_rolledBack_leavesNothing(t *testing.T) {
	pool := database(t)
	refused := errors.New("refused")
	if err := set(t.Context(), pool, usage.Of("vpc", resource.Dedicated), time.Now(), refused); !errors.Is(err, refused) {
		t.Fatal(err)
	}
	ending, err := spans.Ending(t.Context(), pool, []string{subject.UID})
	if err != nil || len(ending) != 0 || len(published(t, pool)) != 0 {
		t.Errorf("left: %v, %v", ending, err)
	}
}

func TestSet_clockBehind_endsNoSpanBeforeItsBegin(t *testing.T) {
	pool := database(t)
	at := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	if err := errors.Join(set(t.Context(), pool, usage.Of("hub", resource.Dedicated), at, nil), set(t.Context(), pool, nil, at.Add(-time.Hour), nil)); err != nil {
		t.Fatal(err)
	}
	got := published(t, pool)
	if end := got[1].GetSpans()[0].GetEndTime().AsTime(); !end.Equal(at) {
		t.Errorf("the span ends at %v", end)
	}
}

func TestConstraints_violated_failByName(t *testing.T) {
	pool := database(t)
	for name, row := range map[string]string{
		"usage_open_quantity_check":   `'a', 'r', 'u', 'vpc', 'DEDICATED', 0, '2026-01-01T00:00:00Z'`,
		"usage_open_start_time_check": `'a', 'r', 'u', 'vpc', 'DEDICATED', 1, '2026-01-01T00:00:00.5Z'`,
	} {
		_, err := pool.Exec(t.Context(), `INSERT INTO usage_open (tenant, resource, resource_uid, meter, mode, quantity, start_time) VALUES (`+row+`)`)
		if pg.ConstraintOf(err) != name {
			t.Errorf("%s: %v", name, err)
		}
	}
}
