package provision

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/low-layer/platform/libs/receipt"
)

// Querier reads and writes the service's database: a pool or a transaction.
type Querier interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Resource is the resource that a plan, a run or a settlement is about.
type Resource struct {
	Kind, UID, Name, Tenant, Verb string
	Generation                    int64
	Deleting                      bool
	spec                          any // the T of its Kind, see SpecOf
}

// External is one object outside our database: in the cloud, or another service's resource.
type External struct {
	ID, Name   string
	Attributes map[string]string
}

// Step is one piece of the work a resource needs. Its name is stable: it is the key of what the ledger remembers. Users see the
// title only.
type Step struct {
	Name string
	// Title is what the step does the first time, for example `create the VPC router`. A title that begins with `create` is shown
	// with `update` and `remove` in the other directions, unless UpdateTitle or RemoveTitle say otherwise.
	Title, UpdateTitle, RemoveTitle string
	// Needs names the steps that must be done before this one starts, and whose objects outlive this one's.
	Needs []string
	// After names steps whose objects must exist before this one starts, ready or not: the order of the calls counts, and
	// their waiting is side by side. A BLOCKED step holds no other up. Removal does not follow After.
	After []string
	// Object is the type of the external object it makes, one of Kind.Objects; empty when it makes none, and then Do is
	// idempotent or follows another service's operation.
	Object string
	// Digest is that of its inputs. A step that is done with the same digest is not done again; with another one Do runs
	// again and Run.Existing returns the object as it is.
	Digest string
	// Replaces is that Do with another digest makes another object instead of changing the present one. Only a preview reads
	// it.
	Replaces bool
	// Find lists our own objects of this step by their deterministic name. The engine calls it only when an earlier attempt
	// may have been carried out without an answer. It adopts the first object and removes the others. Nil for a step that
	// makes no object.
	Find func(context.Context, *Run) ([]External, error)
	// Do makes the object, or changes Run.Existing to what is wanted.
	Do func(context.Context, *Run) (External, error)
	// Verify returns nil when the object is ready, NotYet to be asked again, another error to have Do tried again.
	Verify func(context.Context, *Run, External) error
	// Restore takes away what others added to the object, and never creates one. The engine calls it when the removal of what
	// needs the object meets a conflict, and then removes again. May be nil.
	Restore func(context.Context, *Run, External) error
	// Check returns how the object of a step that is done differs from what it asks for; drift goes by it. A nil one checks nothing.
	Check func(context.Context, *Run) ([]Difference, error)
	// Deadline is how long the step may take from its first attempt before the resource is BLOCKED by it; work on it goes
	// on all the same. Ten minutes when zero.
	Deadline time.Duration
}

// Object is the end of one type of external object. Type.Object makes one.
type Object struct {
	Type string
	// Delete asks for the end of an object. An absent one is nil: it is called again after every doubt.
	Delete func(context.Context, *Run, External) error
	// Gone returns the objects that are still there, by listing. Nil means that Delete is the end.
	Gone func(context.Context, *Run, []External) ([]External, error)
}

// Outcome is the transition of a Settlement.
type Outcome int

// The outcomes.
const (
	// Done: the resource is as wanted, or removed.
	Done Outcome = iota + 1
	// Blocked: somebody must act, see Blockage.
	Blocked
	// Unblocked: the cause went and the work goes on.
	Unblocked
	// Cancelled: its owner stopped the work.
	Cancelled
)

// String is the outcome in lower case.
func (o Outcome) String() string {
	switch o {
	case Done:
		return "done"
	case Blocked:
		return "blocked"
	case Unblocked:
		return "unblocked"
	case Cancelled:
		return "cancelled"
	default:
		return "unknown"
	}
}

// Settlement is one transition of a resource.
type Settlement struct {
	Resource
	// Operation is the id of the operation, `op_<service>_…`.
	Operation string
	Outcome   Outcome
	State     State
	Blockage  *Blockage
	// Objects are the external objects by step.
	Objects map[string]External
	// Removed is true when the resource is gone; the service removes its spec row. Receipt then lists every object there
	// ever was and when it was seen to be gone, and ReceiptName is that of the signed document, empty without a signer.
	Removed     bool
	Receipt     []RemovedObject
	ReceiptName string
}

// RemovedObject is one line of a deletion receipt.
type RemovedObject struct {
	Step, Type string
	External
	// MadeTime is when it was first known, SeenTime when it was last known to be there; zero when nobody noted it.
	MadeTime, SeenTime time.Time
	// GoneTime is when it was verified gone, Proof by which check.
	GoneTime time.Time
	Proof    receipt.Check
}
