// Package provision brings resources to what is wanted of them and keeps count of every object that takes.
//
// # What it promises
//
// A change is one transaction of the service: its spec row, Accept (the resource in its transient state and due at once, the
// operation), its outbox event. From then on the change is carried out, whatever happens to processes, to the database
// connection or to the cloud in between, and the cloud ends up with exactly one of each object, and with none after a
// deletion. An operation never fails by itself: it succeeds, is cancelled, or is superseded by a newer change of the same
// resource. What cannot go on is BLOCKED, says who must act and how, and goes on by itself once the cause is gone.
//
// # The ledger
//
// OpenStack has no idempotency keys, so the ledger takes their place. Before a step's Do is called an intent is committed;
// after it, the result. An intent without a result means that nobody knows whether the object exists: the step then
// observes, by a deterministic name, before it does anything. What it finds it adopts; what it finds beyond that is
// surplus and is removed; that it finds nothing counts only when it is said twice, Config.Settle apart, because lists lag.
// Even then the call may only be late: what was ever in doubt is looked for once more, Config.Late after the doubt, before
// the operation succeeds; in a deletion before what it would need goes, and again when the ledger is empty. What is found
// beside the known object is surplus. A step that was never in doubt is never looked for.
// An adopted object counts as made with the digest of the attempt that made it. So a Do makes one object with one call,
// and what belongs to the object afterwards is in Verify or in a step of its own; or Observe answers only what is complete.
//
// A step that is done with the same digest is not done again. With another digest Do is called with Run.Existing set. If it
// answers another object than the one there was, the old one is surplus, and steps that need this one are done again. A step
// that left the plan has its object removed. Needs are recorded with each object; removal follows them backwards, so it
// needs no plan, and no code that made the object: Object.Delete and Object.Gone are enough. Only what is in the ledger is
// ever deleted. The receipt of a deletion is the list of everything that was, when it was last seen and when it was seen to
// be gone. It is signed in the transaction that removes the resource, after Kind.Inventory found nothing more, and kept.
//
// Preview holds a plan against the ledger without doing any of it: what it foretells is what the work does, unless others
// change the cloud or the resource in between.
//
// After only puts calls in order: a step waits until another has made its object, not until that is ready, and nothing of
// it is recorded.
//
// # Who works
//
// The column wake_at says when to look at a resource. Every engine claims what is due, and takes its lease, in one statement:
// when a notification says that there is work, when a timer of its own fires, and every Config.Sweep. The last finds the work
// of dead processes and makes up for lost notifications. A claim raises the resource's fence.
//
// The worker works in slices of Config.Slice: it starts every step that is ready, in parallel, and commits results and new
// intents together, one round trip for both. Each of these commits holds the fence against the row, so a worker that was
// paused, or lost its lease, cannot write. The lease is measured by the database's clock and renewed while a slice runs.
// Waiting is not work: a step that returns NotYet gives the worker back, and wake_at says when it is asked again. A look that
// is asked for while a worker holds the lease outlasts the slice.
//
// # Errors
//
// An error is classed by its errs reason and code: quota, capacity, conflict, invalid, auth, policy, rate-limited,
// upstream, timeout, precondition, missing, defect. Each class has its pace of retries, honours Retry-After, and after so
// many tries or so long becomes a Blockage. A blocked step is still tried, more slowly. Only an error that is known not to
// have been carried out (an errs.Error that is not Ambiguous, with a definite code) spares the next attempt the look;
// and after a doubt a refusal does not, because our own object may be what is in the way. A panic of
// a step is an error like any other.
//
// # Time and order
//
// Superseding, cancelling and stopping take effect at the next step boundary: what is under way is waited for and entered
// in the ledger. The newest change wins; a resource that is being deleted takes no other change.
//
// Progress is a row a step. The share that is done and the time of the end come from how long the same steps took before.
package provision
