package authz

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	authzv1 "github.com/low-layer/platform/gen/go/lowlayer/authz/v1"
)

// Method is the access rule that an RPC declares.
type Method struct {
	// Full is its name on the wire.
	Full string
	// Permission is what a caller needs.
	Permission string
	// Internal is true for methods of services, which no user may call.
	Internal bool
	// Scope says on what the permission is needed when the request names no resource.
	Scope authzv1.Scope
	// StepUp is true when it needs a second factor.
	StepUp bool
	// Narrowed is true when its handler shows and touches only what Narrowed lets it.
	Narrowed bool
	// Audit is what the audit trail keeps of its calls.
	Audit authzv1.AuditClass
	// Callers are the services that may call it by themselves.
	Callers []string
	// Field is the path of the field that names the resource; empty when none does.
	Field string

	input protoreflect.MessageDescriptor
	path  []protoreflect.FieldDescriptor
	// plan is the field by which a caller asks what the call would do.
	plan protoreflect.FieldDescriptor
	// id is the field with the id of the resource that the call makes in the collection of its parent; nil for other calls.
	id         protoreflect.FieldDescriptor
	collection string
}

// Methods are RPCs by their name on the wire.
type Methods map[string]*Method

// Files is where descriptors are found; protoregistry.GlobalFiles is one.
type Files interface {
	RangeFiles(func(protoreflect.FileDescriptor) bool)
}

const (
	ours = "lowlayer."
	// standardOperations is the other name under which operations are served; ownOperations has the rules.
	standardOperations = "/google.longrunning.Operations/"
	ownOperations      = "/lowlayer.operation.v1.OperationService/"
)

// ReadMethods reads the rules of all RPCs of the platform. It fails for those that declare none, or none that can be followed.
func ReadMethods(files Files) (Methods, error) {
	out := make(Methods)
	var all []error
	files.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		if !strings.HasPrefix(string(f.Package()), ours) {
			return true
		}
		for i := range f.Services().Len() {
			methods := f.Services().Get(i).Methods()
			for j := range methods.Len() {
				m, err := ReadMethod(methods.Get(j))
				if err != nil {
					all = append(all, fmt.Errorf("%s: %w", methods.Get(j).FullName(), err))
					continue
				}
				out[m.Full] = m
			}
		}
		return true
	})
	for full, m := range out {
		if verb, ok := strings.CutPrefix(full, ownOperations); ok {
			out[standardOperations+verb] = m
		}
	}
	return out, errors.Join(all...)
}

// LinkedMethods are the methods of the services whose generated code is linked into the program.
func LinkedMethods() (Methods, error) { return ReadMethods(protoregistry.GlobalFiles) }

// ReadMethod reads the rule of one RPC.
func ReadMethod(d protoreflect.MethodDescriptor) (*Method, error) {
	rule, _ := proto.GetExtension(d.Options(), authzv1.E_Rule).(*authzv1.MethodRule)
	if rule == nil {
		return nil, errors.New("it has no option (lowlayer.authz.v1.rule)")
	}
	m := &Method{
		Full: "/" + string(d.Parent().FullName()) + "/" + string(d.Name()), Permission: rule.GetPermission(), Scope: rule.GetScope(),
		Internal: rule.GetAudience() != authzv1.Audience_PUBLIC || strings.Contains(string(d.ParentFile().Package())+".", ".internal."),
		StepUp:   rule.GetStepUp(), Narrowed: rule.GetNarrowed(), Callers: rule.GetCallers(), Audit: rule.GetAudit(),
		input: d.Input(),
	}
	if f := d.Input().Fields().ByName("validate_only"); f != nil && f.Kind() == protoreflect.BoolKind {
		m.plan = f
	}
	if m.Internal {
		return m, nil
	}
	var err error
	if m.path, err = locate(d.Input(), rule.GetResourceField()); err != nil {
		return nil, err
	}
	switch named := m.path != nil; {
	case named && m.Scope != authzv1.Scope_SCOPE_UNSPECIFIED:
		return nil, errors.New("its scope is declared, but the request names a resource; leave the scope out")
	case !named && m.Scope == authzv1.Scope_SCOPE_UNSPECIFIED:
		return nil, errors.New("the request names no resource (parent, name, <resource>.name); declare resource_field or scope")
	}
	var names []string
	for _, f := range m.path {
		names = append(names, string(f.Name()))
	}
	m.Field = strings.Join(names, ".")
	if m.Field == "parent" {
		m.id, m.collection = makes(d.Input())
	}
	return m, nil
}

// makes is the field with the id of the resource that a request makes, and the collection that it is in.
func makes(input protoreflect.MessageDescriptor) (id protoreflect.FieldDescriptor, collection string) {
	for i := range input.Fields().Len() {
		f := input.Fields().Get(i)
		if f.Message() == nil || f.IsList() || f.IsMap() {
			continue
		}
		resource, _ := proto.GetExtension(f.Message().Options(), annotations.E_Resource).(*annotations.ResourceDescriptor)
		if id := input.Fields().ByName(f.Name() + "_id"); id != nil && isName(id) && resource.GetPlural() != "" {
			return id, resource.GetPlural()
		}
	}
	return nil, ""
}

