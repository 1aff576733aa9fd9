package sim

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// statusAborted marks a call that got no response.
const statusAborted = 0

// keptCalls bounds the log; the counts go on without it.
const keptCalls = 50_000

// Call is one API call as the cloud saw it. Status 0 means that no response was given.
type Call struct {
	Time            time.Time `json:"time"`
	Method          string    `json:"method"`
	Template        string    `json:"template"`
	Path            string    `json:"path"`
	Status          int       `json:"status"`
	RequestID       string    `json:"request_id"`
	GlobalRequestID string    `json:"global_request_id,omitempty"`
	Fault           string    `json:"fault,omitempty"`
}

// CallCount sums up calls that were alike.
type CallCount struct {
	Method   string `json:"method"`
	Template string `json:"template"`
	Status   int    `json:"status"`
	Count    int    `json:"count"`
}

type callKey struct {
	method, template string
	status           int
}

type callLog struct {
	mu     sync.Mutex
	counts map[callKey]int
	calls  []Call
	start  int // of the ring, once it is full
}

func (l *callLog) add(c Call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts[callKey{c.Method, c.Template, c.Status}]++
	if len(l.calls) < keptCalls {
		l.calls = append(l.calls, c)
		return
	}
	l.calls[l.start] = c
	l.start = (l.start + 1) % keptCalls
}

func (l *callLog) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts, l.calls, l.start = map[callKey]int{}, nil, 0
}

// Calls gives the latest calls, oldest first.
func (c *Cloud) Calls() []Call {
	l := c.calls
	l.mu.Lock()
	defer l.mu.Unlock()
	return append(slices.Clone(l.calls[l.start:]), l.calls[:l.start]...)
}

// CallCounts gives how often each method, path template and status was seen.
func (c *Cloud) CallCounts() []CallCount {
	l := c.calls
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]CallCount, 0, len(l.counts))
	for k, n := range l.counts {
		out = append(out, CallCount{Method: k.method, Template: k.template, Status: k.status, Count: n})
	}
	slices.SortFunc(out, func(a, b CallCount) int {
		return cmp.Or(cmp.Compare(a.Template, b.Template), cmp.Compare(a.Method, b.Method), cmp.Compare(a.Status, b.Status))
	})
	return out
}

// ResetCalls forgets the calls seen so far.
func (c *Cloud) ResetCalls() { c.calls.clear() }
