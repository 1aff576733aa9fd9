package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
)

const prefix = "github.com/low-layer/platform/"

// A rule forbids packages of one layer to reach packages of another, directly or through others.
type rule struct {
	name   string
	from   func(path string) bool
	never  func(path string) bool
	direct bool // only direct imports count
}

var sdks = []string{
	"google.golang.org/grpc", "google.golang.org/protobuf", "github.com/jackc/pgx", "github.com/gophercloud",
	"github.com/redis", "net/http", "database/sql", prefix + "gen",
}

// resourceNames is generated, and imports the standard library only.
const resourceNames = prefix + "gen/go/resourcename"

// rules are architecture rules as data; the first that matches a chain is reported.
func rules() []rule {
	return []rule{
		{
			name:  "core imports no transport, SQL or SDK",
			from:  layer("core"),
			never: func(p string) bool { return hasAnyPrefix(p, sdks) && p != resourceNames },
		},
		{
			name:   "core declares no port: it takes no context and no clock",
			from:   layer("core"),
			never:  func(p string) bool { return p == "context" || p == prefix+"libs/clock" },
			direct: true,
		},
		{
			name:   "api calls use cases, not the store",
			from:   not(under("services/gateway"), layer("api")),
			never:  layer("store"),
			direct: true,
		},
		{
			// A use case holds an open transaction: it has no way to call another system.
			name:  "usecase imports no client, cloud or SDK of another system",
			from:  layer("usecase"),
			never: anyOf(layer("client"), layer("cloud"), layer("provision"), layer("reconcile"), layer("api"), layer("app"), otherSystems),
		},
		{
			name:  "store holds rows and imports no layer above",
			from:  layer("store"),
			never: anyOf(layer("usecase"), layer("client"), layer("cloud"), otherSystems),
		},
		{
			name:  "api never imports cloud or client",
			from:  not(under("services/gateway"), layer("api")), // the edge has no domain: its api is its connections
			never: anyOf(layer("cloud"), layer("client"), layer("provision"), layer("reconcile")),
		},
		{
			name:   "only app wires layers together",
			from:   anyOf(layer("store"), layer("cloud"), layer("client")),
			never:  anyOf(layer("api"), layer("app"), layer("provision"), layer("reconcile")),
			direct: true,
		},
		{
			name:  "libs import neither services nor tools",
			from:  under("libs"),
			never: anyOf(under("services"), under("tools")),
		},
		{
			name:  "tools import no service",
			from:  under("tools"),
			never: under("services"),
		},
		{
			name:  "generated code imports nothing of ours",
			from:  under("gen"),
			never: anyOf(under("libs"), under("services"), under("tools")),
		},
	}
}

// otherSystems matches the packages that call another system.
func otherSystems(path string) bool {
	return hasAnyPrefix(path, []string{
		prefix + "libs/openstack/client", prefix + "libs/peer", "github.com/gophercloud", "github.com/Nerzal/gocloak",
	})
}

func hasAnyPrefix(path string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return path == p || strings.HasPrefix(path, p+"/") })
}

func under(module string) func(string) bool {
	return func(p string) bool { return hasAnyPrefix(p, []string{prefix + module}) }
}

// layer matches services/<any>/internal/<name> and everything below it, test doubles included.
func layer(name string) func(string) bool {
	return func(p string) bool {
		rest, ok := strings.CutPrefix(p, prefix+"services/")
		parts := strings.Split(rest, "/")
		return ok && len(parts) >= 3 && parts[1] == "internal" && parts[2] == name
	}
}

// not is f without what a matches.
func not(a, f func(string) bool) func(string) bool {
	return func(p string) bool { return !a(p) && f(p) }
}

func anyOf(fs ...func(string) bool) func(string) bool {
	return func(p string) bool { return slices.ContainsFunc(fs, func(f func(string) bool) bool { return f(p) }) }
}

func serviceOf(path string) string {
	rest, ok := strings.CutPrefix(path, prefix+"services/")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, "/")
	return name
}

type goPackage struct {
	ImportPath string
	Imports    []string
	Standard   bool
}

// imports reports every package that breaks a rule, with the chain of imports that does it.
func imports(ctx context.Context) ([]string, error) {
	graph, err := loadGraph(ctx)
	if err != nil {
		return nil, err
	}
	return offences(graph), nil
}

func offences(graph map[string][]string) []string {
	var out []string
	for _, pkg := range sortedKeys(graph) {
		if !strings.HasPrefix(pkg, prefix) {
			continue
		}
		for _, r := range append(rules(), serviceRule(pkg)) {
			if !r.from(pkg) {
				continue
			}
			if chain := findChain(graph, pkg, r); chain != nil {
				out = append(out, fmt.Sprintf("%s: %s", r.name, strings.Join(chain, " -> ")))
			}
		}
	}
	return out
}

func serviceRule(pkg string) rule {
	own := serviceOf(pkg)
	return rule{
		name:  "services never import services",
		from:  func(p string) bool { return p == pkg && own != "" },
		never: func(p string) bool { s := serviceOf(p); return s != "" && s != own },
	}
}

// findChain is the shortest chain of imports from pkg to something the rule forbids, nil when there is none.
func findChain(graph map[string][]string, pkg string, r rule) []string {
	type node struct {
		path string
		via  *node
	}
	queue, seen := []*node{{path: pkg}}, map[string]bool{pkg: true}
	for len(queue) > 0 {
		n := queue[0]
		queue = queue[1:]
		if n.via != nil && r.never(n.path) {
			var chain []string
			for ; n != nil; n = n.via {
				chain = append(chain, strings.TrimPrefix(n.path, prefix))
			}
			slices.Reverse(chain)
			return chain
		}
		if r.direct && n.via != nil {
			continue
		}
		for _, next := range graph[n.path] {
			if !seen[next] {
				seen[next] = true
				queue = append(queue, &node{next, n})
			}
		}
	}
	return nil
}

func loadGraph(ctx context.Context) (map[string][]string, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-deps", "-json=ImportPath,Imports,Standard", "work")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w: %s", err, stderr.String())
	}
	graph := make(map[string][]string)
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return graph, nil
		} else if err != nil {
			return nil, fmt.Errorf("read go list: %w", err)
		}
		graph[p.ImportPath] = nil
		if strings.HasPrefix(p.ImportPath, prefix) { // the imports of foreign packages do not count
			graph[p.ImportPath] = p.Imports
		}
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
