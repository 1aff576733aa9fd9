package sim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// netResource is one kind of Neutron resource: what differs between kinds is here, what
// they share (bodies, bulk, lists, revisions, policy) is in its methods.
type netResource[T object] struct {
	singular, plural string // keys of the bodies
	path             string // in the URL
	quota            string // empty: unlimited
	untagged         bool
	noUpdate         bool

	table   func(*state) table[T]
	visible func(cl *call, o T) bool
	missing func(id string) *apiError
	view    func(cl *call, o T) map[string]any
	filters map[string]func(cl *call, o T, values []string) bool
	create  func(cl *call, a *attrs, projectID string) (T, *apiError)
	update  func(cl *call, o T, a *attrs) *apiError
	remove  func(cl *call, o T) *apiError
	purge   func(s *state, o T)                     // takes back a create of a bulk that failed
	inBulk  func(cl *call, list []*attrs) *apiError // checks a bulk as a whole
	owner   func(cl *call, o T) bool                // access to changes; nil: the owning project
	prepare func(cl *call, projectID string)        // runs before lists and creates
}

const netPrefix = "/networking/v2.0/"

func (r *netResource[T]) register(c *Cloud) {
	base := netPrefix + r.path
	listFlags := []routeFlags{}
	if r.prepare != nil {
		listFlags = append(listFlags, writes)
	}
	c.handle(neutron, "GET "+base, r.list, listFlags...)
	c.handle(neutron, "GET "+base+"/{id}", r.show)
	c.handle(neutron, "POST "+base, r.post)
	c.handle(neutron, "DELETE "+base+"/{id}", r.del)
	if !r.noUpdate {
		c.handle(neutron, "PUT "+base+"/{id}", r.put)
	}
	if !r.untagged {
		r.registerTags(c, base)
	}
}

// get finds what the caller may see; what he may not is absent to him.
func (r *netResource[T]) get(cl *call, id string) (T, *apiError) {
	o, found := r.table(cl.st)[id]
	if !found || !r.visible(cl, o) {
		var none T
		return none, r.missing(id)
	}
	return o, nil
}

// getOwned finds what the caller may change.
func (r *netResource[T]) getOwned(cl *call, id, verb string) (T, *apiError) {
	o, fail := r.get(cl, id)
	if fail != nil {
		return o, fail
	}
	if cl.who.admin || cl.who.projectID == o.base().ProjectID || r.owner != nil && r.owner(cl, o) {
		return o, nil
	}
	return o, errPolicy(verb + "_" + r.singular)
}

func errPolicy(rule string) *apiError {
	return netFail(http.StatusForbidden, "PolicyNotAuthorized", "rule:%s is disallowed by policy", rule)
}

func (r *netResource[T]) show(cl *call) (reply, *apiError) {
	o, fail := r.get(cl, cl.path("id"))
	if fail != nil {
		return refuse(fail)
	}
	return ok(map[string]any{r.singular: pick(r.view(cl, o), cl.query["fields"])})
}

func (r *netResource[T]) post(cl *call) (reply, *apiError) {
	var body map[string]json.RawMessage
	if err := json.Unmarshal(cl.body, &body); err != nil {
		return refuse(netBadRequest("The server could not comply with the request since it is either malformed or otherwise incorrect."))
	}
	if raw, bulk := body[r.plural]; bulk {
		return r.postBulk(cl, raw)
	}
	raw, found := body[r.singular]
	if !found {
		return refuse(netBadRequest("Unable to find '%s' in request body", r.singular))
	}
	a, fail := parseAttrs(raw)
	if fail != nil {
		return refuse(fail)
	}
	if r.inBulk != nil {
		if fail := r.inBulk(cl, []*attrs{a}); fail != nil {
			return refuse(fail)
		}
	}
	o, fail := r.make(cl, a)
	if fail != nil {
		return refuse(fail)
	}
	return created(map[string]any{r.singular: r.view(cl, o)})
}

// postBulk makes all or none.
func (r *netResource[T]) postBulk(cl *call, raw json.RawMessage) (reply, *apiError) {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil || len(items) == 0 {
		return refuse(netBadRequest("Resources required"))
	}
	list := make([]*attrs, 0, len(items))
	for _, item := range items {
		a, fail := parseAttrs(item)
		if fail != nil {
			return refuse(fail)
		}
		list = append(list, a)
	}
	if r.inBulk != nil {
		if fail := r.inBulk(cl, list); fail != nil {
			return refuse(fail)
		}
	}
	made := make([]T, 0, len(list))
	for _, a := range list {
		o, fail := r.make(cl, a)
		if fail != nil {
			for _, m := range made {
				r.takeBack(cl.st, m)
			}
			return refuse(fail)
		}
		made = append(made, o)
	}
	views := make([]any, 0, len(made))
	for _, o := range made {
		views = append(views, r.view(cl, o))
	}
	return created(map[string]any{r.plural: views})
}

