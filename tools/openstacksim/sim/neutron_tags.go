package sim

import (
	"net/http"
	"slices"
)

// maxNetTagLen is the limit of Zed; later releases allow more.
const maxNetTagLen = 60

func (r *netResource[T]) registerTags(c *Cloud, base string) {
	c.handle(neutron, "GET "+base+"/{id}/tags", r.listTags)
	c.handle(neutron, "PUT "+base+"/{id}/tags", r.replaceTags)
	c.handle(neutron, "DELETE "+base+"/{id}/tags", r.clearTags)
	c.handle(neutron, "GET "+base+"/{id}/tags/{tag}", r.checkTag)
	c.handle(neutron, "PUT "+base+"/{id}/tags/{tag}", r.addTag)
	c.handle(neutron, "DELETE "+base+"/{id}/tags/{tag}", r.removeTag)
}

func (r *netResource[T]) tagged(cl *call, verb string) (*meta, *apiError) {
	o, fail := r.getOwned(cl, cl.path("id"), verb)
	if fail != nil && fail.status == http.StatusNotFound {
		return nil, netFail(http.StatusNotFound, "TagResourceNotFound",
			"Resource %s %s could not be found.", r.plural, cl.path("id"))
	}
	if fail != nil {
		return nil, fail
	}
	return o.base(), nil
}

func checkNetTags(tags []string) *apiError {
	for i, t := range tags {
		if len(t) > maxNetTagLen {
			return invalidInput("'%s' exceeds maximum length of %d", t, maxNetTagLen)
		}
		if slices.Contains(tags[:i], t) {
			return invalidInput("Duplicate items in the list: '%s'", t)
		}
	}
	return nil
}

func (r *netResource[T]) listTags(cl *call) (reply, *apiError) {
	m, fail := r.tagged(cl, "get")
	if fail != nil {
		return refuse(fail)
	}
	return ok(map[string]any{"tags": m.Tags})
}

func (r *netResource[T]) replaceTags(cl *call) (reply, *apiError) {
	var body struct {
		Tags *[]string `json:"tags"`
	}
	if fail := cl.decode(&body); fail != nil || body.Tags == nil {
		return refuse(invalidInput("Invalid tags body"))
	}
	if fail := checkNetTags(*body.Tags); fail != nil {
		return refuse(fail)
	}
	m, fail := r.tagged(cl, "update")
	if fail != nil {
		return refuse(fail)
	}
	cl.setTags(m, append([]string{}, *body.Tags...))
	return ok(map[string]any{"tags": m.Tags})
}

func (cl *call) setTags(m *meta, tags []string) {
	slices.Sort(tags)
	if slices.Equal(tags, m.Tags) {
		return
	}
	m.Tags = tags
	m.touch(cl.now)
}

func (r *netResource[T]) clearTags(cl *call) (reply, *apiError) {
	m, fail := r.tagged(cl, "delete")
	if fail != nil {
		return refuse(fail)
	}
	cl.setTags(m, []string{})
	return noContent()
}

func (r *netResource[T]) checkTag(cl *call) (reply, *apiError) {
	m, fail := r.tagged(cl, "get")
	if fail != nil {
		return refuse(fail)
	}
	if !slices.Contains(m.Tags, cl.path("tag")) {
		return refuse(errNoTag(cl.path("tag")))
	}
	return noContent()
}

func errNoTag(tag string) *apiError {
	return netFail(http.StatusNotFound, "TagNotFound", "Tag %s could not be found.", tag)
}

func (r *netResource[T]) addTag(cl *call) (reply, *apiError) {
	tag := cl.path("tag")
	if fail := checkNetTags([]string{tag}); fail != nil {
		return refuse(fail)
	}
	m, fail := r.tagged(cl, "update")
	if fail != nil {
		return refuse(fail)
	}
	if !slices.Contains(m.Tags, tag) {
		cl.setTags(m, append(slices.Clone(m.Tags), tag))
	}
	return reply{status: http.StatusCreated}, nil
}

func (r *netResource[T]) removeTag(cl *call) (reply, *apiError) {
	m, fail := r.tagged(cl, "delete")
	if fail != nil {
		return refuse(fail)
	}
	if !slices.Contains(m.Tags, cl.path("tag")) {
		return refuse(errNoTag(cl.path("tag")))
	}
	cl.setTags(m, without(m.Tags, cl.path("tag")))
	return noContent()
}
