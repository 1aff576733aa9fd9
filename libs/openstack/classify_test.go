package openstack_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/libs/openstack"
)

const (
	idA = "3f0a1c52-5a3e-4a68-9f0c-5b1f6f0f3c11"
	idB = "7a1d2e43-0b7c-4d52-8a36-2f9e1d6c5b22"
	idC = "c4e2f3a4-9d8b-4c61-b5a7-0e8f7d6c4b33"
)

func neutron(kind, message string) string {
	return fmt.Sprintf(`{"NeutronError": {"type": %q, "message": %q, "detail": ""}}`, kind, message)
}

func TestClassifyAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		header string // Retry-After
		body   string

		reason, cause, holder, quota string
		code                         errs.Code
		retry                        time.Duration
		ambiguous                    bool
		message                      string
	}{
		"neutron quota": {
			status: 409, body: neutron("OverQuota", "Quota exceeded for resources: ['network', 'subnet']."),
			reason: openstack.ReasonQuotaExceeded, code: errs.ResourceExhausted, quota: "network,subnet", message: "Quota exceeded for resources",
		},
		"neutron subnet pool quota": {
			status: 409, body: neutron("SubnetPoolQuotaExceeded", "Per-tenant subnet pool prefix quota exceeded."),
			reason: openstack.ReasonQuotaExceeded, code: errs.ResourceExhausted, quota: "project",
		},
		"network in use": {
			status: 409, body: neutron("NetworkInUse", "Unable to complete operation on network "+idA+". There are one or more ports still in use on the network, id: "+idB+"."),
			reason: openstack.ReasonConflict, code: errs.FailedPrecondition, cause: openstack.CauseInUse, holder: idB, retry: 2 * time.Second,
		},
		"subnet in use": {
			status: 409, body: neutron("SubnetInUse", "Unable to complete operation on subnet "+idA+": One or more ports have an IP allocation from this subnet."),
			reason: openstack.ReasonConflict, code: errs.FailedPrecondition, cause: openstack.CauseInUse, retry: 2 * time.Second,
		},
		"router in use": {
			status: 409, body: neutron("RouterInUse", "Router "+idA+" still has ports"),
			reason: openstack.ReasonConflict, code: errs.FailedPrecondition, cause: openstack.CauseInUse, retry: 2 * time.Second,
		},
		"router interface needed by a route": {
			status: 409, body: neutron("RouterInterfaceInUseByRoute", "Router interface for subnet "+idB+" on router "+idA+" cannot be deleted, as it is required by one or more routes."),
			reason: openstack.ReasonConflict, code: errs.FailedPrecondition, cause: openstack.CauseInUse, holder: idA, retry: 2 * time.Second,
		},
		"router interface needed by floating ip": {
			status: 409, body: neutron("RouterInterfaceInUseByFloatingIP", "Router interface for subnet "+idB+" on router "+idA+" cannot be deleted, as it is required by one or more floating IPs."),
			reason: openstack.ReasonConflict, code: errs.FailedPrecondition, cause: openstack.CauseInUse, holder: idA, retry: 2 * time.Second,
		},
		"security group in use": {
			status: 409, body: neutron("SecurityGroupInUse", "Security Group "+idA+" in use."),
			reason: openstack.ReasonConflict, code: errs.FailedPrecondition, cause: openstack.CauseInUse, retry: 2 * time.Second,
		},
		"address scope in use": {
			status: 409, body: neutron("AddressScopeInUse", "Unable to complete operation on address scope "+idA+". There are one or more subnet pools in use on the address scope"),
			reason: openstack.ReasonConflict, code: errs.FailedPrecondition, cause: openstack.CauseInUse, retry: 2 * time.Second,
		},
		"port owned by a router": {
			status: 409, body: neutron("ServicePortInUse", "Port "+idA+" cannot be deleted directly via the port API: has device owner network:router_interface."),
			reason: openstack.ReasonConflict, code: errs.FailedPrecondition, cause: openstack.CauseInUse, retry: 2 * time.Second,
		},
		"address taken": {
			status: 409, body: neutron("IpAddressInUse", "Unable to complete operation for network "+idA+". The IP address 10.64.0.1 is in use."),
			reason: openstack.ReasonConflict, code: errs.AlreadyExists, cause: openstack.CauseExists, holder: "10.64.0.1",
		},
		"address already allocated": {
			status: 409, body: neutron("IpAddressAlreadyAllocated", "IP address 10.64.0.9 already allocated in subnet "+idB),
			reason: openstack.ReasonConflict, code: errs.AlreadyExists, cause: openstack.CauseExists, holder: "10.64.0.9",
		},
		"overlapping pools": {
			status: 409, body: neutron("OverlappingAllocationPools", "Found overlapping allocation pools: 10.64.0.2-10.64.0.9 10.64.0.5-10.64.0.20 for subnet 10.64.0.0/24."),
			reason: openstack.ReasonConflict, code: errs.AlreadyExists, cause: openstack.CauseExists, holder: "10.64.0.2,10.64.0.9,10.64.0.5,10.64.0.20,10.64.0.0/24",
		},
		"overlapping subnet on a router": {
			status: 400, body: neutron("BadRequest", "Bad router request: Cidr 10.64.0.0/24 of subnet "+idB+" overlaps with cidr 10.64.0.0/20 of subnet "+idC+"."),
			reason: openstack.ReasonConflict, code: errs.AlreadyExists, cause: openstack.CauseExists, holder: idC,
		},
		"overlapping subnet on a network": {
			status: 400, body: neutron("InvalidInput", "Invalid input for operation: Requested subnet with cidr: 10.64.0.0/24 for network: "+idA+" overlaps with another subnet."),
			reason: openstack.ReasonConflict, code: errs.AlreadyExists, cause: openstack.CauseExists, holder: "10.64.0.0/24",
		},
		"rule exists": {
			status: 409, body: neutron("SecurityGroupRuleExists", "Security group rule already exists. Rule id is "+idB+"."),
			reason: openstack.ReasonConflict, code: errs.AlreadyExists, cause: openstack.CauseExists,
		},
		"subnet pool used up": {
			status: 409, body: neutron("SubnetAllocationError", "Failed to allocate subnet: Insufficient prefix space to allocate subnet size /20."),
			reason: openstack.ReasonNoCapacity, code: errs.ResourceExhausted,
		},
		"addresses used up": {
			status: 409, body: neutron("IpAddressGenerationFailure", "No more IP addresses available on network "+idA+"."),
			reason: openstack.ReasonNoCapacity, code: errs.ResourceExhausted,
		},
		"no network left": {
			status: 503, body: neutron("NoNetworkAvailable", "Unable to create the network. No tenant network is available for allocation."),
			reason: openstack.ReasonNoCapacity, code: errs.ResourceExhausted,
		},
		"stale revision": {
			status: 412, body: neutron("RevisionNumberConstraintFailed", "Constrained to 3, but current revision is 4"),
			reason: openstack.ReasonConflict, code: errs.Aborted, cause: openstack.CauseStale,
		},
		"neutron bad request": {
			status: 400, body: neutron("HTTPBadRequest", "Invalid input for cidr. Reason: '10.64.0' is not a valid IP subnet."),
			reason: openstack.ReasonInvalid, code: errs.InvalidArgument, message: "not a valid IP subnet",
		},
		"neutron not found": {
			status: 404, body: neutron("NetworkNotFound", "Network "+idA+" could not be found."),
			reason: openstack.ReasonNotFound, code: errs.CodeNotFound,
		},
		"neutron policy": {
			status: 403, body: neutron("PolicyNotAuthorized", "(rule:create_network and (rule:create_network:shared)) is disallowed by policy"),
			reason: openstack.ReasonForbidden, code: errs.FailedPrecondition,
		},
		"nova quota": {
			status: 403, body: `{"forbidden": {"code": 403, "message": "Quota exceeded for cores, ram: Requested 4, 8192, but already used 20, 40960 of 20, 51200 cores, ram"}}`,
			reason: openstack.ReasonQuotaExceeded, code: errs.ResourceExhausted, quota: "cores,ram",
		},
		"nova old quota": {
			status: 413, body: `{"overLimit": {"code": 413, "message": "Quota exceeded for instances: Requested 1, but already used 10 of 10 instances", "retryAfter": 0}}`,
			reason: openstack.ReasonQuotaExceeded, code: errs.ResourceExhausted, quota: "instances",
		},
		"nova old rate limit": {
			status: 413, body: `{"overLimit": {"code": 413, "message": "This request was rate-limited.", "details": "Only 10 POST requests can be made every minute.", "retryAfter": "31"}}`,
			reason: openstack.ReasonRateLimited, code: errs.Unavailable, retry: 31 * time.Second,
		},
		"nova no host": {
			status: 400, body: `{"badRequest": {"code": 400, "message": "No valid host was found. There are not enough hosts available."}}`,
			reason: openstack.ReasonNoCapacity, code: errs.ResourceExhausted,
		},
		"nova state": {
			status: 409, body: `{"conflictingRequest": {"code": 409, "message": "Cannot 'stop' instance ` + idA + ` while it is in vm_state stopped"}}`,
			reason: openstack.ReasonConflict, code: errs.FailedPrecondition, cause: openstack.CauseBusy, retry: 2 * time.Second,
		},
		"nova fault": {
			status: 500, body: `{"computeFault": {"code": 500, "message": "Unexpected API Error. Please report this.\n<class 'oslo_messaging.exceptions.MessagingTimeout'>"}}`,
			reason: openstack.ReasonUnavailable, code: errs.Unavailable, retry: 5 * time.Second, ambiguous: true, message: "Unexpected API Error",
		},
		"keystone duplicate": {
			status: 409, body: `{"error": {"code": 409, "message": "Conflict occurred attempting to store domain - Duplicate entry found with name acme.", "title": "Conflict"}}`,
			reason: openstack.ReasonConflict, code: errs.AlreadyExists, cause: openstack.CauseExists,
		},
		"keystone unauthorised": {
			status: 401, body: `{"error": {"code": 401, "message": "The request you have made requires authentication.", "title": "Unauthorized"}}`,
			reason: openstack.ReasonUnauthenticated, code: errs.FailedPrecondition,
		},
		"keystone forbidden": {
			status: 403, body: `{"error": {"code": 403, "message": "You are not authorized to perform the requested action: identity:create_domain.", "title": "Forbidden"}}`,
			reason: openstack.ReasonForbidden, code: errs.FailedPrecondition, message: "identity:create_domain",
		},
		"keystone quota of the whole": {
			status: 403, body: `{"error": {"code": 403, "message": "Unable to create additional application credentials, maximum of 3 already exceeded for user."}}`,
			reason: openstack.ReasonForbidden, code: errs.FailedPrecondition,
		},
		"placement concurrent": {
			status: 409, body: `{"errors": [{"status": 409, "title": "Conflict", "detail": "There was a conflict: resource provider generation conflict", "code": "placement.concurrent_update", "request_id": "req-1"}]}`,
			reason: openstack.ReasonConflict, code: errs.Aborted, cause: openstack.CauseStale, retry: 2 * time.Second,
		},
		"placement inventory in use": {
			status: 409, body: `{"errors": [{"status": 409, "title": "Conflict", "detail": "update conflict: Inventory for 'VCPU' on resource provider '` + idA + `' in use.", "code": "placement.inventory.inuse"}]}`,
			reason: openstack.ReasonConflict, code: errs.FailedPrecondition, cause: openstack.CauseInUse, retry: 2 * time.Second,
		},
		"glance page": {
			status: 409, body: "<html>\n <head>\n  <title>409 Conflict</title>\n </head>\n <body>\n  <h1>409 Conflict</h1>\n  Image status transition from active to active is not allowed\n </body>\n</html>",
			reason: openstack.ReasonConflict, code: errs.FailedPrecondition, cause: openstack.CauseBusy, retry: 2 * time.Second, message: "409 Conflict",
		},
		"rate limit that says when": {
			status: 429, header: "17", body: `{"error": {"code": 429, "message": "Too Many Requests"}}`,
			reason: openstack.ReasonRateLimited, code: errs.Unavailable, retry: 17 * time.Second,
		},
		"rate limit that does not say when": {
			status: 429, body: "Too Many Requests",
			reason: openstack.ReasonRateLimited, code: errs.Unavailable, retry: 5 * time.Second, message: "Too Many Requests",
		},
		"rate limit for a day": {
			status: 429, header: "86400", body: `{"error": {"code": 429, "message": "Too Many Requests"}}`,
			reason: openstack.ReasonRateLimited, code: errs.Unavailable, retry: time.Minute,
		},
		"rate limit for ever": {
			status: 429, body: `{"overLimit": {"code": 413, "message": "slow down", "retryAfter": "18446744073709551615"}}`,
			reason: openstack.ReasonRateLimited, code: errs.Unavailable, retry: time.Minute, message: "slow down",
		},
		"page of a proxy that knows no path": {
			status: 404, body: "<html><head><title>404 Not Found</title></head><body>nginx</body></html>",
			reason: openstack.ReasonUnavailable, code: errs.Unavailable, retry: 5 * time.Second, message: "404 Not Found",
		},
		"proxy page": {
			status: 502, body: "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center><hr>nginx</body></html>",
			reason: openstack.ReasonUnavailable, code: errs.Unavailable, retry: 5 * time.Second, ambiguous: true, message: "502 Bad Gateway",
		},
		"service away": {
			status: 503, header: "3", body: "<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>",
			reason: openstack.ReasonUnavailable, code: errs.Unavailable, retry: 3 * time.Second, ambiguous: true, message: "No server is available",
		},
		"gateway timeout": {
			status: 504, body: "", reason: openstack.ReasonTimeout, code: errs.DeadlineExceeded, retry: 5 * time.Second, ambiguous: true,
		},
		"request timeout": {
			status: 408, body: "", reason: openstack.ReasonTimeout, code: errs.DeadlineExceeded, retry: 5 * time.Second,
		},
		"an odd refusal": {
			status: 418, body: `"short and stout"`, reason: openstack.ReasonInvalid, code: errs.InvalidArgument,
		},
		"nested message": {
			status: 400, body: `{"NeutronError": {"type": "X", "message": {"inner": "text"}}}`, reason: openstack.ReasonInvalid, code: errs.InvalidArgument, message: "inner",
		},
		"text in place of the object": {
			status: 400, body: `{"NeutronError": "Invalid input"}`, reason: openstack.ReasonInvalid, code: errs.InvalidArgument, message: "Invalid input",
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeCloud(t)
			f.onCall = func(w http.ResponseWriter, _ *http.Request) {
				if test.header != "" {
					w.Header().Set("Retry-After", test.header)
				}
				answer(w, test.status, test.body)
			}
			// The 401 of the real thing comes after a second token; here it is only read.
			e := openstack.Classify(createNetwork(t.Context(), f.client(t)))
			if e == nil {
				t.Fatal("no error")
			}
			var quota []string
			for _, q := range e.Quota {
				quota = append(quota, q.Subject)
			}
			for what, pair := range map[string][2]string{
				"reason": {e.Reason, test.reason},
				"code":   {fmt.Sprint(e.Code), fmt.Sprint(test.code)},
				"cause":  {e.Metadata[openstack.MetaCause], test.cause},
				"holder": {e.Metadata[openstack.MetaHolder], test.holder},
				"quota":  {strings.Join(quota, ","), test.quota},
				"retry":  {e.Retry.String(), test.retry.String()},
				"ambig":  {fmt.Sprint(e.Ambiguous), fmt.Sprint(test.ambiguous)},
				"id":     {e.Metadata[openstack.MetaRequestID], "req-of-the-cloud"},
			} {
				if pair[0] != pair[1] {
					t.Errorf("%s = %q, want %q (%v)", what, pair[0], pair[1], e)
				}
			}
			if !strings.Contains(e.Message, test.message) {
				t.Errorf("message %q does not tell %q", e.Message, test.message)
			}
		})
	}
}

