package sim

import (
	"net/http"
	"slices"
	"strings"
)

const (
	maxIdentityTags   = 80
	maxIdentityTagLen = 255
)

func checkIdentityTags(tags []string) *apiError {
	if len(tags) > maxIdentityTags {
		return failf(http.StatusBadRequest, "Invalid input for field 'tags': too many, at most %d are allowed", maxIdentityTags)
	}
	for i, t := range tags {
		if t == "" || len(t) > maxIdentityTagLen || strings.ContainsAny(t, ",/") {
			return failf(http.StatusBadRequest, "Invalid input for field '%d': '%s' does not match '^[^,/]*$'", i, t)
		}
		if slices.Contains(tags[:i], t) {
			return failf(http.StatusBadRequest, "Invalid input for field 'tags': the items are not unique")
		}
	}
	return nil
}

func listProjectTags(cl *call) (reply, *apiError) {
	p, fail := cl.projectInPath()
	if fail != nil {
		return refuse(fail)
	}
	return ok(map[string]any{"tags": p.Tags, "links": cl.selfLink("projects", p.ID, "tags")})
}

func replaceProjectTags(cl *call) (reply, *apiError) {
	p, fail := cl.projectInPath()
	if fail != nil {
		return refuse(fail)
	}
	var body struct {
		Tags []string `json:"tags"`
	}
	if fail := cl.decode(&body); fail != nil {
		return refuse(fail)
	}
	if fail := checkIdentityTags(body.Tags); fail != nil {
		return refuse(fail)
	}
	p.Tags = append([]string{}, body.Tags...)
	return ok(map[string]any{"tags": p.Tags, "links": cl.selfLink("projects", p.ID, "tags")})
}

func clearProjectTags(cl *call) (reply, *apiError) {
	p, fail := cl.projectInPath()
	if fail != nil {
		return refuse(fail)
	}
	p.Tags = []string{}
	return noContent()
}

func checkProjectTag(cl *call) (reply, *apiError) {
	p, fail := cl.projectInPath()
	if fail != nil {
		return refuse(fail)
	}
	if !slices.Contains(p.Tags, cl.path("tag")) {
		return refuse(errMissing("project tag", cl.path("tag")))
	}
	return noContent()
}

func addProjectTag(cl *call) (reply, *apiError) {
	p, fail := cl.projectInPath()
	if fail != nil {
		return refuse(fail)
	}
	if !slices.Contains(p.Tags, cl.path("tag")) {
		tags := append(slices.Clone(p.Tags), cl.path("tag"))
		if fail := checkIdentityTags(tags); fail != nil {
			return refuse(fail)
		}
		p.Tags = tags
	}
	return reply{status: http.StatusCreated}, nil
}

func removeProjectTag(cl *call) (reply, *apiError) {
	if _, fail := checkProjectTag(cl); fail != nil {
		return refuse(fail)
	}
	p := cl.st.Projects[cl.path("id")]
	p.Tags = without(p.Tags, cl.path("tag"))
	return noContent()
}

// without gives a copy of the list that lacks one value.
func without(list []string, drop string) []string {
	out := make([]string, 0, len(list))
	for _, v := range list {
		if v != drop {
			out = append(out, v)
		}
	}
	return out
}
