package filter

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/low-layer/platform/libs/errs"
)

// states are those of lowlayer.type.v1 that the tests need.
var states = map[string]int32{"STATE_UNSPECIFIED": 0, "CREATING": 1, "ACTIVE": 2, "BLOCKED": 6}

func testSchema() *Schema {
	return NewSchema(
		String("name", "v.name"), String("display_name", "v.display_name"), Enum("state", "v.state", states),
		Bool("reconciling", "v.reconciling"), Integer("generation", "v.generation"),
		Timestamp("create_time", "v.create_time"), Timestamp("metadata.delete_time", "v.delete_time"),
		Labels("labels", "v.labels"), CIDR("cidr", "v.cidr"),
	)
}

func TestFilter_SQL(t *testing.T) {
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for text, want := range map[string]struct {
		where string
		args  string
	}{
		"":                                     {"TRUE", "[]"},
		"  \t ":                                {"TRUE", "[]"},
		`name = "dev"`:                         {"v.name = $3::text", "[dev]"},
		`name=dev`:                             {"v.name = $3::text", "[dev]"},
		`name = 'd\'ev'`:                       {"v.name = $3::text", "[d'ev]"},
		`name != dev`:                          {"(NOT coalesce(v.name = $3::text, FALSE))", "[dev]"},
		`name = 007`:                           {"v.name = $3::text", "[007]"},
		`name = 1.50`:                          {"v.name = $3::text", "[1.50]"},
		`name = a.b`:                           {"v.name = $3::text", "[a.b]"},
		`name = "d%v_*"`:                       {"v.name LIKE $3::text", `[d\%v\_%]`},
		`name = "a\\*b"`:                       {"v.name = $3::text", "[a*b]"},
		`name : "e"`:                           {"v.name ILIKE $3::text", "[%e%]"},
		`name:*`:                               {"v.name <> ''", "[]"},
		`name >= "a"`:                          {`v.name COLLATE "C" >= $3::text`, "[a]"},
		`state = ACTIVE`:                       {"v.state = $3::text", "[ACTIVE]"},
		`state : ACTIVE`:                       {"v.state = $3::text", "[ACTIVE]"},
		`reconciling`:                          {"v.reconciling = $3::boolean", "[true]"},
		`NOT reconciling`:                      {"(NOT coalesce(v.reconciling = $3::boolean, FALSE))", "[true]"},
		`-reconciling`:                         {"(NOT coalesce(v.reconciling = $3::boolean, FALSE))", "[true]"},
		`NOT (reconciling)`:                    {"(NOT coalesce(v.reconciling = $3::boolean, FALSE))", "[true]"},
		`generation > -3`:                      {"v.generation > $3::bigint", "[-3]"},
		`create_time < "2026-11-01T00:00:00Z"`: {"v.create_time < $3::timestamptz", fmt.Sprint([]any{at})},
		`create_time < timestamp("2026-11-01T00:00:00Z")`: {"v.create_time < $3::timestamptz", fmt.Sprint([]any{at})},
		`createTime < "2026-11-01T00:00:00Z"`:             {"v.create_time < $3::timestamptz", fmt.Sprint([]any{at})},
		`metadata.deleteTime:*`:                           {"(v.delete_time IS NOT NULL)", "[]"},
		`name = createTime`:                               {"v.name = $3::text", "[createTime]"},
		`metadata.delete_time:*`:                          {"(v.delete_time IS NOT NULL)", "[]"},
		`labels.env = prod`:                               {"v.labels @> jsonb_build_object($3::text, $4::text)", "[env prod]"},
		`labels."a-b" != "x"`:                             {"(NOT coalesce(v.labels @> jsonb_build_object($3::text, $4::text), FALSE))", "[a-b x]"},
		`labels.a.b:*`:                                    {"v.labels ? $3::text", "[a.b]"},
		`labels:env`:                                      {"v.labels ? $3::text", "[env]"},
		`labels:*`:                                        {"v.labels <> '{}'::jsonb", "[]"},
		`labels.env = "p*"`:                               {"v.labels ->> $3::text LIKE $4::text", "[env p%]"},
		`cidr : "10.64.0.7"`:                              {"v.cidr >>= $3::inet", "[10.64.0.7/32]"},
		`cidr <= "10.64.0.1/12"`:                          {"v.cidr <<= $3::inet", "[10.64.0.0/12]"},
		`cidr = "fd00::/48"`:                              {"v.cidr = $3::inet", "[fd00::/48]"},
		`name = a AND state = ACTIVE`:                     {"(v.name = $3::text AND v.state = $4::text)", "[a ACTIVE]"},
		`name = a state = ACTIVE`:                         {"(v.name = $3::text AND v.state = $4::text)", "[a ACTIVE]"},
		`name = a AND name = b OR name = c`:               {"(v.name = $3::text AND (v.name = $4::text OR v.name = $5::text))", "[a b c]"},
		`(name = a AND name = b) OR name = c`:             {"((v.name = $3::text AND v.name = $4::text) OR v.name = $5::text)", "[a b c]"},
	} {
		where, args, err := testSchema().SQL(text, 3)
		if err != nil || where != want.where || fmt.Sprint(args) != want.args {
			t.Errorf("%s\n got %s %v %v\nwant %s %s", text, where, args, err, want.where, want.args)
		}
	}
}

