package watch

import (
	"sync"
	"time"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/services/gateway/internal/edge/problem"
)

// whenFull is when it makes sense to try again.
const whenFull = 10 * time.Second

// seats bounds how many streams are open at once, in this process.
type seats struct {
	ofCaller, ofTenant, ofAll int

	mu    sync.Mutex
	taken map[string]int
}

func newSeats(ofCaller, ofTenant, ofAll int) *seats {
	return &seats{ofCaller: ofCaller, ofTenant: ofTenant, ofAll: ofAll, taken: make(map[string]int)}
}

// take takes a seat of a caller, who may be unknown, and of a tenant; leave gives it back.
func (s *seats) take(caller, tenant string) (leave func(), err error) {
	limits := map[string]int{"all": s.ofAll, "tenant " + tenant: s.ofTenant}
	if caller != "" {
		limits["caller "+caller] = s.ofCaller
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for who, limit := range limits {
		if s.taken[who] >= limit {
			e := errs.New(errs.ResourceExhausted, problem.TooManyWatches,
				"%d streams are open already, which is the most there may be at once; end one of them, or share one", limit)
			e.Retry = whenFull
			return nil, e
		}
	}
	for who := range limits {
		s.taken[who]++
	}
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for who := range limits {
			if s.taken[who]--; s.taken[who] == 0 {
				delete(s.taken, who)
			}
		}
	}), nil
}
