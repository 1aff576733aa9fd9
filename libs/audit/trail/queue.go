package trail

import "sync"

const (
	// maxWaiting is how many records of one tenant may wait to be written, maxLane those of all tenants of a lane.
	maxWaiting = 64
	maxLane    = 4096
)

// lane is a queue of records that serves tenants in turn, each by one writer at a time.
type lane struct {
	limiter

	mu      sync.Mutex
	waiting map[string][]lateRecord
	ready   []string
	busy    map[string]bool
	n       int
}

func newLane() *lane { return &lane{waiting: map[string][]lateRecord{}, busy: map[string]bool{}} }

// put adds a record; false when there is no room.
func (l *lane) put(r lateRecord) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	tenant := tenantOf(r.call.resource)
	if l.n >= maxLane || len(l.waiting[tenant]) >= maxWaiting {
		return false
	}
	if len(l.waiting[tenant]) == 0 && !l.busy[tenant] {
		l.ready = append(l.ready, tenant)
	}
	l.waiting[tenant] = append(l.waiting[tenant], r)
	l.n++
	return true
}

// take returns all records of the tenant whose turn it is. The caller then calls done. Without any it returns none.
func (l *lane) take() (tenant string, records []lateRecord) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.ready) == 0 {
		return "", nil
	}
	tenant, l.ready = l.ready[0], l.ready[1:]
	records = l.waiting[tenant]
	delete(l.waiting, tenant)
	l.busy[tenant] = true
	l.n -= len(records)
	return tenant, records
}

// done lets the next writer have the tenant.
func (l *lane) done(tenant string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.busy, tenant)
	if len(l.waiting[tenant]) > 0 {
		l.ready = append(l.ready, tenant)
	}
}
