package problem

import "github.com/low-layer/platform/libs/errs"

// Reasons of the tenant service.
var tenancy = []Reason{
	{
		"TENANT_NOT_FOUND", "No such tenant", errs.CodeNotFound,
		"There is no tenant of this name, or it is not yours to see.", "Check the name; list the tenants you may see.",
	},
	{
		"TENANT_EXISTS", "Tenant exists already", errs.AlreadyExists,
		"A tenant with this id exists, perhaps as a deleted one that can still be undeleted.",
		"Choose another id, update the tenant, or undelete it.",
	},
	{
		"TENANT_NOT_EMPTY", "Tenant holds organisations", errs.FailedPrecondition,
		"The tenant cannot be deleted while it holds organisations.", "Delete its organisations first, or send `force=true` to delete them with it.",
	},
	{
		"TENANT_NOT_DELETED", "Tenant is not deleted", errs.FailedPrecondition,
		"Only a deleted tenant can be undeleted.", "Nothing needs to be done; read the tenant for its state.",
	},
	{
		"TENANT_DELETED", "Tenant is deleted", errs.FailedPrecondition,
		"The tenant is deleted, so nothing of it can be changed.", "Undelete the tenant before its `purgeTime`.",
	},
	{
		"TENANT_SUSPENDED", "Tenant is suspended", errs.FailedPrecondition,
		"The tenant is suspended, so nothing of it can be changed. What runs goes on running.", "Resume the tenant, or ask the operator to.",
	},
	{
		"TENANT_NOT_SUSPENDED", "Tenant is not suspended", errs.FailedPrecondition,
		"Only a suspended tenant can be resumed.", "Nothing needs to be done; read the tenant for its state.",
	},
	{
		"ORGANISATION_NOT_FOUND", "No such organisation", errs.CodeNotFound,
		"There is no organisation of this name, or it is not yours to see.", "Check the name; list the organisations of the tenant.",
	},
	{
		"ORGANISATION_EXISTS", "Organisation exists already", errs.AlreadyExists,
		"An organisation with this id exists in the tenant, perhaps as a deleted one.", "Choose another id, update it, or undelete it.",
	},
	{
		"ORGANISATION_NOT_EMPTY", "Organisation holds VPCs", errs.FailedPrecondition,
		"The organisation cannot be deleted while it holds VPCs.", "Delete its VPCs first, or send `force=true` to delete them with it.",
	},
	{
		"ORGANISATION_NOT_DELETED", "Organisation is not deleted", errs.FailedPrecondition,
		"Only a deleted organisation can be undeleted.", "Nothing needs to be done; read the organisation for its state.",
	},
	{
		"ORGANISATION_DELETED", "Organisation is deleted", errs.FailedPrecondition,
		"The organisation is deleted, so nothing of it can be changed.", "Undelete it before its `purgeTime`.",
	},
}

