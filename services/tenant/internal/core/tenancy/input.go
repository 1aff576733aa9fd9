package tenancy

import (
	"fmt"
	"net/netip"
	"regexp"
	"time"

	"github.com/low-layer/platform/gen/go/resourcename"
	"github.com/low-layer/platform/libs/errs"
)

// DefaultNetworkCIDR is the address space of a tenant that asks for none.
const DefaultNetworkCIDR = "10.64.0.0/12"

const (
	minTenantBits, maxTenantBits = 8, 20
	minVPCBits, maxVPCBits       = 16, 26

	maxDisplayName = 120
	maxLabels      = 64
	maxLabelValue  = 128
	maxVPCs        = 32
)

var labelKey = regexp.MustCompile(`^[a-z][a-z0-9_.-]{0,62}$`)

// reserved are ranges that no tenant network may overlap: hosts do not route them, or links between routers use them.
var reserved = []struct {
	prefix netip.Prefix
	use    string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "this network"},
	{netip.MustParsePrefix("100.64.0.0/15"), "the platform's transit and peering links"},
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local addresses and cloud metadata"},
	{netip.MustParsePrefix("224.0.0.0/3"), "multicast and reserved addresses"},
}

// CreateTenant asks for a tenant.
type CreateTenant struct {
	ID          string
	DisplayName string
	Labels      map[string]string
	NetworkCIDR string
	Protected   bool
}

// Validate checks the order by itself.
func (in CreateTenant) Validate() error {
	var bad errs.Fields
	if !resourcename.ValidTenantID(in.ID) {
		bad.Add("tenant_id", "is %q; use 3 to 40 lower-case letters, digits and dashes, starting with a letter", in.ID)
	}
	checkText("tenant", in.DisplayName, in.Labels, &bad)
	if in.NetworkCIDR != "" {
		checkNetworkCIDR("tenant.network_cidr", in.NetworkCIDR, &bad)
	}
	return bad.Err()
}

// Tenant is the new tenant.
func (in CreateTenant) Tenant(uid string, now time.Time) Tenant {
	t := Tenant{
		UID: uid, ID: in.ID, DisplayName: in.DisplayName, Labels: in.Labels, NetworkCIDR: in.NetworkCIDR, Protected: in.Protected,
		Revision: 1, CreateTime: now, UpdateTime: now,
	}
	if t.NetworkCIDR == "" {
		t.NetworkCIDR = DefaultNetworkCIDR
	}
	return t
}

func checkNetworkCIDR(path, text string, bad *errs.Fields) {
	p, ok := checkCIDR(path, text, minTenantBits, maxTenantBits, bad)
	if !ok {
		return
	}
	for _, r := range reserved {
		if r.prefix.Overlaps(p) {
			bad.Add(path, "%s overlaps %s, which is for %s; choose another range, for example %s",
				text, r.prefix, r.use, DefaultNetworkCIDR)
			return
		}
	}
}

// checkCIDR reads an IPv4 network. A bound of 0 is none.
func checkCIDR(path, text string, minBits, maxBits int, bad *errs.Fields) (netip.Prefix, bool) {
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		bad.Add(path, "%q is not a CIDR; write it like 10.64.0.0/20", clip(text))
	case !p.Addr().Is4():
		bad.Add(path, "%s is not IPv4; write it like 10.64.0.0/20", text)
	case p != p.Masked():
		bad.Add(path, "%s has host bits set; the network is %s", text, p.Masked())
	case minBits > 0 && p.Bits() < minBits, maxBits > 0 && p.Bits() > maxBits:
		bad.Add(path, "%s is a /%d; choose a size from /%d to /%d", text, p.Bits(), minBits, maxBits)
	default:
		return p, true
	}
	return netip.Prefix{}, false
}

func checkText(path, displayName string, labels map[string]string, bad *errs.Fields) {
	if n := len([]rune(displayName)); n > maxDisplayName {
		bad.Add(path+".display_name", "has %d characters; use at most %d", n, maxDisplayName)
	}
	if len(labels) > maxLabels {
		bad.Add(path+".labels", "has %d entries; use at most %d", len(labels), maxLabels)
	}
	for _, k := range sortedKeys(labels) {
		if !labelKey.MatchString(k) {
			bad.Add(path+".labels", "the key %q is not 1 to 63 lower-case letters, digits, `_`, `.` and `-`, starting with a letter",
				clip(k))
		}
		if n := len([]rune(labels[k])); n > maxLabelValue {
			bad.Add(fmt.Sprintf("%s.labels[%s]", path, clip(k)), "has %d characters; use at most %d", n, maxLabelValue)
		}
	}
}

func clip(s string) string {
	if r := []rune(s); len(r) > 64 {
		return string(r[:64]) + "…"
	}
	return s
}
