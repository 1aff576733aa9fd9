package sim

import (
	"net/http"
	"slices"
)

func rbacPolicies() *netResource[*rbacPolicy] {
	return &netResource[*rbacPolicy]{
		singular: "rbac_policy", plural: "rbac_policies", path: "rbac-policies", quota: "rbac_policy", untagged: true,
		table:   func(s *state) table[*rbacPolicy] { return s.RBAC },
		visible: owned[*rbacPolicy],
		missing: func(id string) *apiError {
			return netFail(http.StatusNotFound, "RbacPolicyNotFound", "RBAC policy of type None with ID %s not found", id)
		},
		view: func(_ *call, o *rbacPolicy) map[string]any {
			return map[string]any{
				"id": o.ID, "project_id": o.ProjectID, "tenant_id": o.ProjectID, "object_type": o.ObjectType,
				"object_id": o.ObjectID, "action": o.Action, "target_tenant": o.TargetTenant,
			}
		},
		create: createRBAC,
		update: updateRBAC,
		remove: func(cl *call, o *rbacPolicy) *apiError { return cl.st.rbacNeeded(o, o.TargetTenant) },
	}
}

var rbacActions = map[string][]string{
	"network":        {"access_as_shared", "access_as_external"},
	"address_scope":  {"access_as_shared"},
	"subnetpool":     {"access_as_shared"},
	"security_group": {"access_as_shared"},
	"qos_policy":     {"access_as_shared"},
	"address_group":  {"access_as_shared"},
}

// rbacObject finds what a policy is about, for the caller to decide whether he owns it.
func (s *state) rbacObject(kind, id string) *meta {
	switch kind {
	case "network":
		if o := s.Networks[id]; o != nil {
			return &o.meta
		}
	case "address_scope":
		if o := s.AddressScopes[id]; o != nil {
			return &o.meta
		}
	case "subnetpool":
		if o := s.SubnetPools[id]; o != nil {
			return &o.meta
		}
	case "security_group":
		if o := s.SecGroups[id]; o != nil {
			return &o.meta
		}
	}
	return nil
}

func createRBAC(cl *call, a *attrs, projectID string) (*rbacPolicy, *apiError) {
	if fail := a.only("project_id", "tenant_id", "object_type", "object_id", "action",
		"target_tenant", "target_project_id"); fail != nil {
		return nil, fail
	}
	o := &rbacPolicy{
		ObjectType: a.need("object_type"), ObjectID: a.need("object_id"), Action: a.need("action"),
		TargetTenant: a.str("target_tenant", a.str("target_project_id", "")),
	}
	if a.fail != nil {
		return nil, a.fail
	}
	actions, known := rbacActions[o.ObjectType]
	if !known {
		return nil, invalidInput("'%s' is not a valid RBAC object type", o.ObjectType)
	}
	if !slices.Contains(actions, o.Action) {
		return nil, invalidInput("Invalid action '%s' for object type '%s'. Valid actions: %s",
			o.Action, o.ObjectType, pythonList(actions))
	}
	if o.TargetTenant == "" {
		return nil, netBadRequest("Failed to parse request. Required attribute 'target_tenant' not specified")
	}
	target := cl.st.rbacObject(o.ObjectType, o.ObjectID)
	if target == nil || !cl.who.owns(target.ProjectID) {
		return nil, netFail(http.StatusNotFound, "RbacPolicyNotFound", "Object %s not found.", o.ObjectID)
	}
	if o.TargetTenant == "*" && !cl.who.admin {
		return nil, errPolicy("create_rbac_policy:target_tenant")
	}
	if _, twin := find(cl.st.RBAC, func(p *rbacPolicy) bool {
		return p.ObjectID == o.ObjectID && p.Action == o.Action && p.TargetTenant == o.TargetTenant
	}); twin {
		return nil, netFail(http.StatusConflict, "DuplicateRbacPolicy", "An RBAC policy already exists with those values.")
	}
	o.meta = cl.newNetMeta(a)
	o.ProjectID = projectID
	return o, nil
}

func updateRBAC(cl *call, o *rbacPolicy, a *attrs) *apiError {
	if fail := a.only("target_tenant", "target_project_id"); fail != nil {
		return fail
	}
	target := a.str("target_tenant", a.str("target_project_id", o.TargetTenant))
	if a.fail != nil {
		return a.fail
	}
	if target == o.TargetTenant {
		return nil
	}
	if target == "*" && !cl.who.admin {
		return errPolicy("update_rbac_policy:target_tenant")
	}
	if fail := cl.st.rbacNeeded(o, o.TargetTenant); fail != nil {
		return fail
	}
	o.TargetTenant = target
	return nil
}

// rbacNeeded keeps a share while the other project has ports on the network.
func (s *state) rbacNeeded(o *rbacPolicy, target string) *apiError {
	n := s.Networks[o.ObjectID]
	if n == nil || n.Shared {
		return nil
	}
	if target == "*" {
		target = ""
	}
	if !s.usedByOthers(n, target) {
		return nil
	}
	return netFail(http.StatusConflict, "RbacPolicyInUse", "RBAC policy on object %s cannot be removed because other objects "+
		"depend on it.\nDetails: Callback neutron.plugins.ml2.plugin.NeutronDbPluginV2.validate_network_rbac_policy_change "+
		"failed with \"Unable to reconfigure sharing settings for network %s. Multiple tenants are using it.\"", o.ObjectID, n.ID)
}
