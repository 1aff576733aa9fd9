package reachability

import (
	"fmt"
	"strings"
)

// Traffic is what a rule lets through, for people: `tcp:22 from 0.0.0.0/0`.
func (r Rule) Traffic() string {
	var b strings.Builder
	if b.WriteString(r.Protocol); r.Protocol == "" {
		b.WriteString("all")
	}
	n, _ := ProtocolNumber(r.Protocol)
	switch {
	case r.Min == nil && r.Max == nil:
	case n == ICMP || n == ICMPv6:
		if r.Min != nil {
			fmt.Fprintf(&b, " type %d", *r.Min)
		}
	case r.Min != nil && r.Max != nil && *r.Min == *r.Max:
		fmt.Fprintf(&b, ":%d", *r.Min)
	case r.Min != nil && r.Max != nil:
		fmt.Fprintf(&b, ":%d-%d", *r.Min, *r.Max)
	case r.Min != nil:
		fmt.Fprintf(&b, ":%d-65535", *r.Min)
	default:
		fmt.Fprintf(&b, ":0-%d", *r.Max)
	}
	b.WriteString(map[bool]string{true: " to ", false: " from "}[r.Egress])
	switch {
	case r.RemoteGroupID != "":
		b.WriteString("the ports of security group " + r.RemoteGroupID)
	case r.RemoteAddressGroupID != "":
		b.WriteString("address group " + r.RemoteAddressGroupID)
	case r.Remote.IsValid():
		b.WriteString(r.Remote.String())
	case r.IPv6:
		b.WriteString("::/0")
	default:
		b.WriteString("0.0.0.0/0")
	}
	return b.String()
}
