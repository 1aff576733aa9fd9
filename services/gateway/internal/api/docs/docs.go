// Package docs is the edge's pages: the description of the API, an explorer to read and try it, and one page for each
// reason that errors carry. The pages are part of the program and load nothing from anywhere else.
package docs

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"strings"

	"github.com/low-layer/platform/gen/go/reason"
	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/services/gateway/internal/api/rest"
	"github.com/low-layer/platform/services/gateway/internal/edge/problem"
)

//go:embed web
var web embed.FS

// Site serves the pages.
type Site struct {
	files map[string]file
	page  *template.Template
}

// file is one file as it is sent.
type file struct {
	kind       string
	plain, zip []byte
	etag       string
}

// New makes the pages around a description of the API.
func New(openapi []byte) *Site {
	return &Site{
		files: map[string]file{
			"/openapi.json": newFile("application/json", openapi),
			"/docs":         newFile("text/html; charset=utf-8", asset("web/docs.html")),
			"/docs/app.js":  newFile("text/javascript; charset=utf-8", asset("web/app.js")),
			"/docs/app.css": newFile("text/css; charset=utf-8", asset("web/app.css")),
		},
		page: template.Must(template.ParseFS(web, "web/problem.html")),
	}
}

// asset reads a file that is compiled in, so it cannot be missing.
func asset(name string) []byte {
	data, err := web.ReadFile(name)
	if err != nil {
		panic(fmt.Sprintf("docs: %s is not compiled in: %v", name, err))
	}
	return data
}

func newFile(kind string, data []byte) file {
	sum := sha256.Sum256(data)
	var zip bytes.Buffer
	w := gzip.NewWriter(&zip)
	_, err := w.Write(data)
	if err != nil || w.Close() != nil {
		zip.Reset()
	}
	return file{kind: kind, plain: data, zip: zip.Bytes(), etag: `"` + hex.EncodeToString(sum[:8]) + `"`}
}

// content is what the pages may load: their own script and style, and the API.
const content = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// ServeHTTP serves one request.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := rest.RequestID(w, r)
	f, isFile := s.files[r.URL.Path]
	reason, isProblem := strings.CutPrefix(r.URL.Path, problem.Path)
	if r.URL.Path == "/problems" {
		reason = ""
	}
	known := isFile || r.URL.Path == "/" || r.URL.Path == "/problems" || isProblem
	switch {
	case !known:
		rest.WriteProblem(w, problem.New(errs.New(errs.CodeNotFound, problem.RouteNotFound,
			"there is no page like this; the API is below /v1/ and described at /docs"), 0, id))
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		rest.WriteProblem(w, problem.New(errs.New(errs.Unimplemented, problem.MethodNotAllowed,
			"pages are only read; use GET"), http.StatusMethodNotAllowed, id))
	case r.URL.Path == "/":
		http.Redirect(w, r, "/docs", http.StatusFound)
	case isFile:
		send(w, r, f)
	default:
		s.problem(w, id, reason)
	}
}

func send(w http.ResponseWriter, r *http.Request, f file) {
	h := w.Header()
	h.Set("Content-Security-Policy", content)
	h.Set("Cache-Control", "no-cache")
	h.Set("Vary", "Accept-Encoding")
	h.Set("Etag", f.etag)
	h.Set("Content-Type", f.kind)
	data := f.plain
	if len(f.zip) > 0 && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		h.Set("Etag", strings.TrimSuffix(f.etag, `"`)+`-gzip"`)
		data = f.zip
	}
	if strings.Contains(r.Header.Get("If-None-Match"), strings.Trim(f.etag, `"`)) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	_, _ = w.Write(data) // the caller is gone when it fails
}

// row is a reason on a page.
type row struct {
	reason.Reason
	Status int
	// Actor must act.
	Actor string
}

var actors = map[string]string{"USER": "the caller", "PROVIDER": "the cloud provider", "PLATFORM": "the operator of LOW-LAYER"}

func newRow(r reason.Reason) row {
	return row{r, problem.Status(errs.Code(r.Code), r.Name), actors[r.Owner]}
}

// problem is the page of a reason, or of all when it is empty.
func (s *Site) problem(w http.ResponseWriter, id, name string) {
	var rows []row
	if r, ok := problem.Known(name); ok {
		rows = []row{newRow(r)}
	} else if name == "" {
		for _, r := range reason.All {
			rows = append(rows, newRow(r))
		}
	} else {
		rest.WriteProblem(w, problem.New(errs.New(errs.CodeNotFound, problem.RouteNotFound,
			"no reason of this name is described; /problems lists those that are"), 0, id))
		return
	}
	var b bytes.Buffer
	if err := s.page.Execute(&b, rows); err != nil {
		rest.WriteProblem(w, problem.New(errs.Internal(err), 0, id))
		return
	}
	w.Header().Set("Content-Security-Policy", content)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(b.Bytes()) // the caller is gone when it fails
}
