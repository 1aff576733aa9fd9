package limit

import (
	"strconv"
	"time"
)

// Window is the time that budgets are given for.
const Window = time.Minute

// MinQuota and MaxQuota bound what a budget may be.
const (
	MinQuota = 4
	MaxQuota = 10_000_000
)

const (
	// burstShare of a quota may be spent at once; the rest comes evenly over the window, so that no window ever passes
	// more than the quota.
	burstShare = 4
	// leaseShare of a burst is what a process may hold of a budget at most, and maxLease what it holds of a large one.
	leaseShare = 16
	maxLease   = 64
)

// Class is the kind of call a budget is for.
type Class int

// The classes.
const (
	Get Class = iota
	List
	Mutate
	Stream
	classes
)

var classNames = [classes]string{"get", "list", "mutate", "stream"}

// Rates are calls of each class in a Window.
type Rates struct{ Get, List, Mutate, Stream int }

func (r Rates) of(c Class) int { return [classes]int{r.Get, r.List, r.Mutate, r.Stream}[c] }

// budget is the number of calls in a window. All times are microseconds.
type budget struct {
	// name is how headers call it, such as `caller-get`; subject how errors do.
	name, subject string
	// class is that of the calls it is for, in words.
	class string
	quota int
	// burst calls may come at once, and one more in every interval.
	burst, interval int64
	// lease is how many calls a process takes from the store at once at most.
	lease int64
}

func newBudget(subject, class string, quota int) *budget {
	b := &budget{name: subject, subject: subject, class: class, quota: quota}
	if class != "" {
		b.name += "-" + class
	}
	b.burst = max(1, int64(quota/burstShare))
	rest := max(1, int64(quota)-b.burst)
	b.interval = (Window.Microseconds() + rest - 1) / rest
	b.lease = min(maxLease, max(1, b.burst/leaseShare))
	return b
}

// policy is the budget as the RateLimit-Policy field has it.
func (b *budget) policy() string {
	return `"` + b.name + `";q=` + strconv.Itoa(b.quota) + ";w=" + strconv.Itoa(int(Window.Seconds()))
}

// free is how many calls may pass at once when the budget is whole again at full.
func (b *budget) free(now, full int64) int64 {
	return max(0, (now+b.burst*b.interval-max(full, now))/b.interval)
}

// wait is how long it takes until a call may pass.
func (b *budget) wait(now, full int64) int64 {
	return max(0, max(full, now)+b.interval-now-b.burst*b.interval)
}