func (r *netResource[T]) takeBack(s *state, o T) {
	if r.purge != nil {
		r.purge(s, o)
	}
	delete(r.table(s), o.base().ID)
}

func (r *netResource[T]) make(cl *call, a *attrs) (T, *apiError) {
	var none T
	projectID := a.str("project_id", a.str("tenant_id", cl.who.projectID))
	if a.fail != nil {
		return none, a.fail
	}
	if !cl.who.owns(projectID) {
		return none, netBadRequest("Specifying 'project_id' or 'tenant_id' other than the authenticated project in request " +
			"requires admin or advsvc privileges")
	}
	if r.prepare != nil {
		r.prepare(cl, projectID)
	}
	if r.quota != "" {
		if fail := cl.st.checkNetQuota(r.quota, projectID); fail != nil {
			return none, fail
		}
	}
	o, fail := r.create(cl, a, projectID)
	if fail == nil {
		fail = a.fail
	}
	if fail != nil {
		return none, fail
	}
	o.base().ProjectID = projectID
	r.table(cl.st)[o.base().ID] = o
	return o, nil
}

func (r *netResource[T]) put(cl *call) (reply, *apiError) {
	var body map[string]json.RawMessage
	if err := json.Unmarshal(cl.body, &body); err != nil || body[r.singular] == nil {
		return refuse(netBadRequest("Unable to find '%s' in request body", r.singular))
	}
	a, fail := parseAttrs(body[r.singular])
	if fail != nil {
		return refuse(fail)
	}
	o, fail := r.getOwned(cl, cl.path("id"), "update")
	if fail != nil {
		return refuse(fail)
	}
	if fail := cl.checkRevision(o.base()); fail != nil {
		return refuse(fail)
	}
	if fail := r.update(cl, o, a); fail != nil {
		return refuse(fail)
	}
	o.base().touch(cl.now)
	return ok(map[string]any{r.singular: r.view(cl, o)})
}

func (r *netResource[T]) del(cl *call) (reply, *apiError) {
	o, fail := r.getOwned(cl, cl.path("id"), "delete")
	if fail != nil {
		return refuse(fail)
	}
	if fail := cl.checkRevision(o.base()); fail != nil {
		return refuse(fail)
	}
	if fail := r.remove(cl, o); fail != nil {
		return refuse(fail)
	}
	delete(r.table(cl.st), o.base().ID)
	return noContent()
}

// checkRevision is the compare-and-swap of the revision-if-match extension.
func (cl *call) checkRevision(m *meta) *apiError {
	for _, h := range cl.r.Header.Values("If-Match") {
		text, found := strings.CutPrefix(h, "revision_number=")
		if !found {
			continue
		}
		want, err := strconv.Atoi(text)
		if err != nil {
			return netBadRequest("Revision number %s is not valid.", text)
		}
		if want != m.Revision {
			return netFail(http.StatusPreconditionFailed, "RevisionNumberConstraintFailed",
				"Constrained to %d, but current revision is %d", want, m.Revision)
		}
	}
	return nil
}

// stdView is the part of a response that every resource has.
func stdView(m *meta) map[string]any {
	return map[string]any{
		"id": m.ID, "name": m.Name, "description": m.Description,
		"project_id": m.ProjectID, "tenant_id": m.ProjectID,
		"tags": m.Tags, "revision_number": m.Revision,
		"created_at": stamp(m.CreatedAt), "updated_at": stamp(m.UpdatedAt),
	}
}

// newNetMeta starts an object; its project is set when it is stored.
func (cl *call) newNetMeta(a *attrs) meta {
	m := cl.st.newMeta(newUUID(), cl.now)
	m.Name, m.Description = a.name(""), a.str("description", "")
	return m
}

func (m *meta) rename(a *attrs) {
	m.Name, m.Description = a.name(m.Name), a.str("description", m.Description)
}

func pick(view map[string]any, fields []string) map[string]any {
	if len(fields) == 0 {
		return view
	}
	out := make(map[string]any, len(fields))
	for _, f := range fields {
		if v, found := view[f]; found {
			out[f] = v
		}
	}
	return out
}

func pythonList(items []string) string {
	quoted := make([]string, 0, len(items))
	for _, i := range items {
		quoted = append(quoted, fmt.Sprintf("'%s'", i))
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

func owned[T object](cl *call, o T) bool { return cl.who.owns(o.base().ProjectID) }

// allow is the attributes every create and update accepts, and those of the kind.
func allow(extra ...string) []string {
	return slices.Concat([]string{"name", "description", "project_id", "tenant_id"}, extra)
}
