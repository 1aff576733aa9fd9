package sim

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// controls are the query parameters that are not filters.
var controls = []string{"fields", "limit", "marker", "page_reverse", "sort_key", "sort_dir"}

var tagFilters = []string{"tags", "tags-any", "not-tags", "not-tags-any"}

// baseFilters are answered from meta, without building the view of what they leave out.
var baseFilters = map[string]func(*meta) string{
	"id":          func(m *meta) string { return m.ID },
	"name":        func(m *meta) string { return m.Name },
	"description": func(m *meta) string { return m.Description },
	"project_id":  func(m *meta) string { return m.ProjectID },
	"tenant_id":   func(m *meta) string { return m.ProjectID },
}

func (r *netResource[T]) list(cl *call) (reply, *apiError) {
	if r.prepare != nil {
		r.prepare(cl, cl.who.projectID)
	}
	var rest []string // filters that need the view
	for key := range cl.query {
		if baseFilters[key] == nil && r.filters[key] == nil &&
			!slices.Contains(controls, key) && !slices.Contains(tagFilters, key) {
			rest = append(rest, key)
		}
	}
	objects := inOrder(r.table(cl.st), func(o T) bool { return r.matches(cl, o) })
	views := make([]map[string]any, 0, len(objects))
	for _, o := range objects {
		v := r.view(cl, o)
		if viewFits(v, cl.query, rest) {
			views = append(views, v)
		}
	}
	if fail := r.checkFilters(cl, rest); fail != nil {
		return refuse(fail)
	}
	page, links, fail := r.page(cl, views)
	if fail != nil {
		return refuse(fail)
	}
	if fields := cl.query["fields"]; len(fields) > 0 {
		for i, v := range page {
			page[i] = pick(v, fields)
		}
	}
	body := map[string]any{r.plural: page}
	if len(links) > 0 {
		body[r.plural+"_links"] = links
	}
	return ok(body)
}

func (r *netResource[T]) matches(cl *call, o T) bool {
	m := o.base()
	if !cl.fresh(m) {
		return false
	}
	for key, values := range cl.query {
		if f := baseFilters[key]; f != nil && !slices.Contains(values, f(m)) {
			return false
		}
		if f := r.filters[key]; f != nil && !f(cl, o, values) {
			return false
		}
	}
	return tagsFit(cl.query, m.Tags) && r.visible(cl, o)
}

// checkFilters refuses unknown filters, which Neutron does with its filter-validation
// extension. The attributes are known from a view of any object; of an empty table all
// filters pass, for there is nothing they could wrongly let through.
func (r *netResource[T]) checkFilters(cl *call, keys []string) *apiError {
	any, found := find(r.table(cl.st), func(o T) bool { return r.visible(cl, o) })
	if !found {
		return nil
	}
	view := r.view(cl, any)
	var unknown []string
	for _, key := range keys {
		if _, known := view[key]; !known {
			unknown = append(unknown, key)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	slices.Sort(unknown)
	return netBadRequest("%s is invalid attribute for filtering", pythonList(unknown))
}

func viewFits(view map[string]any, q url.Values, keys []string) bool {
	for _, key := range keys {
		if !slices.ContainsFunc(q[key], func(want string) bool { return valueFits(view[key], want) }) {
			return false
		}
	}
	return true
}

func valueFits(have any, want string) bool {
	switch v := have.(type) {
	case nil:
		return want == "" || want == "None"
	case bool:
		return equalFilter(want, boolText(v))
	case []string:
		return slices.Contains(v, want)
	default:
		return fmt.Sprint(v) == want
	}
}

type link struct {
	Rel  string `json:"rel"`
	Href string `json:"href"`
}

// page sorts and cuts the way Neutron's native paging does: a full page has a next link
// though nothing may follow.
func (r *netResource[T]) page(cl *call, views []map[string]any) ([]map[string]any, []link, *apiError) {
	limit, fail := queryLimit(cl.query)
	if fail != nil {
		return nil, nil, fail
	}
	marker := cl.query.Get("marker")
	keys := cl.query["sort_key"]
	if len(keys) > 0 || limit > 0 || marker != "" {
		sortViews(views, keys, cl.query["sort_dir"])
	}
	if marker != "" {
		i := slices.IndexFunc(views, func(v map[string]any) bool { return v["id"] == marker })
		if i < 0 {
			return nil, nil, r.missing(marker)
		}
		views = views[i+1:]
	}
	if limit <= 0 {
		return views, nil, nil
	}
	var links []link
	if len(views) >= limit {
		views = views[:limit]
		links = append(links, cl.pageLink("next", views[limit-1]["id"], false))
	}
	if marker != "" && len(views) > 0 {
		links = append(links, cl.pageLink("previous", views[0]["id"], true))
	}
	return views, links, nil
}

func (cl *call) pageLink(rel string, marker any, reverse bool) link {
	q := url.Values{}
	for key, values := range cl.query {
		if key != "marker" && key != "page_reverse" {
			q[key] = values
		}
	}
	q.Set("marker", fmt.Sprint(marker))
	if reverse {
		q.Set("page_reverse", "True")
	}
	return link{Rel: rel, Href: cl.baseURL() + cl.r.URL.Path + "?" + q.Encode()}
}

func queryLimit(q url.Values) (int, *apiError) {
	if !q.Has("limit") {
		return 0, nil
	}
	n, err := strconv.Atoi(q.Get("limit"))
	if err != nil || n < 0 {
		return 0, netFail(http.StatusBadRequest, "HTTPBadRequest", "limit must be an integer 0 or greater and not '%s'", q.Get("limit"))
	}
	return n, nil
}

// sortViews falls back to the id, which makes paging stable.
func sortViews(views []map[string]any, keys, dirs []string) {
	slices.SortStableFunc(views, func(a, b map[string]any) int {
		for i, key := range keys {
			c := compareValues(a[key], b[key])
			if i < len(dirs) && strings.EqualFold(dirs[i], "desc") {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return compareValues(a["id"], b["id"])
	})
}

func compareValues(a, b any) int {
	if x, isInt := a.(int); isInt {
		if y, bothInt := b.(int); bothInt {
			return cmp.Compare(x, y)
		}
	}
	return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b))
}
