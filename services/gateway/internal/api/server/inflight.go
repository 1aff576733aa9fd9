package server

import "sync"

// inFlight counts requests, and signals when there are none.
type inFlight struct {
	mu      sync.Mutex
	n       int
	waiting chan struct{}
}

func (f *inFlight) enter() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n++
}

func (f *inFlight) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n--
	f.tell()
}

// idle is closed the first time there are none from now on.
func (f *inFlight) idle() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.waiting == nil {
		f.waiting = make(chan struct{})
	}
	out := f.waiting
	f.tell()
	return out
}

// tell needs the lock.
func (f *inFlight) tell() {
	if f.n == 0 && f.waiting != nil {
		close(f.waiting)
		f.waiting = nil
	}
}