func TestClassifyReadsAreNeverAmbiguous(t *testing.T) {
	f := newFakeCloud(t)
	f.onCall = func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusInternalServerError, "") }
	if e := openstack.Classify(getNetwork(t.Context(), f.client(t))); e.Reason != openstack.ReasonUnavailable || e.Ambiguous {
		t.Fatalf("got %v", e)
	}
}

func TestClassifyBrokenAnswers(t *testing.T) {
	for name, onCall := range map[string]func(http.ResponseWriter, *http.Request){
		"connection closed": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"answer breaks off": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			answer(w, 201, `{"network": {`)
		},
		"answer is not JSON": func(w http.ResponseWriter, _ *http.Request) { answer(w, 201, `<html>`) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeCloud(t)
			f.onCall = onCall
			c := f.client(t)
			e := openstack.Classify(createNetwork(t.Context(), c))
			if e == nil || e.Reason != openstack.ReasonUnavailable || !e.Ambiguous {
				t.Errorf("write: %v", e)
			}
			if n := len(f.seen()); n != 1 {
				t.Errorf("the write was sent %d times", n)
			}
		})
	}
}

func TestClassifyTimeAndCancel(t *testing.T) {
	f := newFakeCloud(t)
	started := make(chan struct{}, 9)
	f.onCall = func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then does the server notice that the caller has gone
		started <- struct{}{}
		<-r.Context().Done()
	}
	c := f.client(t)

	own := openstack.WithTimeout(t.Context(), 30*time.Millisecond)
	for name, e := range map[string]*errs.Error{
		"write": openstack.Classify(createNetwork(own, c)),
		"read":  openstack.Classify(getNetwork(own, c)),
	} {
		if e.Reason != openstack.ReasonTimeout || e.Ambiguous != (name == "write") {
			t.Errorf("limit of a %s: %v, ambiguous %v", name, e, e.Ambiguous)
		}
	}
	late, cancelLate := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancelLate()
	if e := openstack.Classify(createNetwork(late, c)); e.Reason != openstack.ReasonTimeout || !e.Ambiguous {
		t.Errorf("caller's deadline: %v", e)
	}
	for len(started) > 0 {
		<-started
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-started; cancel() }()
	if e := openstack.Classify(createNetwork(ctx, c)); e.Reason != openstack.ReasonCanceled || e.Code != errs.Canceled || !e.Ambiguous {
		t.Errorf("cancel: %v", e)
	}
}