func TestFilter_mistake_namesPlaceAndRemedy(t *testing.T) {
	for text, want := range map[string]string{
		`nome = "x"`:                        `at character 1: there is no field "nome" to filter by: use one of name, display_name, state`,
		`name = "x" AND nome = "x"`:         "at character 16: there is no field",
		`name = "é" AND nome = "x"`:         "at character 16: there is no field",
		`   nome = 1`:                       "at character 4: there is no field",
		`name.first = "x"`:                  `no field "name.first"`,
		`state = RUNNING`:                   "use one of STATE_UNSPECIFIED, CREATING, ACTIVE, BLOCKED",
		`state < ACTIVE`:                    "use = or !=",
		`reconciling = yes`:                 "use true or false",
		`reconciling > true`:                "use = or !=",
		`generation = abc`:                  "use a whole number",
		`generation = 99999999999999999999`: "",
		`generation = 1.5`:                  "use a whole number",
		`create_time > yesterday`:           `use a quoted time such as "2026-11-01T00:00:00Z"`,
		`cidr : "10.0.0.0/99"`:              "use a quoted address or range",
		`cidr : "dev"`:                      "use a quoted address or range",
		`labels = x`:                        `say which label: labels.KEY = "value"`,
		`labels.env > x`:                    "use =, != or :",
		`labels : "e*"`:                     "without *",
		`name > "a*"`:                       "not behind >",
		`name`:                              `name alone says nothing: compare it, for example name = "value"`,
		`labels.env`:                        "compare it",
		`"dev"`:                             `write FIELD = "value"`,
		`42`:                                `write FIELD = "value"`,
		`"name" = "x"`:                      "the left side must be a field",
		`name = (a OR b)`:                   "the right side must be a single value",
		`name = upper("x")`:                 "the right side must be a single value",
		`size(name)`:                        `"size" is not a function here`,
		`OR(reconciling)`:                   `"OR" is not a function here`,
		`AND()`:                             `"AND" is not a function here`,
		`name = "x`:                         "close its quote",
		`name =`:                            "complete it",
		`name = my-vpc`:                     "in double quotes",
		`cidr = 10.0.0.0/8`:                 "in double quotes",
		`name = a)`:                         "this parenthesis closes nothing",
		`(name = a`:                         "complete it",
		`name = a AND`:                      "",
		`name = "a\000b"`:                   "NUL",
		`labels."a\000b" = x`:               "NUL",
		"name = \"\xff\"":                   "UTF-8",
		strings.Repeat("x", maxLength+1):    "shorten it",
		strings.Repeat("reconciling ", maxComparisons+1): "more than 64 comparisons",
	} {
		_, _, err := testSchema().SQL(text, 1)
		e, ok := errs.As(err)
		if !ok || e.Code != errs.InvalidArgument || len(e.Fields) != 1 || e.Fields[0].Field != "filter" {
			t.Errorf("%.60q gives %v", text, err)
			continue
		}
		if got := e.Fields[0].Description; !strings.Contains(got, want) {
			t.Errorf("%.60q\n got %s\nwant %s", text, got, want)
		}
	}
}

