package provision

import (
	"cmp"
	"slices"
	"strings"
)

// title is what the step does, for people: to what is there already, or for the first time.
func (step *Step) title(exists bool) string {
	if exists {
		return cmp.Or(step.UpdateTitle, step.directed("update"), step.Title)
	}
	return step.Title
}

// directed is the title with another verb, empty for a title that does not begin with `create`.
func (step *Step) directed(verb string) string {
	if thing, ok := strings.CutPrefix(step.Title, "create "); ok {
		return verb + " " + thing
	}
	return ""
}

// bears tells whether a row has one of the step's titles.
func (step *Step) bears(title string) bool {
	return title != "" && (title == step.Title || title == step.title(true))
}

// removalTitle is the title of the removal of an entry: by the plan's step, or by type and name where the plan has none.
func removalTitle(plan []Step, x *entry) string {
	title := ""
	if i := slices.IndexFunc(plan, func(s Step) bool { return s.Name == x.step && s.Object == x.objectType }); i >= 0 {
		title = cmp.Or(plan[i].RemoveTitle, plan[i].directed("remove"))
	}
	noun := strings.ReplaceAll(x.objectType[strings.LastIndex(x.objectType, ".")+1:], "_", " ")
	return cmp.Or(title, strings.TrimSpace("remove the "+noun+" "+x.Name))
}