func TestClassifyOthers(t *testing.T) {
	if e := openstack.Classify(nil); e != nil {
		t.Errorf("nil: %v", e)
	}
	own := errs.NotFound("vpc", "x")
	if e := openstack.Classify(fmt.Errorf("wrapped: %w", own)); e != own {
		t.Errorf("own: %v", e)
	}
	if e := openstack.Classify(gophercloud.ErrMissingInput{Argument: "x"}); e.Reason != openstack.ReasonInvalid || e.Ambiguous {
		t.Errorf("missing input: %v", e)
	}
	if e := openstack.Classify(io.ErrUnexpectedEOF); e.Reason != openstack.ReasonUnavailable || !e.Ambiguous {
		t.Errorf("of unknown origin: %v", e)
	}
	dead := newFakeCloud(t)
	c := dead.client(t)
	dead.Close()
	e := openstack.Classify(createNetwork(t.Context(), c))
	if e.Reason != openstack.ReasonUnavailable || e.Ambiguous {
		t.Errorf("keystone away: %v, ambiguous %v", e, e.Ambiguous)
	}
	if !errors.Is(e, e.Err) {
		t.Errorf("the cause is lost: %v", e)
	}
}

func TestClassifyFault(t *testing.T) {
	for message, want := range map[string]string{
		"No valid host was found. There are not enough hosts available.":                 openstack.ReasonNoCapacity,
		"Exceeded maximum number of retries. Exhausted all hosts available for retrying": openstack.ReasonNoCapacity,
		"Quota exceeded for instances: Requested 1, but already used 10 of 10":           openstack.ReasonQuotaExceeded,
		"Build of instance aborted: Failed to allocate the network(s)":                   openstack.ReasonUnavailable,
	} {
		if e := openstack.ClassifyFault(500, message); e.Reason != want || !strings.Contains(e.Message, message[:10]) {
			t.Errorf("%s: %v", message, e)
		}
	}
}

func FuzzClassify(f *testing.F) {
	f.Add(409, []byte(neutron("OverQuota", "Quota exceeded for resources: ['network'].")))
	f.Add(500, []byte(`<html><title>x`))
	f.Add(400, []byte(`{"errors": [null]}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		e := openstack.Classify(gophercloud.ErrUnexpectedResponseCode{Actual: status, Body: body, Method: http.MethodPost})
		if e == nil || e.Reason == "" || e.Message == "" || e.Code == 0 {
			t.Fatalf("got %+v", e)
		}
	})
}
