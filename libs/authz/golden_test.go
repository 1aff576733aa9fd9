package authz_test

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	_ "github.com/low-layer/platform/gen/go/all" // registers all descriptors
	"github.com/low-layer/platform/libs/authz"
)

var update = flag.Bool("update", false, "write the golden file and the READMEs instead of comparing them")

func linked(t testing.TB) (authz.Methods, *authz.Authorizer) {
	t.Helper()
	methods, err := authz.LinkedMethods()
	if err != nil {
		t.Fatal(err)
	}
	a, err := authz.New(methods)
	if err != nil {
		t.Fatal(err)
	}
	return methods, a
}

// A service that this test does not import would be missing from every table and review.
func TestGolden_everyService_isImported(t *testing.T) {
	declared := regexp.MustCompile(`(?m)^package (.+);$|^service (\w+)`)
	err := filepath.WalkDir("../../proto/lowlayer", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".proto" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		pkg := ""
		for _, m := range declared.FindAllStringSubmatch(string(text), -1) {
			if m[1] != "" {
				pkg = m[1]
				continue
			}
			name := protoreflect.FullName(pkg + "." + m[2])
			if _, err := protoregistry.GlobalFiles.FindDescriptorByName(name); err != nil {
				t.Errorf("%s is not linked into this test; import its package", name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// line is one permission: its RPCs, where they name the resource, and the roles that have it.
type line struct {
	permission, service string
	rpcs, marks         []string
	holders             string
}

func lines(t *testing.T) []line {
	methods, a := linked(t)
	byPermission := make(map[string]*line)
	for full, m := range methods {
		if m.Internal || !strings.HasPrefix(full, "/lowlayer.") {
			continue
		}
		l := byPermission[m.Permission]
		if l == nil {
			l = &line{permission: m.Permission, service: strings.Split(m.Permission, ".")[0], holders: holders(a, m.Permission)}
			byPermission[m.Permission] = l
		}
		l.rpcs = append(l.rpcs, full[strings.LastIndexByte(full, '/')+1:])
		where := "on " + m.Field
		if m.Field == "" {
			where = "on " + strings.ToLower(m.Scope.String())
		}
		l.marks = append(l.marks, where)
		if m.StepUp {
			l.marks = append(l.marks, "step-up")
		}
		if m.Narrowed {
			l.marks = append(l.marks, "narrowed")
		}
	}
	var out []line
	for _, l := range byPermission {
		slices.Sort(l.rpcs)
		slices.Sort(l.marks)
		l.marks = slices.Compact(l.marks)
		out = append(out, *l)
	}
	slices.SortFunc(out, func(x, y line) int { return strings.Compare(x.permission, y.permission) })
	return out
}

// holders are the roles with the permission on each level: a tenant's, an organisation's and a VPC's own, in that order.
func holders(a *authz.Authorizer, permission string) string {
	var cells []string
	for _, r := range authz.Roles() {
		where := ""
		for l, letter := range map[authz.Level]string{authz.Tenant: "T", authz.Organisation: "O", authz.VPC: "V"} {
			if slices.Contains(a.Holders(permission, l), r) {
				where += letter
			}
		}
		cells = append(cells, fmt.Sprintf("%-10s", sorted(where)))
	}
	return strings.Join(cells, "")
}

func sorted(letters string) string {
	out := ""
	for _, l := range []string{"T", "O", "V"} {
		if strings.Contains(letters, l) {
			out += l
		}
	}
	if out == "" {
		return "-"
	}
	return out
}

// The table shows the reviewer each new RPC and each change of access.
func TestGolden_permissions_areAsReviewed(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Who may do what; T, O, V: holding the role on a tenant, organisation, VPC gives the permission there. Operators of the platform may do all.\n")
	fmt.Fprintf(&b, "%-42s", "# permission")
	for _, r := range authz.Roles() {
		fmt.Fprintf(&b, "%-10s", r)
	}
	b.WriteString("RPCs\n")
	for _, l := range lines(t) {
		fmt.Fprintf(&b, "%-42s%s%s (%s)\n", l.permission, l.holders, strings.Join(l.rpcs, ", "), strings.Join(l.marks, ", "))
	}
	compare(t, "testdata/permissions.golden", b.String())
}

const (
	beginTable = "<!-- permissions: go test ./libs/authz -update -->\n"
	endTable   = "<!-- end of permissions -->\n"
)

// Each service's README lists its permissions.
func TestReadmesListPermissions(t *testing.T) {
	tables := make(map[string]*strings.Builder)
	for _, l := range lines(t) {
		service := l.service
		switch service {
		case "operation", "receipt", "drift", "authz", "audit", "quota", "watch":
			service = "gateway"
		}
		if tables[service] == nil {
			tables[service] = &strings.Builder{}
			tables[service].WriteString("| permission | RPC | roles that have it |\n|---|---|---|\n")
		}
		extra := ""
		if slices.Contains(l.marks, "step-up") {
			extra = ", with a second factor"
		}
		fmt.Fprintf(tables[service], "| `%s` | %s | %s%s |\n", l.permission, strings.Join(l.rpcs, ", "), inWords(t, l.permission), extra)
	}
	for service, table := range tables {
		path := "../../services/" + service + "/README.md"
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		before, rest, ok := strings.Cut(string(text), beginTable)
		_, after, ends := strings.Cut(rest, endTable)
		if !ok || !ends {
			t.Errorf("%s has no place for its permissions: %s…%s", path, beginTable, endTable)
			continue
		}
		compare(t, path, before+beginTable+table.String()+endTable+after)
	}
}

// inWords are the holders of a permission, wherever they hold their role.
func inWords(t *testing.T, permission string) string {
	_, a := linked(t)
	if permission == "authz.decisions.explain" || permission == "receipt.receiptKeys.list" {
		return "everybody who is logged in"
	}
	var words []string
	for _, r := range a.Holders(permission, authz.VPC) {
		words = append(words, string(r))
	}
	if len(words) == 0 {
		return "operator of the platform"
	}
	return strings.Join(words, ", ")
}

func compare(t *testing.T, path, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil { //nolint:gosec // a file of the repository
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the protos and policies say; look at the difference, and if it is meant run: go test ./libs/authz -update\nwant:\n%s", path, want)
	}
}

// A policy that names a permission no RPC needs is a typing error that grants nothing, or one that grants too much later.
func TestPolicies_permissions_matchTheMethods(t *testing.T) {
	methods, a := linked(t)
	known := methods.Permissions()
	named := regexp.MustCompile(`Action::"([^"]+)"`)
	files, err := filepath.Glob("policies/*.cedar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no policies: %v", err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range named.FindAllStringSubmatch(string(text), -1) {
			if m[1] != "any" && !slices.Contains(known, m[1]) {
				t.Errorf("%s names %s, which no method needs", f, m[1])
			}
		}
	}
	operatorsOnly := []string{"tenant.tenants.create", "tenant.tenants.suspend", "tenant.tenants.resume", "quota.quotas.update"}
	for _, p := range known {
		if len(a.Holders(p, authz.VPC)) == 0 && !slices.Contains(operatorsOnly, p) {
			t.Errorf("no role has %s: name it in a policy, or here when it is for the platform's operators alone", p)
		}
	}
}
