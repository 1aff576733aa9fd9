package paging_test

import (
	"encoding/base64"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/paging"
	"pgregory.net/rapid"
)

func TestSize(t *testing.T) {
	for n, want := range map[int32]int{0: 50, -1: 50, 1: 1, 50: 50, 1000: 1000, 1001: 1000, math.MaxInt32: 1000, math.MinInt32: 50} {
		if got := paging.Size(n); got != want {
			t.Errorf("Size(%d) = %d, want %d", n, got, want)
		}
	}
}

func TestCut(t *testing.T) {
	for rows, want := range map[int]struct {
		page int
		more bool
	}{0: {0, false}, 2: {2, false}, 3: {3, false}, 4: {3, true}} {
		page, more := paging.Cut(make([]string, rows), 3)
		if len(page) != want.page || more != want.more {
			t.Errorf("%d rows: page of %d, more %v", rows, len(page), more)
		}
	}
}

func genBinding() *rapid.Generator[paging.Binding] {
	return rapid.Custom(func(t *rapid.T) paging.Binding {
		return paging.Binding{
			Method: rapid.SampledFrom([]string{"ListVpcs", "ListPeerings", ""}).Draw(t, "method"),
			Parent: rapid.SampledFrom([]string{"tenants/acme", "tenants/-", ""}).Draw(t, "parent"),
			Filter: rapid.SampledFrom([]string{`name = "a"`, `name = "b"`, ""}).Draw(t, "filter"),
			Order:  rapid.SampledFrom([]string{"name", "name desc", ""}).Draw(t, "order"),
		}
	})
}

func genValue() *rapid.Generator[any] {
	return rapid.OneOf(
		rapid.String().AsAny(), rapid.Int64().AsAny(), rapid.Bool().AsAny(),
		rapid.Map(rapid.Int64Range(-62135596800, 253402300799), func(s int64) any { return time.Unix(s, 123456000).UTC() }),
	)
}

func TestToken_ownList_returnsValues(t *testing.T) {
	tokens := paging.New([]byte("a key of the test"))
	rapid.Check(t, func(t *rapid.T) {
		binding, other := genBinding().Draw(t, "binding"), genBinding().Draw(t, "other")
		values := rapid.SliceOfN(genValue(), 1, 4).Draw(t, "values")
		token, err := tokens.Encode(binding, values...)
		if err != nil {
			t.Fatal(err)
		}
		got, err := tokens.Decode(token, binding)
		if err != nil || !reflect.DeepEqual(got, values) {
			t.Fatalf("got %v, %v; want %v", got, err, values)
		}
		_, err = tokens.Decode(token, other)
		if (err == nil) != (binding == other) {
			t.Fatalf("for %+v a token of %+v gives %v", other, binding, err)
		}
	})
}

func fault(t *testing.T, err error) string {
	t.Helper()
	e, ok := errs.As(err)
	if !ok || e.Code != errs.InvalidArgument || len(e.Fields) != 1 || e.Fields[0].Field != "page_token" {
		t.Fatalf("got %v, want one fault of page_token", err)
	}
	return e.Fields[0].Description
}

func TestToken_otherList_namesTheDifference(t *testing.T) {
	tokens := paging.New([]byte("key"))
	binding := paging.Binding{Method: "ListVpcs", Parent: "tenants/acme", Filter: "state = ACTIVE", Order: "name"}
	token, err := tokens.Encode(binding, "dev")
	if err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*paging.Binding){
		"method":   func(b *paging.Binding) { b.Method = "ListPeerings" },
		"parent":   func(b *paging.Binding) { b.Parent = "tenants/other" },
		"filter":   func(b *paging.Binding) { b.Filter = "" },
		"order_by": func(b *paging.Binding) { b.Order = "name desc" },
	} {
		other := binding
		change(&other)
		_, err := tokens.Decode(token, other)
		if text := fault(t, err); !strings.Contains(text, "another "+want) || !strings.Contains(text, "leave page_token empty") {
			t.Errorf("%s: %s", want, text)
		}
	}
}

func TestToken_changed_isRefused(t *testing.T) {
	tokens := paging.New([]byte("key"))
	binding := paging.Binding{Method: "ListVpcs"}
	token, err := tokens.Encode(binding, "dev", int64(3))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		changed := slices.Clone(raw)
		changed[i] ^= 1
		_, err := tokens.Decode(base64.RawURLEncoding.EncodeToString(changed), binding)
		fault(t, err)
	}
	for _, bad := range []string{"x", "%%%", token[:len(token)-4], token + "AAAA", strings.Repeat("A", 10000), " " + token} {
		_, err := tokens.Decode(bad, binding)
		fault(t, err)
	}
	if _, err := paging.New([]byte("another key")).Decode(token, binding); err == nil {
		t.Error("a token of another key was taken")
	}
}

func TestKeyset_firstPage_needsNoToken(t *testing.T) {
	values, err := paging.New(nil).Decode("", paging.Binding{Method: "ListVpcs"})
	if err != nil || values != nil {
		t.Errorf("got %v, %v", values, err)
	}
}

func TestToken_otherValue_fails(t *testing.T) {
	if _, err := paging.New(nil).Encode(paging.Binding{}, []string{"x"}); err == nil || !strings.Contains(err.Error(), "[]string") {
		t.Errorf("got %v", err)
	}
	token, err := paging.New(nil).Encode(paging.Binding{}, 1, int32(2))
	if err != nil {
		t.Fatal(err)
	}
	values, err := paging.New(nil).Decode(token, paging.Binding{})
	if err != nil || !reflect.DeepEqual(values, []any{int64(1), int64(2)}) {
		t.Errorf("got %v, %v", values, err)
	}
}

func TestAfter(t *testing.T) {
	a, b := paging.Order{SQL: "a"}, paging.Order{SQL: "b"}
	down := func(o paging.Order) paging.Order { o.Desc = true; return o }
	for name, c := range map[string]struct {
		orders []paging.Order
		last   []any
		where  string
		order  string
	}{
		"first page": {[]paging.Order{a}, nil, "TRUE", "a ASC"},
		"one":        {[]paging.Order{a}, []any{1}, "(a) > ($3)", "a ASC"},
		"up":         {[]paging.Order{a, b}, []any{1, 2}, "(a, b) > ($3, $4)", "a ASC, b ASC"},
		"down":       {[]paging.Order{down(a), down(b)}, []any{1, 2}, "(a, b) < ($3, $4)", "a DESC, b DESC"},
		"mixed":      {[]paging.Order{down(a), b}, []any{1, 2}, "((a < $3) OR (a = $3 AND b > $4))", "a DESC, b ASC"},
	} {
		where, args, err := paging.After(c.orders, c.last, 3)
		if err != nil || where != c.where || !reflect.DeepEqual(args, c.last) || paging.OrderBy(c.orders) != c.order {
			t.Errorf("%s: %q %v %v, order %q", name, where, args, err, paging.OrderBy(c.orders))
		}
	}
	_, _, err := paging.After([]paging.Order{a, b}, []any{1}, 1)
	fault(t, err)
}

func FuzzDecode(f *testing.F) {
	tokens := paging.New([]byte("key"))
	binding := paging.Binding{Method: "ListVpcs", Parent: "tenants/acme"}
	token, err := tokens.Encode(binding, "dev", int64(1), true, time.Unix(0, 0))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(token)
	f.Add("")
	f.Add("AAAA")
	f.Fuzz(func(t *testing.T, text string) {
		values, err := tokens.Decode(text, binding)
		if err == nil && text != "" && text != token {
			t.Fatalf("a made-up token %q gives %v", text, values)
		}
	})
}
