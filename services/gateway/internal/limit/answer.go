package limit

import (
	"net/http"
	"strconv"

	"google.golang.org/grpc/metadata"
)

// Names of the fields of draft-ietf-httpapi-ratelimit-headers; metadata has them in lower case.
const (
	Field       = "RateLimit"
	PolicyField = "RateLimit-Policy"
	key         = "ratelimit"
	policyKey   = "ratelimit-policy"
)

// These are the fields as net/http writes names.
const (
	webField       = "Ratelimit"
	webPolicyField = "Ratelimit-Policy"
)

// Answer is the state of the budgets of a call, for its caller; the zero one is empty.
type Answer struct {
	policy []string
	state  string
}

// Header puts the state into the header of a REST response.
func (a Answer) Header(h http.Header) {
	if a.policy != nil {
		h[webPolicyField], h[webField] = a.policy, []string{a.state}
	}
}

// Metadata puts the state into the header of a gRPC response.
func (a Answer) Metadata(md metadata.MD) metadata.MD {
	if a.policy != nil {
		md[policyKey], md[key] = a.policy, []string{a.state}
	}
	return md
}

// separator stands between budgets.
const separator = ", "

// state is the value of the RateLimit field: what was said already, and the buckets.
func state(said []byte, t, c *bucket, now int64) string {
	if t != nil {
		said = append(t.append(said, now), separator...)
	}
	return string(c.append(said, now))
}

// append writes how many calls may be made at once, and in how many seconds the budget is whole again; when none may be made,
// in how many the next.
func (b *bucket) append(out []byte, now int64) []byte {
	left := b.left(now)
	seconds := up(b.full - now)
	if left == 0 {
		seconds = max(1, up(b.wait(now)))
	}
	out = append(append(append(out, '"'), b.of.name...), `";r=`...)
	out = append(strconv.AppendInt(out, left, 10), ";t="...)
	return strconv.AppendInt(out, seconds, 10)
}

// up is the time in whole seconds, rounded up.
func up(micros int64) int64 { return max(0, (micros+999_999)/1_000_000) }
