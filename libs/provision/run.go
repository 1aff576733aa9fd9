package provision

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"sync"
)

const maxCloudRequests = 16

// Run is one execution of one step. It is safe for use by several goroutines of the step.
type Run struct {
	Resource
	operation, step, undo string
	objects               map[string]External
	existing              *External

	mu       sync.Mutex
	followed string
	calls    []string
}

// NewRun is an execution of a step outside of an engine, for tests of object types. Existing is what the step made before, or nil.
func NewRun(r Resource, step string, objects map[string]External, existing *External) *Run {
	return &Run{Resource: r, step: step, objects: objects, existing: existing}
}

// Operation is the id of the operation this is part of.
func (r *Run) Operation() string { return r.operation }

// Step is the name of the step.
func (r *Run) Step() string { return r.step }

// Object is what a step of this resource made; false while it has made nothing.
func (r *Run) Object(step string) (External, bool) {
	o, ok := r.objects[step]
	return o, ok
}

// Objects are what the steps of this resource have made so far, by step.
func (r *Run) Objects() map[string]External { return maps.Clone(r.objects) }

// Existing is what this step made before, when it runs again because its inputs changed.
func (r *Run) Existing() (External, bool) {
	if r.existing == nil {
		return External{}, false
	}
	return *r.existing, true
}

// StepID is the same at every attempt of this step in this operation, and another for its undoing: the request_id for
// other services' RPCs. It has at most 64 characters.
func (r *Run) StepID() string { return stepID(r.operation, r.undo, r.step) }

// FollowOperation records the operation of another service that this step follows; users see it on the step.
func (r *Run) FollowOperation(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.followed = name
}

// Followed is the operation given to FollowOperation, by an earlier execution too.
func (r *Run) Followed() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.followed
}

// CloudRequest records the request id of a call the step made; the last 16 are kept.
func (r *Run) CloudRequest(id string) {
	if id == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, id)
	if n := len(r.calls); n > maxCloudRequests {
		r.calls = slices.Delete(r.calls, 0, n-maxCloudRequests)
	}
}

func (r *Run) told() (followed string, calls []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.followed, slices.Clone(r.calls)
}

func stepID(operation, undo, step string) string {
	sum := sha256.Sum256([]byte(undo + "/" + step))
	return operation + "." + hex.EncodeToString(sum[:8])
}
