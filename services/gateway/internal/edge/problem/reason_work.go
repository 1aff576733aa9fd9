package problem

import "github.com/low-layer/platform/libs/errs"

// Reasons of addresses, names and calls, beside those the protos name.
var details = []Reason{
	{
		"INVALID_NAME", "Malformed resource name", errs.InvalidArgument,
		"The text is not a resource name of the form that is wanted.", "Write it as the message shows, in lower-case letters, digits and dashes.",
	},
	{
		"CIDR_INVALID", "Not a CIDR", errs.InvalidArgument,
		"The text is not a CIDR, or has bits set behind its prefix.", "Write the first address of the network and its length, such as 10.64.16.0/20.",
	},
	{
		"CIDR_SIZE", "CIDR too large or too small", errs.InvalidArgument,
		"The network is larger or smaller than what it is for allows.", "Choose a length within the bounds that the message names.",
	},
	{
		"CIDR_RESERVED", "CIDR is reserved", errs.InvalidArgument,
		"The network overlaps addresses that the platform keeps for the links between routers.", "Choose another network.",
	},
	{
		"DEADLINE_TOO_SHORT", "Deadline too short", errs.DeadlineExceeded,
		"So little of the caller's time was left that the call was not begun.", "Repeat it with a longer deadline.",
	},
	{
		"SERVER_DRAINING", "Service is restarting", errs.Unavailable,
		"The service is being stopped and ends long polls and streams.", "Repeat the call; another replica or the restarted service answers.",
	},
	{
		"WATCH_EXPIRED", "Changes are not kept any more", errs.OutOfRange,
		"A stream cannot go on from this resume token: it is older than seven days, of an earlier tenant of the same name, or from before " +
			"a database was restored or failed over.",
		"Open the stream without a resume token: it begins with a snapshot of what there is.",
	},
	{
		"TOO_MANY_WATCHES", "Too many streams at once", errs.ResourceExhausted,
		"The caller, or all callers of the tenant, have as many streams open as there may be at once.",
		"End one of them, or have one stream serve several readers.",
	},
	{
		"NETWORK_UNAVAILABLE", "Network service away", errs.Unavailable,
		"The network service does not answer, so the order cannot be checked or carried on.", "Try again; work that was accepted goes on by itself.",
	},
	{
		"VPC_LIMIT_REACHED", "Too many VPCs", errs.ResourceExhausted,
		"Each VPC takes a route of its organisation's hub, and the hub's router has no more.", "Delete a VPC, or use another organisation.",
	},
	{
		"QUOTA_EXCEEDED", "Quota exceeded", errs.ResourceExhausted,
		"What was ordered does not fit into what the tenant, or the organisation's project, may still hold. `quota` names each limit that is in the way with what is in use and reserved of it; what is deleted and can come back counts too.",
		"Delete what is not needed; raise the organisation's own quota; or ask an operator of the platform for more in the tenant.",
	},
	{
		"QUOTA_NOT_FOUND", "No such quota", errs.CodeNotFound,
		"There is no quota of this name, or it is not yours to see.", "List the quotas of the tenant.",
	},
	{
		"QUOTA_OF_PROJECT", "The quota is the organisation's own", errs.FailedPrecondition,
		"What the project of an organisation may hold is part of the organisation.", "Update the organisation with another `quota`.",
	},
	{
		"OPERATION_NOT_CANCELLABLE", "Deletions cannot be cancelled", errs.FailedPrecondition,
		"A deletion that has begun goes on to its end: half of the resource would be of no use.", "Wait for the end of the deletion.",
	},
	{
		"TENANT_NOT_READY", "Tenant is not ready", errs.FailedPrecondition,
		"The tenant is still being made.", "Wait for its operation, then order again.",
	},
	{
		"TENANT_DELETING", "Tenant is being deleted", errs.FailedPrecondition,
		"The tenant is being removed for good and takes no other change.", "Wait for the end of the deletion.",
	},
	{
		"ORGANISATION_DELETING", "Organisation is being deleted", errs.FailedPrecondition,
		"The organisation is being removed for good and takes no other change.", "Wait for the end of the deletion.",
	},
	{
		"VPC_DELETING", "VPC is being deleted", errs.FailedPrecondition,
		"The VPC is being removed and takes no other change.", "Wait for the end of the deletion.",
	},
	{
		"PEERING_DELETING", "Peering is being deleted", errs.FailedPrecondition,
		"The peering is being removed and takes no other change.", "Wait for the end of the deletion.",
	},
	{
		"RESOURCE_DELETING", "Being deleted", errs.FailedPrecondition,
		"What stands in the way is being removed.", "Wait for the end of the deletion, then ask again.",
	},
}

// Reasons an operation ends with or is blocked by, beside those of the cloud.
var blocked = []Reason{
	{
		"SUPERSEDED", "Superseded", errs.Aborted,
		"A newer change of the same resource took the operation's place.", "Follow the operation that the message names.",
	},
	{
		"OBJECT_IN_USE", "In use by something foreign", errs.FailedPrecondition,
		"Something that the platform did not make uses an object it is to remove. Nothing foreign is ever removed.",
		"Remove what the message names; the operation goes on by itself.",
	},
	{
		"RULE_EXISTS", "Rule exists already", errs.FailedPrecondition,
		"The security group has an equal rule already, made by somebody else.", "Remove that rule; the operation goes on by itself.",
	},
	{
		"HUB_NOT_READY", "Hub is not ready", errs.CodeNotFound,
		"The bastion's hub, which the VPC is linked to, is still being made.", "Nothing needs to be done: the operation goes on when it is.",
	},
	{
		"VPC_NOT_READY", "VPC is not ready", errs.CodeNotFound,
		"A VPC of the peering is still being made.", "Nothing needs to be done: the operation goes on when it is.",
	},
	{
		"CLOUD_ROLE_MISSING", "The cloud lacks a role", errs.FailedPrecondition,
		"The OpenStack has no role of the name that the platform is set to use.", "The operator creates the role or names another one.",
	},
	{
		"CLOUD_SERVICE_MISSING", "The cloud lacks a service", errs.FailedPrecondition,
		"The catalogue of the OpenStack has no endpoint of a service that is needed.", "The operator adds the endpoint to the catalogue.",
	},
	{
		"CLOUD_CANCELED", "Call to the cloud was cut off", errs.Canceled,
		"The call was given up before the cloud answered.", "Nothing needs to be done: the step is tried again.",
	},
	{
		"STEP_FAILED", "Step failed", errs.CodeInternal,
		"The platform could not carry out a step for a reason of its own.", "It is tried again; the operator looks at the logs with the operation's trace.",
	},
	{
		"STEP_PANICKED", "Step failed", errs.CodeInternal,
		"The platform has a defect in a step.", "The operator looks at the logs with the operation's trace.",
	},
	{
		"STEP_TIMEOUT", "Step got no answer", errs.DeadlineExceeded,
		"The other side did not answer a step in time.", "Nothing needs to be done: the step is tried again.",
	},
	{
		"STEP_DEADLINE_EXCEEDED", "Step takes too long", errs.DeadlineExceeded,
		"The cloud has not finished something for longer than it should take.", "The provider looks at the object that the step names.",
	},
	{
		"STEP_WITHOUT_OBJECT", "Object missing from the ledger", errs.CodeInternal,
		"A step needs an object of an earlier step, and the ledger has none.", "The operator looks at the logs with the operation's trace.",
	},
	{
		"OBJECT_UNKNOWN", "Object of an unknown kind", errs.CodeInternal,
		"The ledger holds an object that this version of the service cannot remove.", "The operator deploys a version that knows it.",
	},
}
