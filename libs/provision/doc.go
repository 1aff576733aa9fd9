// Package provision brings resources to their specs and keeps a ledger of every external object.
//
// # Promises
//
// A change is one transaction of the service: its spec row, Accept (the resource in its transient state and due at once, the
// operation), its outbox event. From then on the change is carried out, whatever happens to processes, to the database
// connection or to the cloud in between, and the cloud ends up with exactly one of each object, and with none after a
// deletion. An operation never fails by itself: it succeeds, is cancelled, or is superseded by a newer change of the same
// resource. A resource that cannot go on is BLOCKED with an owner and a remedy, and goes on once the cause is gone.
//
// # A kind
//
// A kind of resource is a value of Kind[T]; T is its spec, the row the service loads. ExampleKind is a complete one. It has
//
//   - Load, which reads the spec;
//   - Plan, which is pure and returns the steps for a spec. A step has a stable name, the steps it needs, a digest of its
//     inputs, and Find, Do and Verify;
//   - Objects, the types of objects the steps make, by which the engine removes them;
//   - Settled, the service's part of each transition, with its event, in the engine's transaction;
//   - Response, what the operation returns at its end, and Inventory, the last look of a deletion;
//   - Past, where a later plan may lack a step that made an object: it returns that step by its name.
//
// Steps come from these:
//
//   - Type declares a type of object once: how it is found, read, made, mended and removed, and every attribute a step sets.
//     Type.Make is the step, Type.Object the end. libs/openstack/kit has the types of OpenStack;
//   - Set is a step whose call bears repeating and makes no object: tags, quotas, roles;
//   - Wait is a step that waits for something else; it returns NotYet until then. libs/peer follows other services' work;
//   - Before keeps the removal of an object waiting.
//
// Config.Kinds takes the kinds of a service, each as an AnyKind. provisiontest.Every proves them: it repeats, fails and
// kills every step, and compares what the cloud holds.
//
// # Rules for a kind
//
//   - A step's name never changes, nor does a type's name: they are keys in the ledger.
//   - An object's name is deterministic and holds the uid of the resource: Find knows the object by it.
//   - Do makes one object with one writing call. Further calls for the object belong to Verify or to another step: an
//     adopted object counts as made.
//   - Do with Run.Existing set changes that object to the spec. A new object instead makes the old one surplus, and the
//     steps that need it run again.
//   - Delete removes only the object it is given, and an absent one is no error. Delete and Gone need no plan.
//   - Other services' RPCs take Run.StepID as their request_id.
//
// # The ledger
//
// OpenStack has no idempotency keys, so the ledger takes their place. The engine commits an intent before Do and the result
// after it. An intent without a result is a doubt: the object may exist. The step then calls Find before anything else, and
// adopts the first object; every other one is surplus and is removed. Lists lag, so nothing counts as nothing only when two
// looks, Config.Settle apart, found nothing. A call may be late even then: the engine looks for whatever was in doubt once
// more, Config.Late after the doubt, before the operation succeeds. A deletion looks before it removes what the object
// would need, and again when the ledger is empty. Find is never called for a step without a doubt.
//
// A step that is done with the same digest is not done again. A step that left the plan has its object removed. Needs are
// recorded with each object, and removal follows them backwards. Only objects in the ledger are ever removed. The receipt
// of a deletion lists every object, when it was last seen and when it was gone. The engine signs it in the transaction that
// removes the resource, once Kind.Inventory is empty.
//
// Preview compares a plan with the ledger and does nothing. It shows what the work does, unless others change the cloud or
// the resource in between.
//
// Step.After only puts calls in order: a step waits until another has made its object, not until that is ready. The ledger
// does not record it.
//
// # Workers
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
// Superseding, cancelling and stopping take effect at the next step boundary: the worker waits for calls under way and
// enters their results in the ledger. The newest change wins; a resource that is being deleted takes no other change.
//
// Progress is a row for each step. Its share and its expected end come from how long the same steps took before.
package provision
