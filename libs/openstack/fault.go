package openstack

import (
	"encoding/json"
	"html"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const maxMessage = 500

// fault is the body of an error response, in one form for all services.
type fault struct {
	kind       string // Neutron's error type, Nova's fault name, Placement's code
	message    string
	retryAfter time.Duration
	foreign    bool // the body is not from an API of OpenStack, but from a proxy
}

// faultBody has the members that error bodies of the services have, each service some of them.
type faultBody struct {
	Type       string          `json:"type"`
	Code       json.RawMessage `json:"code"` // a number, or Placement's and Glance's string
	Title      string          `json:"title"`
	Message    json.RawMessage `json:"message"` // text; Neutron policy failures nest it
	Detail     string          `json:"detail"`
	RetryAfter json.Number     `json:"retryAfter"`
}

// readFault understands {"NeutronError": {…}}, {"forbidden": {…}}, {"error": {…}}, {"errors": [{…}]}, a bare object,
// text in place of the object, and HTML pages of proxies.
func readFault(body []byte) fault {
	var outer map[string]json.RawMessage
	if err := json.Unmarshal(body, &outer); err != nil {
		return fault{message: clip(textOf(string(body))), foreign: len(body) > 0}
	}
	if list, ok := outer["errors"]; ok {
		var all []json.RawMessage
		if json.Unmarshal(list, &all) == nil && len(all) > 0 {
			return readMember("", all[0])
		}
	}
	if _, bare := outer["message"]; bare || len(outer) != 1 {
		return readMember("", body)
	}
	for name, member := range outer {
		return readMember(name, member)
	}
	return fault{}
}

func readMember(name string, raw json.RawMessage) fault {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return fault{kind: name, message: clip(text)}
	}
	var b faultBody
	if json.Unmarshal(raw, &b) != nil {
		return fault{kind: name}
	}
	f := fault{kind: b.Type, message: plain(b.Message)}
	if f.message == "" {
		f.message = b.Detail
	}
	if f.message == "" {
		f.message = b.Title
	}
	f.message = clip(textOf(f.message))
	if code := plain(b.Code); f.kind == "" && strings.Contains(code, ".") {
		f.kind = code
	}
	if f.kind == "" {
		f.kind = name
	}
	if seconds, err := strconv.ParseUint(b.RetryAfter.String(), 10, 64); err == nil {
		f.retryAfter = bounded(seconds)
	}
	return f
}

// plain is the text of a JSON string, and the JSON itself of anything else.
func plain(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}

var (
	titleTag = regexp.MustCompile(`(?is)<title>(.*?)</title>`)
	anyTag   = regexp.MustCompile(`(?s)<[^>]*>`)
)

// textOf is what a person would read of a page: its title, or its text.
func textOf(page string) string {
	if title := titleTag.FindStringSubmatch(page); title != nil {
		page = title[1]
	} else if strings.HasPrefix(strings.TrimSpace(page), "<") {
		page = anyTag.ReplaceAllString(page, " ")
	}
	return strings.Join(strings.Fields(html.UnescapeString(page)), " ")
}

func clip(text string) string {
	if len(text) <= maxMessage {
		return text
	}
	return strings.ToValidUTF8(text[:maxMessage], "") + "…"
}

// told is the message in brackets for the middle of a sentence, "" without one.
func (f fault) told() string {
	if f.message == "" {
		return ""
	}
	return " (" + strings.TrimRight(f.message, ". ") + ")"
}

func (f fault) says(words ...string) bool {
	lower := strings.ToLower(f.message)
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(lower, w) })
}

func (f fault) is(kinds ...string) bool { return slices.Contains(kinds, f.kind) }

func (f fault) isQuota() bool {
	return f.is("OverQuota", "SubnetPoolQuotaExceeded", "QuotaExceeded", "OverQuotaException") ||
		f.says("quota exceeded", "quota_exceeded", "exceeds quota", "over quota", "exceeded quota", "exceeded for quota",
			"exceeds allowed gigabytes quota")
}

func (f fault) isCapacity() bool {
	return f.is("IpAddressGenerationFailure", "SubnetAllocationError", "NoNetworkAvailable", "NoNetworkFoundInMaximumAllowedAttempts") ||
		f.says("no valid host was found", "no more ip addresses available", "insufficient prefix space",
			"no tenant network is available", "unable to allocate inventory", "exceeded maximum number of retries")
}

func (f fault) isOverlap() bool {
	return f.is("OverlappingAllocationPools") || f.says("overlaps with cidr", "overlaps with another subnet", "overlapping")
}

func (f fault) isDuplicate() bool {
	return f.is("IpAddressInUse", "IpAddressAlreadyAllocated", "MacAddressInUse", "SecurityGroupRuleExists",
		"RbacPolicyExists", "NeutronDbObjectDuplicateEntry", "placement.duplicate_name", "FloatingIPPortAlreadyAssociated") ||
		f.says("already exists", "duplicate entry", "already in use by another", "already allocated in subnet")
}

func (f fault) isStale() bool {
	return f.is("placement.concurrent_update", "RevisionNumberConstraintFailed", "StaleDataError")
}

func (f fault) isUse() bool {
	return strings.Contains(f.kind, "InUse") || f.says("in use", "in-use", "still attached", "is required by", "has ports", "one or more ports")
}

var (
	holderID = regexp.MustCompile(`[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}`)
	address  = regexp.MustCompile(`\b(?:\d{1,3}\.){3}\d{1,3}(?:/\d{1,2})?\b`)
	quoted   = regexp.MustCompile(`'([a-z_]+)'`)
	novaWord = regexp.MustCompile(`(?i)quota exceeded for ([a-z_, ]+?)(?::|,? but|$)`)
)

// holders are the ids the message names besides the object itself, which it names first; where it names one id only,
// that of the object, or none, the addresses it names.
func (f fault) holders() string {
	ids := holderID.FindAllString(f.message, -1)
	if len(ids) > 1 {
		return strings.Join(slices.Compact(ids[1:]), ",")
	}
	return strings.Join(address.FindAllString(f.message, -1), ",")
}

// quotaSubjects are the resources the message says are used up.
func (f fault) quotaSubjects() []string {
	var subjects []string
	for _, match := range quoted.FindAllStringSubmatch(f.message, -1) {
		subjects = append(subjects, match[1])
	}
	if match := novaWord.FindStringSubmatch(f.message); len(subjects) == 0 && match != nil {
		for word := range strings.SplitSeq(match[1], ",") {
			subjects = append(subjects, strings.TrimSpace(word))
		}
	}
	if len(subjects) == 0 {
		subjects = []string{"project"}
	}
	return subjects
}
