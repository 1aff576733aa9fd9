package sim

import (
	"cmp"
	"slices"
)

// InventoryItem is one object of the cloud, whatever service holds it.
type InventoryItem struct {
	Type      string   `json:"type"`
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	ProjectID string   `json:"project_id,omitempty"`
	DomainID  string   `json:"domain_id,omitempty"`
	Tags      []string `json:"tags"`
	seq       int64
}

// Inventory lists all objects, or those of one owner: a project, a domain, or any caller who put that word on them as a
// tag. A list for an owner leaves out the cloud's initial objects of others.
func (c *Cloud) Inventory(owner string) []InventoryItem {
	c.mu.RLock()
	defer c.mu.RUnlock()
	s := c.st
	var out []InventoryItem
	out = gather(out, "domain", s.Domains, func(d *domain) string { return d.ID })
	out = gather(out, "project", s.Projects, func(p *project) string { return p.DomainID })
	out = gather(out, "user", s.Users, func(u *user) string { return u.DomainID })
	out = gather(out, "application_credential", s.AppCredentials, nil)
	out = gather(out, "address_scope", s.AddressScopes, nil)
	out = gather(out, "subnetpool", s.SubnetPools, nil)
	out = gather(out, "network", s.Networks, nil)
	out = gather(out, "subnet", s.Subnets, nil)
	out = gather(out, "port", s.Ports, nil)
	out = gather(out, "router", s.Routers, nil)
	out = gather(out, "security_group", s.SecGroups, nil)
	out = gather(out, "security_group_rule", s.SecRules, nil)
	out = gather(out, "rbac_policy", s.RBAC, nil)
	out = gather(out, "floatingip", s.FloatingIPs, nil)
	out = gather(out, "flavor", s.Flavors, nil)
	out = gather(out, "keypair", s.Keypairs, nil)
	out = gather(out, "server_group", s.ServerGroups, nil)
	out = gather(out, "aggregate", s.Aggregates, nil)
	out = gather(out, "server", s.Servers, nil)
	out = gather(out, "image", s.Images, nil)
	out = gather(out, "volume", s.Volumes, nil)
	for i := range out {
		if out[i].DomainID == "" {
			if p := s.Projects[out[i].ProjectID]; p != nil {
				out[i].DomainID = p.DomainID
			}
		}
	}
	if owner != "" {
		out = slices.DeleteFunc(out, func(i InventoryItem) bool {
			return i.ProjectID != owner && i.DomainID != owner && i.ID != owner && !slices.Contains(i.Tags, owner)
		})
	}
	slices.SortStableFunc(out, func(a, b InventoryItem) int { return cmp.Compare(a.seq, b.seq) })
	return out
}

func gather[T object](out []InventoryItem, kind string, t table[T], domainOf func(T) string) []InventoryItem {
	for _, o := range t {
		m := o.base()
		item := InventoryItem{Type: kind, ID: m.ID, Name: m.Name, ProjectID: m.ProjectID, Tags: m.Tags, seq: m.Seq}
		if domainOf != nil {
			item.DomainID = domainOf(o)
		}
		out = append(out, item)
	}
	return out
}
