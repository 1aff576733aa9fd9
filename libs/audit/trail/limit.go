package trail

import (
	"sync"
	"time"
)

const (
	// perActor is how many failed calls of one actor on one tenant are recorded in a minute; perStrangers those of all actors
	// without a role in the tenant, together; perTenant those of all actors.
	perActor     = 30
	perStrangers = 30
	perTenant    = 300
	// maxCounts bounds the counts of one limiter. Calls that need one more are left out until a minute ends.
	maxCounts = 16384
)

// limiter counts the failed calls on each tenant in each minute.
type limiter struct {
	mu    sync.Mutex
	of    map[string]*count
	ended []lateRecord
}

// count is one minute of one key.
type count struct {
	limit    int
	minute   time.Time
	recorded int
	// omitted is the number of calls left out since the time since; last is the newest of them.
	omitted int64
	since   time.Time
	last    lateRecord
}

// admit returns whether to record the call. until is set for the last call before the limit: until then calls are left out.
func (l *limiter) admit(r lateRecord, now time.Time) (until time.Time, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	minute := now.Truncate(time.Minute)
	tenant := tenantOf(r.call.resource)
	who, limit := "\x1fstrangers", perStrangers
	if !r.call.stranger {
		who, limit = "\x1f"+string(r.call.actor.Kind)+"\x1f"+r.call.actor.Subject, perActor
	}
	mine, all := l.count(tenant+who, limit, minute), l.count(tenant, perTenant, minute)
	for _, c := range [...]*count{mine, all} {
		if c == nil {
			return time.Time{}, false
		}
		if c.recorded >= c.limit {
			if c.omitted++; c.omitted == 1 {
				c.since = now
			}
			c.last = r
			return time.Time{}, false
		}
	}
	mine.recorded++
	all.recorded++
	if mine.recorded == mine.limit || all.recorded == all.limit {
		until = minute.Add(time.Minute)
	}
	return until, true
}

// count returns the count of a key in a minute, nil when there is no room for it.
func (l *limiter) count(key string, limit int, minute time.Time) *count {
	c := l.of[key]
	if c == nil {
		if len(l.of) >= maxCounts {
			return nil
		}
		c = &count{limit: limit, minute: minute}
		if l.of == nil {
			l.of = map[string]*count{}
		}
		l.of[key] = c
	}
	if !c.minute.Equal(minute) {
		if gap, ok := c.gap(); ok {
			l.ended = append(l.ended, gap)
		}
		*c = count{limit: limit, minute: minute}
	}
	return c
}

// gap returns the last call that was left out, with the number of those before it; false without any.
func (c *count) gap() (lateRecord, bool) {
	r := c.last
	r.omitted, r.since = c.omitted-1, c.since
	return r, c.omitted > 0
}

// gaps returns a record for each minute that is over and left calls out, and forgets the counts of such minutes.
func (l *limiter) gaps(now time.Time) (out []lateRecord) {
	l.mu.Lock()
	defer l.mu.Unlock()
	minute := now.Truncate(time.Minute)
	out, l.ended = l.ended, nil
	for key, c := range l.of {
		if !c.minute.Before(minute) {
			continue
		}
		delete(l.of, key)
		if gap, ok := c.gap(); ok {
			out = append(out, gap)
		}
	}
	return out
}
