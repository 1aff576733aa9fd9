package sim

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const maxBody = 4 << 20

// call is one request on its way through a handler.
type call struct {
	cloud *Cloud
	st    *state
	r     *http.Request
	query url.Values
	body  []byte
	who   *principal // nil where no token is asked for
	id    string
	now   time.Time
	stale time.Time // lists leave out what was created after this, unless it is zero
}

// reply is a success; a nil body writes none.
type reply struct {
	status int
	body   any
	header map[string]string
	raw    []byte // written instead of body
}

type handlerFunc func(*call) (reply, *apiError)

type routeFlags uint8

const (
	public routeFlags = 1 << iota // no token needed
	writes                        // changes state though it is a GET
	stream                        // the body is counted, not kept
)

// handle puts a handler at a pattern of http.ServeMux, which is also the template that
// calls are counted under.
func (c *Cloud) handle(svc service, pattern string, fn handlerFunc, flags ...routeFlags) {
	var f routeFlags
	for _, x := range flags {
		f |= x
	}
	c.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		c.serve(w, r, svc, f, fn)
	})
}

func (c *Cloud) serve(w http.ResponseWriter, r *http.Request, svc service, flags routeFlags, fn handlerFunc) {
	if c.closed.Load() {
		http.Error(w, "the simulator is closed", http.StatusServiceUnavailable)
		return
	}
	cl := &call{cloud: c, r: r, id: "req-" + newUUID(), now: c.now()}
	rec := Call{
		Time: cl.now, Method: r.Method, Template: template(r), Path: r.URL.Path,
		RequestID: cl.id, GlobalRequestID: r.Header.Get("X-Openstack-Request-Id"),
	}
	f, gate := c.faults.match(r.Method, r.URL.Path)
	wait := c.opts.Latency
	if f != nil {
		rec.Fault = f.label()
		wait += time.Duration(f.Latency)
		if f.Stale > 0 {
			cl.stale = cl.now.Add(-time.Duration(f.Stale))
		}
	}
	if !gate.pass(r.Context()) || !pause(r, wait) {
		rec.Status = statusAborted
		c.calls.add(rec)
		return
	}
	var res reply
	var fail *apiError
	if f == nil || !f.prevents() {
		res, fail = c.run(cl, svc, flags, fn)
	}
	if f != nil && f.hidesAnswer() {
		c.answerFault(w, cl, svc, f, rec)
		return
	}
	if fail != nil {
		res = reply{status: fail.status, body: fail.body(svc, cl.id)}
	}
	rec.Status = res.status
	c.calls.add(rec)
	c.write(w, cl, svc, res)
}

// template is the pattern without its method.
func template(r *http.Request) string {
	_, path, ok := strings.Cut(r.Pattern, " ")
	if !ok {
		return r.Pattern
	}
	return path
}

// pause waits without holding anything; false means the caller went away.
func pause(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

func (c *Cloud) run(cl *call, svc service, flags routeFlags, fn handlerFunc) (reply, *apiError) {
	if fail := cl.readBody(flags); fail != nil {
		return reply{}, fail
	}
	q, err := url.ParseQuery(cl.r.URL.RawQuery)
	if err != nil {
		return reply{}, failf(http.StatusBadRequest, "Invalid query string.")
	}
	cl.query = q
	if due := c.nextDue.Load(); due != 0 && cl.now.UnixNano() >= due {
		c.mu.Lock()
		c.settle(cl.now)
		c.mu.Unlock()
	}
	if flags&writes == 0 && (cl.r.Method == http.MethodGet || cl.r.Method == http.MethodHead) {
		c.mu.RLock()
		defer c.mu.RUnlock()
	} else {
		c.mu.Lock()
		defer c.mu.Unlock()
	}
	cl.st = c.st
	if flags&public == 0 {
		who, fail := c.authenticate(cl, svc)
		if fail != nil {
			return reply{}, fail
		}
		cl.who = who
	}
	return fn(cl)
}

func (cl *call) readBody(flags routeFlags) *apiError {
	if flags&stream != 0 {
		n, err := io.Copy(io.Discard, cl.r.Body)
		if err != nil {
			return failf(http.StatusBadRequest, "The request body could not be read.")
		}
		cl.r.ContentLength = n
		return nil
	}
	data, err := io.ReadAll(io.LimitReader(cl.r.Body, maxBody+1))
	if err != nil {
		return failf(http.StatusBadRequest, "The request body could not be read.")
	}
	if len(data) > maxBody {
		return failf(http.StatusRequestEntityTooLarge, "Request is too large.")
	}
	cl.body = data
	return nil
}

func (c *Cloud) write(w http.ResponseWriter, cl *call, svc service, res reply) {
	h := w.Header()
	h.Set("X-Openstack-Request-Id", cl.id)
	if svc == nova {
		h.Set("X-Compute-Request-Id", cl.id)
		h.Set("Openstack-Api-Version", "compute "+novaVersion(cl.r))
		h.Set("X-Openstack-Nova-Api-Version", novaVersion(cl.r))
	}
	for k, v := range res.header {
		h.Set(k, v)
	}
	if res.status == http.StatusUnauthorized {
		h.Set("Www-Authenticate", `Keystone uri="http://`+cl.r.Host+`/identity"`)
	}
	data := res.raw
	if res.body != nil {
		var err error
		if data, err = json.Marshal(res.body); err != nil {
			c.opts.Logger.Error("encode answer", "path", cl.r.URL.Path, "error", err)
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		h.Set("Content-Type", "application/json")
	}
	w.WriteHeader(res.status)
	if cl.r.Method == http.MethodHead || len(data) == 0 {
		return
	}
	if _, err := w.Write(data); err != nil && !errors.Is(err, http.ErrBodyNotAllowed) {
		c.opts.Logger.Debug("write answer", "path", cl.r.URL.Path, "error", err)
	}
}

// decode reads a JSON body that has to be there.
func (cl *call) decode(into any) *apiError {
	if err := json.Unmarshal(cl.body, into); err != nil {
		return failf(http.StatusBadRequest, "The request body is not valid JSON: %s.", err)
	}
	return nil
}

func (cl *call) path(name string) string { return cl.r.PathValue(name) }

func (cl *call) baseURL() string {
	scheme := "http"
	if cl.r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + cl.r.Host
}

// fresh reports whether a list may show an object, which a stale-list fault can forbid.
func (cl *call) fresh(m *meta) bool {
	return cl.stale.IsZero() || !m.CreatedAt.After(cl.stale)
}

func ok(body any) (reply, *apiError)      { return reply{status: http.StatusOK, body: body}, nil }
func created(body any) (reply, *apiError) { return reply{status: http.StatusCreated, body: body}, nil }
func noContent() (reply, *apiError)       { return reply{status: http.StatusNoContent}, nil }
func refuse(e *apiError) (reply, *apiError) {
	return reply{}, e
}