// Reasons of the network service.
var networking = []Reason{
	{
		"ISOLATION_NOT_OBSERVED", "Not observed yet", errs.Unavailable,
		"The isolation report is computed from what OpenStack was last seen to hold, and it has not been looked at since the platform began.",
		"Try again in a minute; when it stays, the network service does not get an answer from OpenStack.",
	},
	{
		"ENDPOINT_NOT_FOUND", "No such end", errs.CodeNotFound,
		"The hub, VPC, address, port or server was in no network of the tenant when OpenStack was last observed.",
		"Check it; what was made a moment ago is known after the next observation, within a minute.",
	},
	{
		"VPC_NOT_FOUND", "No such VPC", errs.CodeNotFound,
		"There is no VPC of this name, or it is not yours to see.", "Check the name; list the VPCs of the organisation.",
	},
	{
		"VPC_EXISTS", "VPC exists already", errs.AlreadyExists,
		"A VPC with this id exists in the organisation.", "Choose another id, or update the VPC.",
	},
	{
		"VPC_PEERED", "VPC has peerings", errs.FailedPrecondition,
		"The VPC cannot be deleted while it has peerings.", "Delete its peerings first.",
	},
	{
		"HUB_NOT_FOUND", "No such hub", errs.CodeNotFound,
		"The organisation has no hub network, or it is not yours to see.", "Check the name of the organisation; the hub is made with it.",
	},
	{
		"HUB_IN_USE", "Hub is in use", errs.FailedPrecondition,
		"The hub of an organisation cannot be removed while the organisation has VPCs.", "Delete the VPCs first.",
	},
	{
		"BOUNDARY_NOT_FOUND", "No network boundary", errs.CodeNotFound,
		"The tenant has no network boundary, or it is not yours to see.", "Check the name of the tenant; the boundary is made with it.",
	},
	{
		"BOUNDARY_IN_USE", "Network boundary is in use", errs.FailedPrecondition,
		"The network boundary of a tenant cannot be removed while it holds networks.", "Delete the organisations of the tenant first.",
	},
	{
		"PEERING_NOT_FOUND", "No such peering", errs.CodeNotFound,
		"There is no peering of this name, or it is not yours to see.", "Check the name; list the peerings of the tenant.",
	},
	{
		"PEERING_EXISTS", "Peering exists already", errs.AlreadyExists,
		"A peering with this id, or between these two VPCs, exists.", "Use the peering that exists, or delete it first.",
	},
	{
		"PEERING_NOT_PENDING", "Peering is not waiting to be accepted", errs.FailedPrecondition,
		"Only a peering whose `acceptance` is PENDING can be accepted.", "Read the peering for where it stands.",
	},
	{
		"CIDR_OVERLAP", "Address range overlaps", errs.InvalidArgument,
		"The address range overlaps one that is in use in the tenant.", "Choose a free range, or leave the field out and one is chosen.",
	},
	{
		"CIDR_OUTSIDE_TENANT", "Address range outside of the tenant", errs.InvalidArgument,
		"The address range does not lie in the `networkCidr` of the tenant.", "Choose a range inside it, or leave the field out and one is chosen.",
	},
	{
		"CIDR_EXHAUSTED", "No address range is free", errs.ResourceExhausted,
		"The tenant's `networkCidr` has no free range of the size that is needed.", "Delete networks that are not needed, or ask for a smaller range.",
	},
}

// Reasons of the cloud, whichever service meets them.
var cloud = []Reason{
	{
		"CLOUD_QUOTA_EXCEEDED", "Cloud quota exceeded", errs.ResourceExhausted,
		"The project in the cloud has reached a quota. `quota` says which.", "Raise the quota of the organisation, or delete what is not needed.",
	},
	{
		"CLOUD_NO_CAPACITY", "Cloud has no capacity", errs.ResourceExhausted,
		"The cloud has no room for this at the moment.", "It is tried again by itself; ask the provider, or order less.",
	},
	{
		"CLOUD_CONFLICT", "Conflict in the cloud", errs.FailedPrecondition,
		"Something in the cloud is in the way. `metadata.holder` names it when it is known.", "Remove what is in the way; it is tried again by itself.",
	},
	{
		"CLOUD_INVALID", "Cloud refused the request", errs.FailedPrecondition,
		"The cloud does not accept what was sent to it.", "Report the request id to the operator, with the message of the cloud.",
	},
	{
		"CLOUD_UNAUTHENTICATED", "Cloud credentials refused", errs.FailedPrecondition,
		"The cloud does not accept the platform's credentials.", "The operator must put the credentials right; it is tried again by itself.",
	},
	{
		"CLOUD_FORBIDDEN", "Cloud does not allow it", errs.FailedPrecondition,
		"The platform's account in the cloud lacks a role.", "The operator must grant the role; it is tried again by itself.",
	},
	{
		"CLOUD_NOT_FOUND", "Missing in the cloud", errs.FailedPrecondition,
		"An object that is needed is not in the cloud.", "It is made again when it is the platform's own; otherwise ask the provider.",
	},
	{
		"CLOUD_RATE_LIMITED", "Cloud limits the rate", errs.Unavailable,
		"The cloud asks to slow down.", "Nothing needs to be done; it is tried again by itself.",
	},
	{
		"CLOUD_UNAVAILABLE", "Cloud does not answer", errs.Unavailable,
		"The API of the cloud cannot be reached or fails.", "Nothing needs to be done; it is tried again by itself. Ask the provider if it stays.",
	},
	{
		"CLOUD_TIMEOUT", "Cloud does not answer in time", errs.Unavailable,
		"The API of the cloud did not answer in time.", "Nothing needs to be done; it is tried again by itself. Ask the provider if it stays.",
	},
}