// locate finds the field that names the resource: the declared one, `parent`, `name`, or the name of the one resource inside.
func locate(input protoreflect.MessageDescriptor, declared string) ([]protoreflect.FieldDescriptor, error) {
	if declared != "" {
		return follow(input, declared)
	}
	var found [][]protoreflect.FieldDescriptor
	for _, name := range []protoreflect.Name{"parent", "name"} {
		if f := input.Fields().ByName(name); f != nil && isName(f) {
			found = append(found, []protoreflect.FieldDescriptor{f})
		}
	}
	if len(found) == 0 {
		found = inside(input)
	}
	switch len(found) {
	case 0:
		return nil, nil
	case 1:
		return found[0], nil
	default:
		return nil, errors.New("the request names more than one resource; declare resource_field")
	}
}

// inside are the names of the resources that the request holds. The one of a request that makes it says nothing: it is not
// there yet, and its parent is what counts.
func inside(input protoreflect.MessageDescriptor) [][]protoreflect.FieldDescriptor {
	var found [][]protoreflect.FieldDescriptor
	for i := range input.Fields().Len() {
		f := input.Fields().Get(i)
		if f.Message() == nil || f.IsList() || f.IsMap() || !proto.HasExtension(f.Message().Options(), annotations.E_Resource) {
			continue
		}
		id := f.Name() + "_id"
		if name := f.Message().Fields().ByName("name"); name != nil && isName(name) && input.Fields().ByName(id) == nil {
			found = append(found, []protoreflect.FieldDescriptor{f, name})
		}
	}
	return found
}

func isName(f protoreflect.FieldDescriptor) bool {
	return f.Kind() == protoreflect.StringKind && !f.IsList()
}

func follow(input protoreflect.MessageDescriptor, path string) ([]protoreflect.FieldDescriptor, error) {
	var out []protoreflect.FieldDescriptor
	m := input
	for part := range strings.SplitSeq(path, ".") {
		if m == nil {
			return nil, fmt.Errorf("resource_field %q leads nowhere", path)
		}
		f := m.Fields().ByName(protoreflect.Name(part))
		if f == nil || f.IsList() || f.IsMap() {
			return nil, fmt.Errorf("resource_field %q leads nowhere", path)
		}
		out = append(out, f)
		m = f.Message()
	}
	if !isName(out[len(out)-1]) {
		return nil, fmt.Errorf("resource_field %q is no text", path)
	}
	return out, nil
}

// nameIn is the resource name in a request.
func (m *Method) nameIn(request proto.Message) (string, bool) {
	r := request.ProtoReflect()
	if r.Descriptor() != m.input {
		return "", false
	}
	for _, f := range m.path[:len(m.path)-1] {
		r = r.Get(f).Message()
	}
	return r.Get(m.path[len(m.path)-1]).String(), true
}

// Audited is true when calls of users leave a record in the audit trail.
func (m *Method) Audited() bool {
	return !m.Internal && (m.Audit == authzv1.AuditClass_WRITE || m.Audit == authzv1.AuditClass_SENSITIVE)
}

// Named is the resource that a request names as what the permission is needed on; empty when it names none that could be
// one, and for what concerns the platform.
func (m *Method) Named(request proto.Message) string {
	if m.path == nil || request == nil {
		return ""
	}
	name, _ := m.nameIn(request)
	if r, ok := ParseResource(name); !ok || r.level == Platform {
		return ""
	}
	return name
}

// Concerned is the resource that a request is about: the one that it is to make, where it gives its id, otherwise what it names.
func (m *Method) Concerned(request proto.Message) string {
	name := m.Named(request)
	if name == "" || m.id == nil {
		return name
	}
	// The request may be one that is refused for its form.
	id := request.ProtoReflect().Get(m.id).String()
	if !isSegment(id) || id == wildcard {
		return name
	}
	made := name + "/" + m.collection + "/" + id
	if r, ok := ParseResource(made); !ok || r.Name != made {
		return name
	}
	return made
}

// Plans is true when a request only asks what the call would do.
func (m *Method) Plans(request proto.Message) bool {
	return m.plan != nil && request != nil && request.ProtoReflect().Descriptor() == m.input && request.ProtoReflect().Get(m.plan).Bool()
}

// confirms reports whether a request needs a second factor. A plan changes nothing and needs none.
func (m *Method) confirms(request proto.Message) bool {
	return m.StepUp && !m.Plans(request)
}

// needs is true when a method that users may call needs the permission.
func (m Methods) needs(permission string) bool {
	for _, one := range m {
		if one.Permission == permission && !one.Internal {
			return permission != ""
		}
	}
	return false
}

// Permissions are those that methods for users need, sorted.
func (m Methods) Permissions() []string {
	var out []string
	for _, one := range m {
		if !one.Internal {
			out = append(out, one.Permission)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// stepUp is true when a method that needs the permission needs a second factor.
func (m Methods) stepUp(permission string) bool {
	for _, one := range m {
		if one.Permission == permission && one.StepUp {
			return true
		}
	}
	return false
}

// narrowed is true when a method that needs the permission narrows.
func (m Methods) narrowed(permission string) bool {
	for _, one := range m {
		if one.Permission == permission && one.Narrowed {
			return true
		}
	}
	return false
}
