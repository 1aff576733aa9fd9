package limit

import (
	"hash/maphash"
	"sync"
)

// bucket is the rest of a budget, as far as this process knows. A nil bucket is never empty.
type bucket struct {
	of *budget
	// key is its name in the store.
	key string

	mu sync.Mutex
	// held are calls that were taken and not yet made.
	held int64
	// full is when the budget is whole again, on the clock of this process.
	full int64
	// barred is until when the store has none; all others would take what comes earlier.
	barred int64
	// ask is how many calls were taken last, and asked when.
	ask, asked int64
	// untold is true when calls were taken that the store does not know of.
	untold bool
}

func (b *bucket) holds() bool { return b == nil || b.held > 0 }

func (b *bucket) refuses(now int64) bool { return b != nil && b.held == 0 && b.barred > now }

// giveBack undoes the taking of a call in hand that was not made.
func (b *bucket) giveBack() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held++
}

// fill takes one call without the store, when there is none in hand and the store did not refuse one.
func (b *bucket) fill(now int64) {
	if b.holds() || b.barred > now || b.of.free(now, b.full) == 0 {
		return
	}
	b.full = max(b.full, now) + b.of.interval
	b.held, b.untold = 1, true
}

// left is how many calls may be made now.
func (b *bucket) left(now int64) int64 {
	if b.held == 0 && b.barred > now {
		return 0
	}
	return min(b.of.burst, b.held+b.of.free(now, b.full))
}

// wait is how long it takes until a call may be made.
func (b *bucket) wait(now int64) int64 {
	if b.holds() {
		return 0
	}
	return max(b.barred-now, b.of.wait(now, b.full))
}

// hot is how soon a lease must be used up for the next one to be larger, in microseconds.
const hot = 100_000

// size is how many calls to take from the store.
func (b *bucket) size(now int64) int64 {
	if b.ask == 0 || now-b.asked > hot {
		b.ask = max(1, b.ask/2)
	} else {
		b.ask = min(b.of.lease, b.ask*2)
	}
	b.asked = now
	return b.ask
}

const (
	// maxBuckets are kept by a process, in shards that are locked apart.
	maxBuckets = 1 << 16
	shards     = 32
	// sampled buckets are looked at for the one that is unused for longest.
	sampled = 8
)

// place is where a bucket is kept.
type place struct {
	of   *budget
	name string
}

type kept struct {
	bucket *bucket
	used   int64
}

// buckets are those that were used last.
type buckets struct {
	seed   maphash.Seed
	each   int
	shards [shards]struct {
		mu  sync.Mutex
		all map[place]*kept
	}
}

func newBuckets(limit int) *buckets {
	b := &buckets{seed: maphash.MakeSeed(), each: max(1, limit/shards)}
	for i := range b.shards {
		b.shards[i].all = make(map[place]*kept)
	}
	return b
}

func (b *buckets) find(of *budget, name string, now int64) *bucket {
	s := &b.shards[maphash.String(b.seed, name)%shards]
	at := place{of, name}
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := s.all[at]
	if !ok {
		if len(s.all) >= b.each {
			forget(s.all)
		}
		k = &kept{bucket: &bucket{of: of, key: keyPrefix + of.name + ":" + name}}
		s.all[at] = k
	}
	k.used = now
	return k.bucket
}

// forget drops a bucket that was not used for long. Maps are walked from a random place.
func forget(all map[place]*kept) {
	var oldest place
	least, n := int64(0), 0
	for at, k := range all {
		if n == 0 || k.used < least {
			oldest, least = at, k.used
		}
		if n++; n == sampled {
			break
		}
	}
	delete(all, oldest)
}
