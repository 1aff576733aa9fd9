package vpc

import (
	"fmt"
	"net/netip"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/services/network/internal/core/ipam"
)

// Protocol of traffic.
type Protocol string

// The protocols; Any is every one of them.
const (
	Any  Protocol = ""
	TCP  Protocol = "tcp"
	UDP  Protocol = "udp"
	ICMP Protocol = "icmp"
)

// IngressRule allows one kind of traffic into a VPC. PortMin 0 means every port; then PortMax is 0 too.
type IngressRule struct {
	Name     string       `json:"name"`
	Protocol Protocol     `json:"protocol,omitempty"`
	PortMin  int          `json:"port_min,omitempty"`
	PortMax  int          `json:"port_max,omitempty"`
	Source   netip.Prefix `json:"source"`
}

// RuleInput is a rule as a caller writes it.
type RuleInput struct {
	Name             string
	Protocol         Protocol
	PortMin, PortMax int
	Source           string
}

// Rules checks all rules of a request and names every field at fault; field is the path of the list.
func Rules(field string, in []RuleInput) ([]IngressRule, error) {
	var bad errs.Fields
	out := make([]IngressRule, 0, len(in))
	byName := make(map[string]int, len(in))
	byTraffic := make(map[IngressRule]int, len(in))
	for i, r := range in {
		path := fmt.Sprintf("%s[%d]", field, i)
		rule := r.check(path, &bad)
		if first, ok := byName[r.Name]; ok {
			bad.Add(path+".name", "%q is the name of %s[%d] too; give each rule a name of its own", r.Name, field, first)
		} else {
			byName[r.Name] = i
		}
		traffic := rule
		traffic.Name = ""
		if first, ok := byTraffic[traffic]; ok && rule.Source.IsValid() {
			bad.Add(path, "allows the same traffic as %s[%d]; remove one of the two", field, first)
		} else {
			byTraffic[traffic] = i
		}
		out = append(out, rule)
	}
	return out, bad.Err()
}

func (r RuleInput) check(path string, bad *errs.Fields) IngressRule {
	rule := IngressRule{Name: r.Name, Protocol: r.Protocol, PortMin: r.PortMin, PortMax: r.PortMax}
	source, err := ipam.Parse(path+".source_cidr", r.Source)
	if e, ok := errs.As(err); ok {
		*bad = append(*bad, e.Fields...)
	}
	rule.Source = source
	ported := r.Protocol == TCP || r.Protocol == UDP
	switch {
	case !ported && (r.PortMin != 0 || r.PortMax != 0):
		bad.Add(path+".port_min", "ports go with TCP and UDP only; leave port_min and port_max out, or name one of these protocols")
	case r.PortMin == 0 && r.PortMax != 0:
		bad.Add(path+".port_min", "is missing beside port_max %d; give the first port too", r.PortMax)
	case r.PortMax != 0 && r.PortMax < r.PortMin:
		bad.Add(path+".port_max", "%d is below port_min %d; swap the two", r.PortMax, r.PortMin)
	}
	if rule.PortMin != 0 && rule.PortMax == 0 {
		rule.PortMax = rule.PortMin
	}
	return rule
}
