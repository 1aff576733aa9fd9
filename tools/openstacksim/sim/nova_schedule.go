package sim

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// needs gives what a flavor takes from a host, by resource class.
func (f *flavor) needs() map[string]int {
	need := map[string]int{"MEMORY_MB": f.RAM, "DISK_GB": f.Disk + f.Ephemeral}
	cpu := "VCPU"
	if f.ExtraSpecs["hw:cpu_policy"] == "dedicated" {
		cpu = "PCPU"
	}
	need[cpu] = f.VCPUs
	for key, value := range f.ExtraSpecs {
		if class, found := strings.CutPrefix(key, "resources:"); found {
			if n, err := strconv.Atoi(value); err == nil {
				need[class] = n
			}
		}
	}
	for class, n := range need {
		if n == 0 {
			delete(need, class)
		}
	}
	return need
}

// schedule picks the host with the most free processors among those that the flavor, the
// aggregates and the server group allow.
func (s *state) schedule(v *server, group *serverGroup) *computeHost {
	var fit []*computeHost
	need := v.Flavor.needs()
	for _, h := range inOrder(s.Hosts, nil) {
		if !h.Disabled && !h.Down && s.zoneAllows(h, v.Zone) && s.aggregatesAllow(h, &v.Flavor) &&
			s.groupAllows(h, v, group) && s.hasRoom(h.ID, need) && s.hasTraits(h.ID, &v.Flavor) {
			fit = append(fit, h)
		}
	}
	if len(fit) == 0 {
		return nil
	}
	return slices.MinFunc(fit, func(a, b *computeHost) int {
		ua, ub := s.usages(a.ID), s.usages(b.ID)
		return cmp.Or(cmp.Compare(ua["VCPU"]+ua["PCPU"], ub["VCPU"]+ub["PCPU"]), cmp.Compare(a.Seq, b.Seq))
	})
}

func (s *state) aggregatesOf(host string) []*aggregate {
	return inOrder(s.Aggregates, func(a *aggregate) bool { return slices.Contains(a.Hosts, host) })
}

func (s *state) zoneAllows(h *computeHost, zone string) bool {
	if zone == "" {
		return true
	}
	zone, want, pinned := strings.Cut(zone, ":")
	if pinned && want != h.Name {
		return false
	}
	own := "nova"
	for _, a := range s.aggregatesOf(h.Name) {
		own = orDefault(a.Zone, own)
	}
	return own == zone
}

// aggregatesAllow is two filters of Nova: the flavor asks for metadata of an aggregate,
// and an aggregate that requires a trait takes only flavors which require it too.
func (s *state) aggregatesAllow(h *computeHost, f *flavor) bool {
	in := s.aggregatesOf(h.Name)
	for key, want := range f.ExtraSpecs {
		name, found := strings.CutPrefix(key, "aggregate_instance_extra_specs:")
		if found && !slices.ContainsFunc(in, func(a *aggregate) bool { return a.Metadata[name] == want }) {
			return false
		}
	}
	for _, a := range in {
		for key, value := range a.Metadata {
			if strings.HasPrefix(key, "trait:") && value == "required" && f.ExtraSpecs[key] != "required" {
				return false
			}
		}
	}
	return true
}

func (s *state) hasTraits(providerID string, f *flavor) bool {
	have := s.Providers[providerID].Traits
	for key, value := range f.ExtraSpecs {
		name, found := strings.CutPrefix(key, "trait:")
		if !found {
			continue
		}
		if value == "required" && !slices.Contains(have, name) || value == "forbidden" && slices.Contains(have, name) {
			return false
		}
	}
	return true
}

func (s *state) groupAllows(h *computeHost, v *server, g *serverGroup) bool {
	if g == nil {
		return true
	}
	here, elsewhere := 0, 0
	for _, id := range g.Members {
		m := s.Servers[id]
		switch {
		case m == nil || m.ID == v.ID || m.Host == "":
		case m.Host == h.Name:
			here++
		default:
			elsewhere++
		}
	}
	switch g.Policy {
	case "anti-affinity":
		return here < orDefault(g.MaxHost, 1)
	case "affinity":
		return elsewhere == 0
	default:
		return true
	}
}

func (s *state) hasRoom(providerID string, need map[string]int) bool {
	p := s.Providers[providerID]
	if p == nil {
		return false
	}
	used := s.usages(providerID)
	for class, n := range need {
		inv, stocked := p.Inventories[class]
		if !stocked || used[class]+n > inv.capacity() || n > inv.MaxUnit || n < inv.MinUnit || n%max(inv.StepSize, 1) != 0 {
			return false
		}
	}
	return true
}

func (s *state) allocateServer(v *server, h *computeHost) {
	s.Allocations[v.ID] = &consumer{
		ID: v.ID, ProjectID: v.ProjectID, UserID: v.UserID, Kind: "INSTANCE", Generation: 1,
		Resources: map[string]map[string]int{h.ID: v.Flavor.needs()},
	}
	s.Providers[h.ID].Generation++
}

// dueAt makes sure that the clock is looked at when something is due.
func (c *Cloud) dueAt(at time.Time) {
	n := at.UnixNano()
	if due := c.nextDue.Load(); due == 0 || n < due {
		c.nextDue.Store(n)
	}
}

// settle ends the builds whose time has come. The caller holds the lock.
func (c *Cloud) settle(now time.Time) {
	c.nextDue.Store(0)
	for _, s := range inOrder(c.st.Servers, func(s *server) bool { return s.Status == "BUILD" }) {
		if now.Before(s.DueAt) {
			c.dueAt(s.DueAt)
			continue
		}
		c.st.finishBuild(s)
	}
}

func (s *state) finishBuild(v *server) {
	at := v.DueAt
	v.UpdatedAt = at
	if v.Fault != nil {
		v.Status = "ERROR"
		s.failServer(v, at)
		return
	}
	v.Status, v.LaunchedAt = "ACTIVE", &at
	for _, id := range v.Ports {
		if p := s.Ports[id]; p != nil {
			p.Status = "ACTIVE"
			p.touch(at)
		}
	}
}

// failServer frees what a build that failed had taken: its own ports go, the ports that
// were lent to it are free again.
func (s *state) failServer(v *server, now time.Time) {
	delete(s.Allocations, v.ID)
	for _, id := range v.OwnPorts {
		delete(s.Ports, id)
	}
	v.Ports = slices.DeleteFunc(slices.Clone(v.Ports), func(id string) bool { return slices.Contains(v.OwnPorts, id) })
	v.OwnPorts, v.Host = nil, ""
	for _, id := range v.Ports {
		if p := s.Ports[id]; p != nil {
			p.HostID, p.DeviceID, p.DeviceOwner = "", "", ""
			p.bind()
			p.touch(now)
		}
	}
}
