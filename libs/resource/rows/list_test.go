package rows_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/filter"
	"github.com/low-layer/platform/libs/paging"
	"github.com/low-layer/platform/libs/pg/pgtest"
	"github.com/low-layer/platform/libs/resource"
	"github.com/low-layer/platform/libs/resource/rows"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type item struct {
	Name    string
	Parent  string
	Created time.Time
	Gone    bool
}

func listing() *rows.Listing[item] {
	return &rows.Listing[item]{
		Kind: "item", Query: `SELECT i.name, i.parent, i.created, i.gone FROM ` + items, Scan: pgx.RowToStructByName[item],
		Schema: filter.NewSchema(filter.String("name", "i.name"), filter.Timestamp("create_time", "i.created")),
		Orders: []string{"name", "create_time"}, Unique: paging.Order{Field: "name", SQL: "i.name"}, Shown: "NOT i.gone", Name: "i.name", Parent: "i.parent",
		Values: func(i item) map[string]any { return map[string]any{"name": i.Name, "create_time": i.Created} },
	}
}

// items are a to f: a, c and e in parent x, the others in y; f is gone. b is the oldest, all others are of one moment.
const items = `(VALUES ('a', 'x', timestamptz '2026-11-27', false), ('b', 'y', '2026-11-26', false), ('c', 'x', '2026-11-27', false),
	('d', 'y', '2026-11-27', false), ('e', 'x', '2026-11-27', false), ('f', 'y', '2026-11-27', true)) i (name, parent, created, gone)`

func TestPage(t *testing.T) {
	t.Parallel()
	pool, tokens := pgtest.Database(t), paging.New([]byte("key"))
	for name, c := range map[string]struct {
		in    resource.List
		scope string
		want  string
	}{
		"all shown":       {resource.List{}, "TRUE", "abcde"},
		"all":             {resource.List{All: true}, "TRUE", "abcdef"},
		"scope":           {resource.List{}, "i.parent = 'x'", "ace"},
		"filter":          {resource.List{Filter: `name = "b" OR name = "f"`}, "TRUE", "b"},
		"descending":      {resource.List{Order: "name desc"}, "TRUE", "edcba"},
		"only":            {resource.List{Only: []string{"a", "d", "f"}, Within: []string{}}, "TRUE", "ad"},
		"within":          {resource.List{Only: []string{}, Within: []string{"y"}}, "TRUE", "bd"},
		"only and within": {resource.List{Only: []string{"a"}, Within: []string{"y"}, All: true}, "TRUE", "abdf"},
		"nothing visible": {resource.List{Only: []string{}, Within: []string{}}, "TRUE", ""},
	} {
		for size := 1; size <= 7; size++ {
			in := c.in
			in.Size = size
			var got strings.Builder
			for pages := 0; ; pages++ {
				page, err := listing().Page(t.Context(), pool, tokens, in, c.scope)
				if err != nil || pages > 7 {
					t.Fatalf("%s, pages of %d: %v after %d pages", name, size, err, pages)
				}
				for _, i := range page.Items {
					got.WriteString(i.Name)
				}
				if in.Token = page.Next; page.Next == "" {
					break
				}
			}
			if got.String() != c.want {
				t.Errorf("%s, pages of %d: %q, want %q", name, size, got.String(), c.want)
			}
		}
	}
}

func TestPage_orderWithTies_losesNoRow(t *testing.T) {
	t.Parallel()
	pool, tokens := pgtest.Database(t), paging.New([]byte("key"))
	for _, order := range []string{"create_time", "create_time desc"} {
		var got []string
		in := resource.List{Size: 1, Order: order, All: true}
		for {
			page, err := listing().Page(t.Context(), pool, tokens, in, "TRUE")
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, page.Items[0].Name)
			if in.Token = page.Next; in.Token == "" {
				break
			}
		}
		if slices.Sort(got); strings.Join(got, "") != "abcdef" {
			t.Errorf("%s: %v", order, got)
		}
	}
}

func TestPage_tokenOfAnotherList_isRefused(t *testing.T) {
	t.Parallel()
	pool, tokens := pgtest.Database(t), paging.New([]byte("key"))
	page, err := listing().Page(t.Context(), pool, tokens, resource.List{Size: 1}, "TRUE")
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range []resource.List{{All: true}, {Parent: "x"}, {Filter: `name = "a"`}, {Order: "name desc"}} {
		in.Size, in.Token = 1, page.Next
		if _, err := listing().Page(t.Context(), pool, tokens, in, "TRUE"); errs.CodeOf(err) != errs.InvalidArgument {
			t.Errorf("%+v: %v", in, err)
		}
	}
}

func TestPage_narrowedListWithoutAName_isEmpty(t *testing.T) {
	t.Parallel()
	pool := pgtest.Database(t)
	l := listing()
	l.Name = ""
	page, err := l.Page(t.Context(), pool, paging.New(nil), resource.List{Size: 9, Only: []string{"a"}}, "TRUE")
	if err != nil || len(page.Items) != 0 {
		t.Errorf("got %v, %v", page.Items, err)
	}
}

func TestOne_noRow_isNotFound(t *testing.T) {
	t.Parallel()
	pool := pgtest.Database(t)
	if _, err := rows.One(t.Context(), pool, "item", "items/z", pgx.RowToStructByName[item], listing().Query+` WHERE i.name = 'z'`); errs.ReasonOf(err) != "ITEM_NOT_FOUND" {
		t.Errorf("got %v", err)
	}
	upper := rows.By(func(i item) (string, error) {
		if i.Gone {
			return "", fmt.Errorf("%s is gone", i.Name)
		}
		return strings.ToUpper(i.Name), nil
	})
	if got, err := rows.Many(t.Context(), pool, "item", upper, listing().Query+` WHERE NOT i.gone ORDER BY i.name`); err != nil || strings.Join(got, "") != "ABCDE" {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := rows.Many(t.Context(), pool, "item", upper, listing().Query); err == nil || !strings.Contains(err.Error(), "f is gone") {
		t.Errorf("got %v", err)
	}
	if n, err := rows.First[int64](t.Context(), pool, "count", `SELECT count(*) FROM `+items+` WHERE gone`); err != nil || n != 1 {
		t.Errorf("got %d, %v", n, err)
	}
	if s, err := rows.First[string](t.Context(), pool, "name", `SELECT name FROM `+items+` WHERE name = 'z'`); err != nil || s != "" {
		t.Errorf("got %q, %v", s, err)
	}
}
