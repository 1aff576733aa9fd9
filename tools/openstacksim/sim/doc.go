// Package sim is an OpenStack cloud held in memory: the wire subset of Keystone v3,
// Neutron v2.0, Nova v2.1, Placement, Glance v2 and Cinder v3 that the control plane speaks,
// served over HTTP so that a client SDK talks to it unchanged.
//
// It promises the behaviour of a real cloud where a caller can see it: the same status
// codes and error bodies, quotas that are enforced, references that keep an object from
// being deleted, tenants that cannot see one another, and revisions that grow. On top of
// that it can be told to misbehave (see Fault), it counts every call (see Calls) and it
// can be saved and loaded (see Snapshot and Restore).
//
// It fails as the real thing does: an unknown path is 404, a bad token 401. It forwards
// no packets and boots no machine: a server is a record that becomes ACTIVE by the clock.
//
// State is one struct behind one lock. A request decodes its body before it takes the
// lock and encodes its response after it unlocks; what is stored is replaced, never edited
// in place, so a response may share slices and maps with the state it was built from.
package sim
