package sim

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"time"
)

// Fault is a misbehaviour on request. A fault matches calls by method and path; of the
// matches it strikes those that Nth, Count and Probability choose. When several faults
// match a call the first added strikes.
type Fault struct {
	Name   string `json:"name,omitempty"`
	Method string `json:"method,omitempty"` // empty: every method
	Path   string `json:"path,omitempty"`   // regular expression over the path; empty: every path

	Nth         int     `json:"nth,omitempty"`         // strike only the nth match, counted from 1
	Count       int     `json:"count,omitempty"`       // strike at most this often; 0: no limit
	Probability float64 `json:"probability,omitempty"` // strike this share of the matches; 0: all
	Seed        uint64  `json:"seed,omitempty"`        // makes Probability repeatable

	Gather     int             `json:"gather,omitempty"`      // hold calls until so many are in flight, then let go of all, for good
	Latency    Duration        `json:"latency,omitempty"`     // more time before the response
	Status     int             `json:"status,omitempty"`      // answer this; with Executed after doing the work
	Body       json.RawMessage `json:"body,omitempty"`        // of that response; empty: the service's usual error
	RetryAfter int             `json:"retry_after,omitempty"` // seconds, as a header of that response
	Executed   bool            `json:"executed,omitempty"`    // do the work, then lose the response
	Drop       bool            `json:"drop,omitempty"`        // close the connection, the work not done
	Stale      Duration        `json:"stale,omitempty"`       // lists leave out what is younger
}

// FaultState is a fault with how it has gone so far.
type FaultState struct {
	Fault
	ID      int `json:"id"`
	Matched int `json:"matched"`
	Struck  int `json:"struck"`
}

// Duration is written as text ("250ms") in JSON.
type Duration time.Duration

// MarshalText writes the duration as time.Duration does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what time.ParseDuration reads.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("read duration: %w", err)
	}
	*d = Duration(v)
	return nil
}

// prevents reports whether the work is not done.
func (f *Fault) prevents() bool { return !f.Executed && (f.Drop || f.Status != 0) }

// hidesAnswer reports whether the caller does not get the true response.
func (f *Fault) hidesAnswer() bool { return f.Executed || f.Drop || f.Status != 0 }

func (f *Fault) label() string {
	if f.Name != "" {
		return f.Name
	}
	switch {
	case f.Executed:
		return "executed"
	case f.Drop:
		return "drop"
	case f.Status != 0:
		return strconv.Itoa(f.Status)
	case f.Stale > 0:
		return "stale"
	case f.Gather > 0:
		return "gather"
	default:
		return "latency"
	}
}

func (f *Fault) validate() error {
	var errs []error
	if f.Status != 0 && (f.Status < 400 || f.Status > 599) {
		errs = append(errs, fmt.Errorf("status %d is not an error status", f.Status))
	}
	if f.Executed && f.Drop {
		errs = append(errs, errors.New("executed and drop exclude each other: drop means not executed"))
	}
	if f.Probability < 0 || f.Probability > 1 {
		errs = append(errs, fmt.Errorf("probability %v is not between 0 and 1", f.Probability))
	}
	if f.Nth < 0 || f.Count < 0 || f.Latency < 0 || f.Stale < 0 || f.Gather < 0 {
		errs = append(errs, errors.New("nth, count, gather, latency and stale cannot be negative"))
	}
	if f.Gather > 0 && (f.Nth > 0 || (f.Count > 0 && f.Count < f.Gather)) {
		errs = append(errs, fmt.Errorf("gather waits for %d calls, which nth or count keep away", f.Gather))
	}
	if !f.hidesAnswer() && f.Latency == 0 && f.Stale == 0 && f.Gather == 0 {
		errs = append(errs, errors.New("the fault has no effect: give gather, latency, status, executed, drop or stale"))
	}
	return errors.Join(errs...)
}

type armedFault struct {
	FaultState
	path *regexp.Regexp
	rng  *rand.Rand
	gate *gate // nil without Gather
}

type faultSet struct {
	mu     sync.Mutex
	nextID int
	armed  []*armedFault
}

// AddFault arms a fault and gives its id.
func (c *Cloud) AddFault(f Fault) (int, error) {
	if err := f.validate(); err != nil {
		return 0, fmt.Errorf("add fault: %w", err)
	}
	path, err := regexp.Compile(f.Path)
	if err != nil {
		return 0, fmt.Errorf("add fault: %w", err)
	}
	s := c.faults
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nextID++
	s.armed = append(s.armed, &armedFault{
		FaultState: FaultState{Fault: f, ID: s.nextID},
		path:       path,
		rng:        rand.New(rand.NewPCG(f.Seed, f.Seed^0x9e3779b97f4a7c15)),
		gate:       newGate(f.Gather),
	})
	return s.nextID, nil
}

// Faults lists the armed faults.
func (c *Cloud) Faults() []FaultState {
	s := c.faults
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]FaultState, 0, len(s.armed))
	for _, a := range s.armed {
		out = append(out, a.FaultState)
	}
	return out
}

// ClearFaults disarms all faults.
func (c *Cloud) ClearFaults() { c.faults.clear() }

// RemoveFault disarms one fault and reports whether it was there.
func (c *Cloud) RemoveFault(id int) bool {
	s := c.faults
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, a := range s.armed {
		if a.ID == id {
			a.gate.unlock()
			s.armed = append(s.armed[:i:i], s.armed[i+1:]...)
			return true
		}
	}
	return false
}

func (s *faultSet) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.armed {
		a.gate.unlock()
	}
	s.armed = nil
}

// match returns the fault that strikes, and the gate its calls wait at; both may be nil.
func (s *faultSet) match(method, path string) (*Fault, *gate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.armed {
		if a.strikes(method, path) {
			f := a.Fault
			return &f, a.gate
		}
	}
	return nil, nil
}

func (a *armedFault) strikes(method, path string) bool {
	if a.Method != "" && a.Method != method || !a.path.MatchString(path) {
		return false
	}
	a.Matched++
	switch {
	case a.Nth > 0 && a.Matched != a.Nth,
		a.Count > 0 && a.Struck >= a.Count,
		a.Probability > 0 && a.rng.Float64() >= a.Probability:
		return false
	}
	a.Struck++
	return true
}

// answerFault gives the caller what the fault says instead of the response.
func (c *Cloud) answerFault(w http.ResponseWriter, cl *call, svc service, f *Fault, rec Call) {
	rec.Status = f.Status
	c.calls.add(rec)
	if f.Status == 0 {
		panic(http.ErrAbortHandler) // net/http's way to close the connection without a response
	}
	res := reply{status: f.Status, raw: f.Body, header: map[string]string{}}
	if len(f.Body) == 0 {
		fail := failf(f.Status, "%s (fault on request)", http.StatusText(f.Status))
		res.body = fail.body(svc, cl.id)
	} else {
		res.header["Content-Type"] = "application/json"
	}
	if f.RetryAfter > 0 {
		res.header["Retry-After"] = strconv.Itoa(f.RetryAfter)
	}
	c.write(w, cl, svc, res)
}
