package problem

import "github.com/low-layer/platform/libs/errs"

// Reasons of members, service accounts and the user directory.
var members = []Reason{
	{
		"MEMBER_NOT_FOUND", "No such member", errs.CodeNotFound,
		"Nobody of this name has roles there.", "Check the name; list the members of the tenant, organisation or VPC.",
	},
	{
		"MEMBER_EXISTS", "Member exists already", errs.AlreadyExists,
		"The person has roles there already.", "Update the roles of the member.",
	},
	{
		"PERSON_UNVERIFIED", "Address never verified", errs.FailedPrecondition,
		"The account of this address was there before, nobody ever proved that the address is theirs, and whoever made it may not give this role.",
		"The person follows the mail of their account; where no mail is sent, the operator verifies or removes the account in Keycloak.",
	},
	{
		"OWNER_REQUIRED", "For owners", errs.PermissionDenied,
		"Whoever manages members may not make owners, end them, or get at the secret of a program that is one: that is for owners.",
		"Ask an owner of the tenant, organisation or VPC.",
	},
	{
		"LAST_OWNER", "Last owner", errs.FailedPrecondition,
		"A tenant without an owner could never get one again, so its last one stays. Service accounts do not count.",
		"Make somebody else an owner first.",
	},
	{
		"SERVICE_ACCOUNT_NOT_FOUND", "No such service account", errs.CodeNotFound,
		"There is no service account of this name.", "Check the name; list the service accounts of the tenant, organisation or VPC.",
	},
	{
		"SERVICE_ACCOUNT_EXISTS", "Service account exists already", errs.AlreadyExists,
		"A service account with this id exists there.", "Choose another id, or rotate the secret of the one there is.",
	},
	{
		"ORGANISATION_NOT_READY", "Organisation is not ready", errs.FailedPrecondition,
		"The organisation is still being made.", "Wait for its operation, then try again.",
	},
	{
		"DIRECTORY_NOT_CONFIGURED", "No user directory", errs.FailedPrecondition,
		"This installation has no Keycloak, so it has no members and service accounts.",
		"The operator makes the realm and gives the tenant service its address, client and secret.",
	},
	{
		"INVITATION_NOT_SENT", "Invitation cannot be sent", errs.FailedPrecondition,
		"Keycloak was to invite a person by mail, and cannot send any.",
		"The operator sets the mail server of the realm, or has the platform hand out first passwords instead.",
	},
	{
		"DIRECTORY_UNAVAILABLE", "User directory away", errs.Unavailable,
		"Keycloak does not answer, so roles cannot be changed. Reads and logins that are under way go on.",
		"Try again after the time in Retry-After, with the same request id.",
	},
	{
		"DIRECTORY_FORBIDDEN", "User directory refuses the platform", errs.FailedPrecondition,
		"Keycloak does not let the tenant service do this: its secret is not the current one, or its client lacks a role.",
		"The operator runs the realm's setup again and checks the secret.",
	},
	{
		"DIRECTORY_REFUSED", "User directory does not accept this", errs.InvalidArgument,
		"Keycloak has rules of its own for e-mail addresses, names and passwords.", "Check the e-mail address and the name.",
	},
	{
		"DIRECTORY_OBJECT_NOT_FOUND", "Not in the user directory", errs.CodeNotFound,
		"The person, group or client was removed in Keycloak meanwhile.", "List again; our records follow Keycloak within minutes.",
	},
	{
		"DIRECTORY_OBJECT_EXISTS", "In the user directory already", errs.AlreadyExists,
		"Keycloak has such a person, group or client already.", "Try again; what is there is taken.",
	},
}
