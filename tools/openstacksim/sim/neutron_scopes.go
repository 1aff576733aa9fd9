package sim

import "net/http"

func addressScopes() *netResource[*addressScope] {
	return &netResource[*addressScope]{
		singular: "address_scope", plural: "address_scopes", path: "address-scopes", untagged: true,
		table:   func(s *state) table[*addressScope] { return s.AddressScopes },
		visible: func(cl *call, o *addressScope) bool { return cl.sees(&o.meta, o.Shared, "address_scope") },
		missing: func(id string) *apiError {
			return netFail(http.StatusNotFound, "AddressScopeNotFound", "Address scope %s could not be found.", id)
		},
		view:   addressScopeView,
		create: createAddressScope,
		update: updateAddressScope,
		remove: func(cl *call, o *addressScope) *apiError {
			if _, used := find(cl.st.SubnetPools, func(p *subnetPool) bool { return p.AddressScopeID == o.ID }); used {
				return netFail(http.StatusConflict, "AddressScopeInUse", "Unable to complete operation on address scope %s. "+
					"There are one or more subnet pools in use on the address scope.", o.ID)
			}
			cl.st.dropRBAC(o.ID)
			return nil
		},
	}
}

// sees is the rule for what can be shared: one's own, what all share, what was shared
// with one's project.
func (cl *call) sees(m *meta, shared bool, kind string) bool {
	return cl.who.owns(m.ProjectID) || shared || cl.st.sharedWith(kind, m.ID, cl.who.projectID)
}

func (s *state) sharedWith(kind, id, projectID string) bool {
	_, shared := find(s.RBAC, func(p *rbacPolicy) bool {
		return p.ObjectID == id && p.ObjectType == kind && (p.TargetTenant == "*" || p.TargetTenant == projectID)
	})
	return shared
}

func (s *state) dropRBAC(objectID string) {
	for _, p := range inOrder(s.RBAC, func(p *rbacPolicy) bool { return p.ObjectID == objectID }) {
		delete(s.RBAC, p.ID)
	}
}

func addressScopeView(cl *call, o *addressScope) map[string]any {
	return map[string]any{
		"id": o.ID, "name": o.Name, "project_id": o.ProjectID, "tenant_id": o.ProjectID,
		"ip_version": o.IPVersion, "shared": o.Shared || cl.st.sharedWith("address_scope", o.ID, cl.who.projectID),
	}
}

func createAddressScope(cl *call, a *attrs, _ string) (*addressScope, *apiError) {
	if fail := a.only("name", "project_id", "tenant_id", "ip_version", "shared"); fail != nil {
		return nil, fail
	}
	if !a.has("ip_version") {
		return nil, netBadRequest("Failed to parse request. Required attribute 'ip_version' not specified")
	}
	o := &addressScope{IPVersion: a.integer("ip_version", 4), Shared: a.boolean("shared", false)}
	if a.fail == nil && o.IPVersion != 4 && o.IPVersion != 6 {
		return nil, netBadRequest("Invalid input for ip_version. Reason: '%d' is not in [4, 6].", o.IPVersion)
	}
	if o.Shared && !cl.who.admin {
		return nil, errPolicy("create_address_scope:shared")
	}
	o.meta = cl.newNetMeta(a)
	return o, nil
}

func updateAddressScope(cl *call, o *addressScope, a *attrs) *apiError {
	if fail := a.only("name", "shared"); fail != nil {
		return fail
	}
	name, shared := a.name(o.Name), a.boolean("shared", o.Shared)
	if a.fail != nil {
		return a.fail
	}
	if shared && !o.Shared && !cl.who.admin {
		return errPolicy("update_address_scope:shared")
	}
	if o.Shared && !shared {
		return netFail(http.StatusBadRequest, "AddressScopeUpdateError",
			"Unable to update address scope %s : Shared address scope can't be unshared.", o.ID)
	}
	o.Name, o.Shared = name, shared
	return nil
}
