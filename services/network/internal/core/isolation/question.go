package isolation

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/low-layer/platform/libs/errs"
	"github.com/low-layer/platform/services/network/internal/core/reachability"
)

// Question asks why one end reaches another. Tenant is whose both ends must be; empty for the operator.
type Question struct {
	Tenant              string
	Source, Destination string
	Protocol            int
	Port                int
}

// Validate refuses ports where there are none, and their absence where there must be one.
func (q Question) Validate() error {
	var bad errs.Fields
	ported := q.Protocol == reachability.TCP || q.Protocol == reachability.UDP
	switch {
	case ported && q.Port == 0:
		bad.Add("port", "is missing: give the port of the destination, 1 to 65535")
	case !ported && q.Port != 0:
		bad.Add("port", "goes with TCP and UDP only; leave it out, or name one of these protocols")
	}
	if q.Source == q.Destination {
		bad.Add("destination", "is the same as source; name another one")
	}
	return bad.Err()
}

// Party is one end of a question, with the site it lies in.
type Party struct {
	reachability.End
	Resource string
	DeviceID string
}

// Explanation is the answer to a question.
type Explanation struct {
	reachability.Answer
	Source, Destination Party
	Message             string
	Steps               []string
}

// Index is an observation for asking.
type Index struct {
	o Observation
	m *reachability.Model
}

// NewIndex indexes an observation.
func NewIndex(o Observation) *Index { return &Index{o: o, m: reachability.New(o.State)} }

// Observation is what the index is of.
func (x *Index) Observation() Observation { return x.o }

// Why explains why one end reaches another, or does not.
func (x *Index) Why(q Question) (Explanation, error) {
	if err := q.Validate(); err != nil {
		return Explanation{}, err
	}
	from, errFrom := x.party(q.Tenant, "source", q.Source)
	to, errTo := x.party(q.Tenant, "destination", q.Destination)
	if err := first(errFrom, errTo); err != nil {
		return Explanation{}, err
	}
	if from.Network == to.Network && from.IP == to.IP {
		return Explanation{}, errs.Invalid(errs.Field("destination", "is the same address as source; name another one"))
	}
	traffic := reachability.Traffic{Protocol: q.Protocol, Port: q.Port}
	answer := x.m.Ask(reachability.Question{From: from.End, To: to.End, Traffic: traffic})
	e := Explanation{Answer: answer, Source: from, Destination: to}
	e.Message, e.Steps = x.tell(e, traffic)
	return e, nil
}

func first(all ...error) error {
	for _, err := range all {
		if err != nil {
			return err
		}
	}
	return nil
}

// party finds an end by the text of a caller. Ends of another tenant are NOT_FOUND.
func (x *Index) party(tenant, field, text string) (Party, error) {
	if id, ok := strings.CutPrefix(text, "ports/"); ok {
		return x.portParty(tenant, field, text, func(p reachability.Port) bool { return p.ID == id })
	}
	if id, ok := strings.CutPrefix(text, "servers/"); ok {
		return x.portParty(tenant, field, text, func(p reachability.Port) bool { return p.DeviceID == id && p.Host() })
	}
	name, address, both := strings.Cut(text, "@")
	if !both && !strings.HasPrefix(text, "tenants/") {
		name, address = "", text
	}
	ip, err := netip.ParseAddr(address)
	if (both || name == "") && err != nil {
		return Party{}, errs.Invalid(errs.Field(field, "%q is neither the name of a hub or VPC, nor an address, nor `ports/{id}` or `servers/{id}`; write one of these", text))
	}
	if name == "" && tenant == "" {
		return Party{}, errs.Invalid(errs.Field(field, "%q may be an address of many tenants; write it as {name of a hub or VPC}@%s", text, text))
	}
	for _, s := range x.o.Sites {
		if tenant != "" && s.Tenant != tenant {
			continue
		}
		if name != "" && s.Resource != name {
			continue
		}
		if !ip.IsValid() {
			return x.anyIn(field, s)
		}
		if p, ok := x.at(s, ip); ok {
			return p, nil
		}
	}
	return Party{}, x.absent(field, text)
}

func (x *Index) absent(field, text string) error {
	return errs.New(errs.CodeNotFound, "ENDPOINT_NOT_FOUND", "%s %q was in no network when the cloud was observed, %s; check it, or ask again after the next observation",
		field, text, x.o.Time.Format("15:04:05")).With("resource", text)
}

func (x *Index) portParty(tenant, field, text string, is func(reachability.Port) bool) (Party, error) {
	for _, p := range x.o.State.Ports {
		if is(p) && len(p.Addresses) > 0 && (tenant == "" || x.belongs(p, tenant)) {
			return x.withPort(p, p.Addresses[0].IP), nil
		}
	}
	return Party{}, x.absent(field, text)
}

// belongs reports whether a port is in a network of a tenant, or in a project of one of its organisations: customers make networks
// of their own there.
func (x *Index) belongs(p reachability.Port, tenant string) bool {
	return slices.ContainsFunc(x.o.Sites, func(s Site) bool {
		return s.Tenant == tenant && (s.NetworkID == p.NetworkID || s.ProjectID != "" && s.ProjectID == p.ProjectID)
	})
}

func (x *Index) withPort(p reachability.Port, ip netip.Addr) Party {
	out := Party{End: reachability.End{Network: p.NetworkID, IP: ip, Port: p.ID}, Resource: "networks/" + p.NetworkID, DeviceID: p.DeviceID}
	if s, ok := x.site(p.NetworkID); ok {
		out.Resource = s.Resource
	}
	return out
}

func (x *Index) site(network string) (Site, bool) {
	i := slices.IndexFunc(x.o.Sites, func(s Site) bool { return s.NetworkID == network })
	if i < 0 {
		return Site{}, false
	}
	return x.o.Sites[i], true
}

// at is who has an address in a site, or a server that could.
func (x *Index) at(s Site, ip netip.Addr) (Party, bool) {
	for _, p := range x.m.PortsOf(s.NetworkID) {
		if slices.ContainsFunc(p.Addresses, func(a reachability.Address) bool { return a.IP == ip }) {
			return x.withPort(p, ip), true
		}
	}
	for _, sub := range x.m.Subnets(s.NetworkID) {
		if sub.CIDR.Contains(ip) {
			return Party{End: reachability.End{Network: s.NetworkID, IP: ip, Groups: []string{s.GroupID}}, Resource: s.Resource}, true
		}
	}
	return Party{}, false
}

// anyIn is a server that could be in a site, at the highest address that is free.
func (x *Index) anyIn(field string, s Site) (Party, error) {
	for _, sub := range x.m.Subnets(s.NetworkID) {
		ip := lastOf(sub.CIDR).Prev()
		for range tries {
			if !sub.CIDR.Contains(ip) || ip == sub.CIDR.Masked().Addr() {
				break
			}
			if ip != sub.Gateway && !x.m.Held(s.NetworkID, ip) {
				return Party{End: reachability.End{Network: s.NetworkID, IP: ip, Groups: []string{s.GroupID}}, Resource: s.Resource}, nil
			}
			ip = ip.Prev()
		}
	}
	return Party{}, x.absent(field, s.Resource)
}

// String is the end for people.
func (p Party) String() string {
	if p.Port != "" {
		return fmt.Sprintf("%s (port %s in %s)", p.IP, p.Port, p.Resource)
	}
	return fmt.Sprintf("%s (a server in %s)", p.IP, p.Resource)
}