func TestFilter_deepNesting_isRefused(t *testing.T) {
	half := maxLength/2 - 10
	deep := strings.Repeat("(", half) + "reconciling" + strings.Repeat(")", half)
	if _, args, err := testSchema().SQL(deep, 1); err != nil || len(args) != 1 {
		t.Errorf("balanced: %v", err)
	}
	for _, text := range []string{strings.Repeat("(", maxLength), strings.Repeat("f(", maxLength/2), strings.Repeat("f((", maxLength/3), strings.Repeat("-", maxLength)} {
		if _, _, err := testSchema().SQL(text, 1); err == nil {
			t.Errorf("%.10q… was taken", text)
		}
	}
}

func TestOrderBy(t *testing.T) {
	for text, want := range map[string][]Order{
		"":                             nil,
		" ":                            nil,
		"name":                         {{Field: "name", SQL: "v.name"}},
		"name asc":                     {{Field: "name", SQL: "v.name"}},
		"createTime desc, displayName": {{Field: "create_time", SQL: "v.create_time", Desc: true}, {Field: "display_name", SQL: "v.display_name"}},
		" create_time  desc ,name":     {{Field: "create_time", SQL: "v.create_time", Desc: true}, {Field: "name", SQL: "v.name"}},
	} {
		got, err := testSchema().OrderBy(text)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"nome":                                   `there is no order by "nome": use one of name, display_name`,
		"labels":                                 "no order by",
		"name down":                              "write asc or desc behind name",
		"name desc desc":                         "is not understood",
		"name,,state":                            "part 2",
		"name, name desc":                        "named twice",
		"create_time, createTime":                "named twice",
		"createtime":                             "no order by",
		"name,state,cidr,generation,reconciling": "more than 4",
		"name; DROP TABLE vpcs":                  "is not understood",
		strings.Repeat("x", 3000):                "too long",
		strings.Repeat("x", 300):                 "…",
	} {
		_, err := testSchema().OrderBy(text)
		e, ok := errs.As(err)
		if !ok || len(e.Fields) != 1 || e.Fields[0].Field != "order_by" || !strings.Contains(e.Fields[0].Description, want) {
			t.Errorf("%.40q: %v", text, err)
		}
	}
	if _, err := testSchema().OrderBy("state", "name", "create_time"); err == nil || !strings.Contains(err.Error(), "use one of name, create_time") {
		t.Errorf("a field that is not allowed: %v", err)
	}
}

func FuzzFilter(f *testing.F) {
	for _, seed := range []string{
		`name = "dev*" AND NOT (labels.env : prod OR cidr <= "10.0.0.0/8")`, `create_time > timestamp("2026-01-01T00:00:00Z")`,
		`-reconciling generation >= -12`, `labels."x-y":*`, `name = '\'; DROP TABLE vpcs; --'`, `f(((`, `"\\`,
	} {
		f.Add(seed)
	}
	schema := testSchema()
	f.Fuzz(func(t *testing.T, text string) {
		where, args, err := schema.SQL(text, 1)
		if err != nil {
			if e, ok := errs.As(err); !ok || e.Fields[0].Field != "filter" {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		// Every value is a parameter: what is left is made of this package's own pieces only.
		for i := range args {
			if !strings.Contains(where, fmt.Sprintf("$%d", i+1)) {
				t.Fatalf("%q: $%d is not in %s", text, i+1, where)
			}
		}
		if strings.ContainsAny(where, ";\\%\n") || strings.Contains(where, "--") {
			t.Fatalf("%q: text of the caller is in %s", text, where)
		}
	})
}
