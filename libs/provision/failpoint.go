package provision

// When is a moment in the life of a step at which a process may die.
type When string

// The moments.
const (
	BeforeDo          When = "BeforeDo"
	AfterDo           When = "AfterDo"
	AfterCommit       When = "AfterCommit"
	BeforeDelete      When = "BeforeDelete"
	AfterDelete       When = "AfterDelete"
	AfterDeleteCommit When = "AfterDeleteCommit"
)

// Moments are all of them, in the order they come.
func Moments() []When {
	return []When{BeforeDo, AfterDo, AfterCommit, BeforeDelete, AfterDelete, AfterDeleteCommit}
}

// Point is where the engine is. A Failpoint that panics with Crash ends the engine there as a SIGKILL would: nothing more
// is written and the lease lapses by itself.
type Point struct {
	Kind, Verb, Step string
	When             When
	// UID is that of the resource.
	UID string
}

// Crash is what a test's Failpoint panics with to play the death of the process.
type Crash struct{ Point Point }
