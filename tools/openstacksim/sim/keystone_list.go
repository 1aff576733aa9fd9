package sim

import (
	"net/url"
	"slices"
	"strings"
)

// collection is Keystone's list envelope. Keystone does not page these lists.
func (cl *call) collection(key string, items []any) (reply, *apiError) {
	return ok(map[string]any{
		key:     items,
		"links": map[string]any{"self": cl.baseURL() + cl.r.URL.Path, "next": nil, "previous": nil},
	})
}

func (cl *call) selfLink(parts ...string) map[string]any {
	return map[string]any{"self": cl.baseURL() + "/identity/v3/" + strings.Join(parts, "/")}
}

// fits applies the equality filters of a Keystone list and its "name__contains" kind.
func fits(q url.Values, values map[string]string) bool {
	for key, have := range values {
		if q.Has(key) && !equalFilter(q.Get(key), have) {
			return false
		}
		switch {
		case q.Has(key+"__contains") && !strings.Contains(have, q.Get(key+"__contains")),
			q.Has(key+"__icontains") && !strings.Contains(strings.ToLower(have), strings.ToLower(q.Get(key+"__icontains"))),
			q.Has(key+"__startswith") && !strings.HasPrefix(have, q.Get(key+"__startswith")),
			q.Has(key+"__endswith") && !strings.HasSuffix(have, q.Get(key+"__endswith")):
			return false
		}
	}
	return true
}

func equalFilter(want, have string) bool {
	switch have {
	case "true":
		return want == "" || want == "1" || strings.EqualFold(want, "true")
	case "false":
		return want == "0" || strings.EqualFold(want, "false")
	}
	return want == have
}

// tagsFit applies the four tag filters that Keystone and Neutron share.
func tagsFit(q url.Values, tags []string) bool {
	split := func(key string) []string { return strings.Split(q.Get(key), ",") }
	has := func(t string) bool { return slices.Contains(tags, t) }
	if q.Has("tags") && slices.ContainsFunc(split("tags"), func(t string) bool { return !has(t) }) {
		return false
	}
	if q.Has("tags-any") && !slices.ContainsFunc(split("tags-any"), has) {
		return false
	}
	if q.Has("not-tags") && !slices.ContainsFunc(split("not-tags"), func(t string) bool { return !has(t) }) {
		return false
	}
	return !q.Has("not-tags-any") || !slices.ContainsFunc(split("not-tags-any"), has)
}

func boolText(b bool) string {
	if b {
		return "true"
	}
	return "false"
}
