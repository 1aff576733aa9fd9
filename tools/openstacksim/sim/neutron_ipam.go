package sim

import (
	"net/http"
	"net/netip"
	"slices"
)

// oneOfEach asks for what a port gets that names no address: one IPv4 and one IPv6
// subnet of its network, the oldest with room first.
func (s *state) oneOfEach(networkID, owner string) []fixedIP {
	var out []fixedIP
	for _, version := range []int{4, 6} {
		candidates := inOrder(s.Subnets, func(n *subnet) bool {
			return n.NetworkID == networkID && n.IPVersion == version &&
				(len(n.ServiceTypes) == 0 || slices.Contains(n.ServiceTypes, owner))
		})
		if len(candidates) == 0 {
			continue
		}
		pick := candidates[0]
		for _, n := range candidates {
			if _, free := s.freeIP(n, nil); free {
				pick = n
				break
			}
		}
		out = append(out, fixedIP{SubnetID: pick.ID})
	}
	return out
}

// allocateIPs turns wishes into addresses; those that the port has already stay its own.
func (s *state) allocateIPs(p *port, wanted []fixedIP) ([]fixedIP, *apiError) {
	out := make([]fixedIP, 0, len(wanted))
	for _, w := range wanted {
		n, fail := s.subnetFor(p, w)
		if fail != nil {
			return nil, fail
		}
		got := fixedIP{SubnetID: n.ID, IPAddress: w.IPAddress}
		if w.IPAddress == "" {
			addr, free := s.freeIP(n, out)
			if !free {
				return nil, netFail(http.StatusConflict, "IpAddressGenerationFailure",
					"No more IP addresses available on network %s.", p.NetworkID)
			}
			got.IPAddress = addr.String()
		} else if fail := s.checkIP(p, n, &got, out); fail != nil {
			return nil, fail
		}
		out = append(out, got)
	}
	return out, nil
}

func (s *state) subnetFor(p *port, w fixedIP) (*subnet, *apiError) {
	if w.SubnetID != "" {
		n := s.Subnets[w.SubnetID]
		if n == nil {
			return nil, errNoSubnet(w.SubnetID)
		}
		if n.NetworkID != p.NetworkID {
			return nil, invalidInput("Failed to create port on network %s, because fixed_ips included invalid subnet %s",
				p.NetworkID, n.ID)
		}
		return n, nil
	}
	if w.IPAddress == "" {
		return nil, invalidInput("IP allocation requires subnet_id or ip_address")
	}
	addr, err := netip.ParseAddr(w.IPAddress)
	if err != nil {
		return nil, netBadRequest("Invalid input for fixed_ips. Reason: '%s' is not a valid IP address.", w.IPAddress)
	}
	n, found := find(s.Subnets, func(n *subnet) bool {
		return n.NetworkID == p.NetworkID && mustPrefix(n.CIDR).Contains(addr)
	})
	if !found {
		return nil, netFail(http.StatusBadRequest, "InvalidIpForNetwork",
			"IP address %s is not a valid IP for any of the subnets on the specified network.", w.IPAddress)
	}
	return n, nil
}

func (s *state) checkIP(p *port, n *subnet, got *fixedIP, sofar []fixedIP) *apiError {
	addr, err := netip.ParseAddr(got.IPAddress)
	prefix := mustPrefix(n.CIDR)
	if err != nil || !prefix.Contains(addr) || gatewayInvalid(prefix, addr) {
		return netFail(http.StatusBadRequest, "InvalidIpForSubnet",
			"IP address %s is not a valid IP for the specified subnet.", got.IPAddress)
	}
	got.IPAddress = addr.String()
	_, used := find(s.Ports, func(o *port) bool { return o.ID != p.ID && o.holds(n.ID, got.IPAddress) })
	if used || slices.Contains(sofar, *got) {
		return netFail(http.StatusConflict, "IpAddressAlreadyAllocated",
			"IP address %s already allocated in subnet %s", got.IPAddress, n.ID)
	}
	return nil
}

func (s *state) freeIP(n *subnet, sofar []fixedIP) (netip.Addr, bool) {
	used := map[string]bool{}
	for _, p := range s.Ports {
		for _, f := range p.FixedIPs {
			if f.SubnetID == n.ID {
				used[f.IPAddress] = true
			}
		}
	}
	for _, f := range sofar {
		used[f.IPAddress] = true
	}
	for _, pool := range n.Pools {
		end := mustAddr(pool.End)
		for a := mustAddr(pool.Start); a.IsValid() && !end.Less(a); a = a.Next() {
			if !used[a.String()] {
				return a, true
			}
		}
	}
	return netip.Addr{}, false
}
