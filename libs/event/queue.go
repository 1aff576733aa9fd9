package event

import (
	"context"
	"sync"

	eventv1 "github.com/low-layer/platform/gen/go/lowlayer/event/v1"
)

// delivery is one entry of one stream. Event is nil when the entry held none.
type delivery struct {
	source string
	entry  string
	event  *eventv1.Event
}

func (d delivery) key() string { return d.source + "\x00" + d.event.GetTenant() }

// queues do deliveries of one tenant one after the other and of different tenants side by side.
type queues struct {
	do    func(delivery)
	slots chan struct{} // one for each delivery that waits or runs

	mu      sync.Mutex
	pending map[string][]delivery
	running sync.WaitGroup
}

func newQueues(inFlight int, do func(delivery)) *queues {
	return &queues{
		do:      do,
		slots:   make(chan struct{}, inFlight),
		pending: map[string][]delivery{},
	}
}

// add waits while too many deliveries are in flight.
func (q *queues) add(ctx context.Context, d delivery) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case q.slots <- struct{}{}:
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	waiting, served := q.pending[d.key()]
	q.pending[d.key()] = append(waiting, d)
	if !served {
		q.running.Go(func() { q.serve(d.key()) })
	}
	return nil
}

// serve does a tenant's deliveries until there are none.
func (q *queues) serve(key string) {
	for {
		q.mu.Lock()
		waiting := q.pending[key]
		if len(waiting) == 0 {
			delete(q.pending, key)
			q.mu.Unlock()
			return
		}
		next := waiting[0]
		q.pending[key] = waiting[1:]
		q.mu.Unlock()

		q.do(next)
		<-q.slots
	}
}

// wait returns when nothing is in flight.
func (q *queues) wait() { q.running.Wait() }
