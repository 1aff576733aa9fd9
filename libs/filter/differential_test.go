package filter

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/low-layer/platform/libs/paging"
	"github.com/low-layer/platform/libs/pg/pgtest"
	"pgregory.net/rapid"
)

// row is one row of the list; pointers may be null.
type row struct {
	ID          int64
	Name        string
	DisplayName *string
	State       string
	Reconciling bool
	Generation  *int64
	CreateTime  time.Time
	DeleteTime  *time.Time
	Labels      map[string]string
	CIDR        *netip.Prefix
}

// condition is a filter that knows by itself, without parser or database, which rows it selects.
type condition struct {
	text    string
	matches func(row) bool
}

const letters = "abAB1%_é'"

func genText() *rapid.Generator[string] {
	return rapid.StringOfN(rapid.SampledFrom([]rune(letters+`*\`)), 0, 4, -1)
}

func genRow() *rapid.Generator[row] {
	return rapid.Custom(func(t *rapid.T) row {
		r := row{
			Name: genText().Draw(t, "name"), State: rapid.SampledFrom([]string{"CREATING", "ACTIVE", "BLOCKED"}).Draw(t, "state"),
			Reconciling: rapid.Bool().Draw(t, "reconciling"), CreateTime: genTime().Draw(t, "create"),
			Labels: rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "x-y"}), genText(), 0, 3).Draw(t, "labels"),
		}
		if rapid.Bool().Draw(t, "display set") {
			r.DisplayName = new(genText().Draw(t, "display"))
		}
		if rapid.Bool().Draw(t, "generation set") {
			r.Generation = new(rapid.Int64Range(-2, 2).Draw(t, "generation"))
		}
		if rapid.Bool().Draw(t, "delete set") {
			r.DeleteTime = new(genTime().Draw(t, "delete"))
		}
		if rapid.Bool().Draw(t, "cidr set") {
			r.CIDR = new(genPrefix().Draw(t, "cidr"))
		}
		return r
	})
}

func genTime() *rapid.Generator[time.Time] {
	return rapid.Map(rapid.Int64Range(0, 3), func(day int64) time.Time { return time.Date(2026, 11, 1+int(day), 0, 0, 0, 0, time.UTC) })
}

func genPrefix() *rapid.Generator[netip.Prefix] {
	return rapid.SampledFrom([]netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("10.64.0.0/12"), netip.MustParsePrefix("10.64.0.0/20"),
		netip.MustParsePrefix("10.64.16.0/20"), netip.MustParsePrefix("10.64.0.7/32"), netip.MustParsePrefix("fd00::/48"),
	})
}

// quote writes a value so that the filter reads it back: as a text whose stars are literal.
func quote(text string) string {
	return strings.NewReplacer(`\`, `\\\\`, `*`, `\\*`, `"`, `\"`).Replace(text)
}

// wildcard is a text with stars between the pieces, and a matcher that knows nothing of LIKE.
func genWildcard(t *rapid.T) (text string, matches func(string) bool) {
	pieces := rapid.SliceOfN(genText(), 2, 3).Draw(t, "pieces")
	quoted := make([]string, len(pieces))
	for i, piece := range pieces {
		quoted[i] = quote(piece)
	}
	return `"` + strings.Join(quoted, "*") + `"`, func(s string) bool {
		rest, ok := strings.CutPrefix(s, pieces[0])
		if !ok || !strings.HasSuffix(rest, pieces[len(pieces)-1]) {
			return false
		}
		rest = strings.TrimSuffix(rest, pieces[len(pieces)-1])
		return len(pieces) == 2 || strings.Contains(rest, pieces[1])
	}
}

func genCondition(depth int) *rapid.Generator[condition] {
	return rapid.Custom(func(t *rapid.T) condition {
		kinds := 8
		if depth > 0 {
			kinds = 12
		}
		switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
		case 0:
			return genString(t, "name", func(r row) *string { return &r.Name })
		case 1:
			return genString(t, "display_name", func(r row) *string { return r.DisplayName })
		case 2:
			return genEnum(t)
		case 3:
			return genNumber(t)
		case 4:
			return genInstant(t)
		case 5:
			return genLabel(t)
		case 6:
			return genAddress(t)
		case 7:
			return genFlag(t)
		case 8, 9:
			inner := genCondition(depth-1).Draw(t, "inner")
			word := rapid.SampledFrom([]string{"NOT ", "-"}).Draw(t, "not")
			return condition{word + "(" + inner.text + ")", func(r row) bool { return !inner.matches(r) }}
		case 10:
			left, right := genCondition(depth-1).Draw(t, "left"), genCondition(depth-1).Draw(t, "right")
			word := rapid.SampledFrom([]string{" AND ", " "}).Draw(t, "and")
			return condition{"(" + left.text + word + right.text + ")", func(r row) bool { return left.matches(r) && right.matches(r) }}
		default:
			left, right := genCondition(depth-1).Draw(t, "left"), genCondition(depth-1).Draw(t, "right")
			return condition{"(" + left.text + " OR " + right.text + ")", func(r row) bool { return left.matches(r) || right.matches(r) }}
		}
	})
}

// holds decides an operator by the sign of a comparison.
func holds(op string, sign int) bool {
	return map[string]bool{"=": sign == 0, "!=": sign != 0, "<": sign < 0, "<=": sign <= 0, ">": sign > 0, ">=": sign >= 0}[op]
}

var operators = []string{"=", "!=", "<", "<=", ">", ">="}

// compared is a comparison that is false for a missing value, and `!=` its opposite.
func compared(op string, present bool, sign func() int) bool {
	if !present {
		return op == "!="
	}
	return holds(op, sign())
}

func genString(t *rapid.T, field string, get func(row) *string) condition {
	value := genText().Draw(t, "value")
	switch rapid.IntRange(0, 3).Draw(t, "way") {
	case 0:
		return condition{field + " : *", func(r row) bool { return get(r) != nil && *get(r) != "" }}
	case 1:
		fold := func(s string) string { return string(bytes.ToLower([]byte(s))) }
		return condition{field + `:"` + quote(value) + `"`, func(r row) bool {
			return get(r) != nil && strings.Contains(fold(*get(r)), fold(value))
		}}
	case 2:
		text, matches := genWildcard(t)
		op := rapid.SampledFrom([]string{"=", "!="}).Draw(t, "op")
		return condition{field + op + text, func(r row) bool {
			return (get(r) != nil && matches(*get(r))) == (op == "=")
		}}
	default:
		op := rapid.SampledFrom(operators).Draw(t, "op")
		return condition{field + " " + op + ` "` + quote(value) + `"`, func(r row) bool {
			return compared(op, get(r) != nil, func() int { return strings.Compare(*get(r), value) })
		}}
	}
}

func genEnum(t *rapid.T) condition {
	state := rapid.SampledFrom([]string{"CREATING", "ACTIVE", "BLOCKED"}).Draw(t, "state")
	op := rapid.SampledFrom([]string{"=", "!="}).Draw(t, "op")
	return condition{"state" + op + state, func(r row) bool { return (r.State == state) == (op == "=") }}
}

func genNumber(t *rapid.T) condition {
	number := rapid.Int64Range(-2, 2).Draw(t, "number")
	op := rapid.SampledFrom(operators).Draw(t, "op")
	return condition{fmt.Sprintf("generation %s %d", op, number), func(r row) bool {
		return compared(op, r.Generation != nil, func() int { return int(*r.Generation - number) })
	}}
}

func genInstant(t *rapid.T) condition {
	at, op := genTime().Draw(t, "at"), rapid.SampledFrom(operators).Draw(t, "op")
	value := at.In(time.FixedZone("", 3600)).Format(time.RFC3339)
	if rapid.Bool().Draw(t, "create") {
		return condition{fmt.Sprintf("create_time %s timestamp(%q)", op, value), func(r row) bool { return holds(op, r.CreateTime.Compare(at)) }}
	}
	if rapid.Bool().Draw(t, "any") {
		return condition{"metadata.delete_time:*", func(r row) bool { return r.DeleteTime != nil }}
	}
	return condition{fmt.Sprintf("metadata.delete_time %s %q", op, value), func(r row) bool {
		return compared(op, r.DeleteTime != nil, func() int { return r.DeleteTime.Compare(at) })
	}}
}

func genLabel(t *rapid.T) condition {
	key := rapid.SampledFrom([]string{"a", "b", "x-y"}).Draw(t, "key")
	has := func(r row) bool { _, ok := r.Labels[key]; return ok }
	op := rapid.SampledFrom([]string{"=", "!=", ":"}).Draw(t, "op")
	switch rapid.IntRange(0, 4).Draw(t, "way") {
	case 0:
		return condition{"labels:*", func(r row) bool { return len(r.Labels) > 0 }}
	case 1:
		return condition{fmt.Sprintf("labels:%q", key), has}
	case 2:
		return condition{fmt.Sprintf("labels.%q : *", key), has}
	case 3:
		text, matches := genWildcard(t)
		return condition{fmt.Sprintf("labels.%q%s%s", key, op, text), func(r row) bool {
			return (has(r) && matches(r.Labels[key])) == (op != "!=")
		}}
	default:
		value := genText().Draw(t, "value")
		return condition{fmt.Sprintf(`labels.%q %s "%s"`, key, op, quote(value)), func(r row) bool {
			return (has(r) && r.Labels[key] == value) == (op != "!=")
		}}
	}
}

func genAddress(t *rapid.T) condition {
	p, op := genPrefix().Draw(t, "prefix"), rapid.SampledFrom(append([]string{":"}, operators...)).Draw(t, "op")
	inside := func(inner, outer netip.Prefix) bool {
		return outer.Bits() <= inner.Bits() && outer.Contains(inner.Addr())
	}
	value := p.String()
	if p.IsSingleIP() {
		value = p.Addr().String()
	}
	return condition{fmt.Sprintf("cidr %s %q", op, value), func(r row) bool {
		if r.CIDR == nil {
			return op == "!="
		}
		c := *r.CIDR
		return map[string]bool{
			"=": c == p, "!=": c != p, "<": inside(c, p) && c != p, "<=": inside(c, p),
			">": inside(p, c) && c != p, ">=": inside(p, c), ":": inside(p, c),
		}[op]
	}}
}

func genFlag(t *rapid.T) condition {
	if rapid.Bool().Draw(t, "bare") {
		return condition{"reconciling", func(r row) bool { return r.Reconciling }}
	}
	want := rapid.Bool().Draw(t, "want")
	return condition{fmt.Sprintf("reconciling = %v", want), func(r row) bool { return r.Reconciling == want }}
}

func table(t *testing.T) *pgxpool.Pool {
	t.Helper()
	pool := pgtest.Pool(t, pgtest.OwnerURL(t))
	_, err := pool.Exec(t.Context(), `CREATE TABLE v (
		id bigint PRIMARY KEY, name text NOT NULL, display_name text, state text NOT NULL, reconciling boolean NOT NULL,
		generation bigint, create_time timestamptz NOT NULL, delete_time timestamptz, labels jsonb NOT NULL, cidr cidr)`)
	if err != nil {
		t.Fatal(err)
	}
	return pool
}

// load replaces what is in the table.
func load(ctx context.Context, t *rapid.T, pool *pgxpool.Pool, rows []row) {
	batch := &pgx.Batch{}
	batch.Queue("DELETE FROM v")
	for i := range rows {
		r := &rows[i]
		r.ID = int64(i)
		labels, err := json.Marshal(r.Labels)
		if err != nil {
			t.Fatal(err)
		}
		batch.Queue("INSERT INTO v VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
			r.ID, r.Name, r.DisplayName, r.State, r.Reconciling, r.Generation, r.CreateTime, r.DeleteTime, string(labels), r.CIDR)
	}
	if err := pool.SendBatch(ctx, batch).Close(); err != nil {
		t.Fatal(err)
	}
}

func query(ctx context.Context, t *rapid.T, pool *pgxpool.Pool, sql string, args ...any) []int64 {
	found, err := pool.Query(ctx, sql, args...)
	if err != nil {
		t.Fatalf("%s %v: %v", sql, args, err)
	}
	ids, err := pgx.CollectRows(found, pgx.RowTo[int64])
	if err != nil {
		t.Fatalf("%s %v: %v", sql, args, err)
	}
	return ids
}

func TestFilter_query_selectsItsRows(t *testing.T) {
	pool, schema := table(t), testSchema()
	rapid.Check(t, func(rt *rapid.T) {
		rows := rapid.SliceOfN(genRow(), 1, 12).Draw(rt, "rows")
		load(t.Context(), rt, pool, rows)
		for range 4 {
			filter := genCondition(3).Draw(rt, "filter")
			var want []int64
			for _, r := range rows {
				if filter.matches(r) {
					want = append(want, r.ID)
				}
			}
			where, args, err := schema.SQL(filter.text, 2)
			if err != nil {
				rt.Fatalf("%s: %v", filter.text, err)
			}
			got := query(t.Context(), rt, pool, "SELECT v.id FROM v WHERE v.id >= $1 AND "+where+" ORDER BY v.id", append([]any{0}, args...)...)
			if !slices.Equal(got, want) {
				rt.Fatalf("%s\nis %s %v\nselects %v, want %v", filter.text, where, args, got, want)
			}
		}
	})
}

func TestPages_rows_areInOrderOnce(t *testing.T) {
	pool, schema := table(t), testSchema()
	tokens := paging.New([]byte("key"))
	rapid.Check(t, func(rt *rapid.T) {
		load(t.Context(), rt, pool, rapid.SliceOfN(genRow(), 0, 12).Draw(rt, "rows"))
		by := rapid.SampledFrom([]string{"create_time", "create_time desc", "state, create_time desc", "state desc", "reconciling,state desc"}).Draw(rt, "order")
		orders, err := schema.OrderBy(by)
		if err != nil {
			rt.Fatal(err)
		}
		orders = append(orders, Order{Field: "uid", SQL: "v.id", Desc: rapid.Bool().Draw(rt, "desc")})
		want := query(t.Context(), rt, pool, "SELECT v.id FROM v ORDER BY "+paging.OrderBy(orders))
		size := rapid.IntRange(1, 5).Draw(rt, "size")
		var got []int64
		for token := ""; ; {
			page, next := readPage(t.Context(), rt, pool, tokens, orders, token, size)
			got = append(got, page...)
			if token = next; token == "" || len(got) > len(want) {
				break
			}
		}
		if !slices.Equal(got, want) {
			rt.Fatalf("by %s in pages of %d: %v, want %v", by, size, got, want)
		}
	})
}

func readPage(ctx context.Context, t *rapid.T, pool *pgxpool.Pool, tokens *paging.Token, orders []Order, token string, size int) ([]int64, string) {
	binding := paging.Binding{Method: "List"}
	last, err := tokens.Decode(token, binding)
	if err != nil {
		t.Fatal(err)
	}
	where, args, err := paging.After(orders, last, 1)
	if err != nil {
		t.Fatal(err)
	}
	columns := make([]string, len(orders))
	for i, o := range orders {
		columns[i] = o.SQL
	}
	found, err := pool.Query(ctx, fmt.Sprintf("SELECT %s FROM v WHERE %s ORDER BY %s LIMIT %d",
		strings.Join(columns, ", "), where, paging.OrderBy(orders), size+1), args...)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := pgx.CollectRows(found, func(r pgx.CollectableRow) ([]any, error) { return r.Values() })
	if err != nil {
		t.Fatal(err)
	}
	page, more := paging.Cut(rows, size)
	ids := make([]int64, len(page))
	for i, values := range page {
		ids[i] = values[len(values)-1].(int64)
	}
	if !more {
		return ids, ""
	}
	next, err := tokens.Encode(binding, page[len(page)-1]...)
	if err != nil {
		t.Fatal(err)
	}
	return ids, next
}
