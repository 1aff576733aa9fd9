package rpc

// The ids of tenants and of what lies in them, as the protos write them.
const (
	tenantID = `[a-z][a-z0-9-]{1,38}[a-z0-9]`
	childID  = `[a-z][a-z0-9-]{0,38}[a-z0-9]`

	tenantPath       = `^tenants/` + tenantID
	organisationPath = tenantPath + `/organisations/` + childID
	vpcPath          = organisationPath + `/vpcs/` + childID
	// anyPlace is a tenant, an organisation or a VPC.
	anyPlace = tenantPath + `(/organisations/` + childID + `(/vpcs/` + childID + `)?)?`
)

const (
	idWords = "lower-case letters, digits and dashes, starting with a letter and not ending with a dash"
	// nameWords follow the form of a name.
	nameWords = "; ids are " + idWords + ", those of tenants 3 to 40, others 2 to 40"
	placeForm = "tenants/{tenant}, tenants/{tenant}/organisations/{organisation} or tenants/{tenant}/organisations/{organisation}/vpcs/{vpc}"
)

// patternWords describe what a pattern of a proto allows. People read these words; programs find the pattern in the
// OpenAPI document.
var patternWords = map[string]string{
	`^` + tenantID + `$`:               "must be 3 to 40 " + idWords,
	`^` + childID + `$`:                "must be 2 to 40 " + idWords,
	`^[a-z]([a-z0-9-]{0,38}[a-z0-9])$`: "must be 2 to 40 " + idWords,
	`^[a-z][a-z0-9_.-]{0,62}$`:         "must be 1 to 63 lower-case letters, digits, `_`, `.` and `-`, starting with a letter",

	tenantPath + `$`:       "must be tenants/{tenant}" + nameWords,
	organisationPath + `$`: "must be tenants/{tenant}/organisations/{organisation}" + nameWords,
	vpcPath + `$`:          "must be tenants/{tenant}/organisations/{organisation}/vpcs/{vpc}" + nameWords,
	anyPlace + `$`:         "must be " + placeForm + nameWords,
	tenantPath + `(/organisations/` + childID + `)?$`: "must be tenants/{tenant} or tenants/{tenant}/organisations/{organisation}" + nameWords,
	tenantPath + `/organisations/(` + childID + `|-)$`: "must be tenants/{tenant}/organisations/{organisation}, or tenants/{tenant}/organisations/- for all of a tenant" +
		nameWords,
	organisationPath + `/hub$`:                         "must be tenants/{tenant}/organisations/{organisation}/hub" + nameWords,
	tenantPath + `/peerings/` + childID + `$`:          "must be tenants/{tenant}/peerings/{peering}" + nameWords,
	anyPlace + `/serviceAccounts/` + childID + `$`:     "must be {place}/serviceAccounts/{service_account}, where the place is " + placeForm + nameWords,
	anyPlace + `/members/[0-9a-z-]{8,64}$`:             "must be {place}/members/{member}, as the list of members shows it, where the place is " + placeForm,
	tenantPath + `/receipts/rcpt_[a-z]+_[0-9a-z]{26}$`: "must be tenants/{tenant}/receipts/{receipt}, as the list of receipts shows it",
	tenantPath + `(/organisations/` + childID + `)?/quotas/[a-z]+[.][a-z][a-z_]*[a-z]$`: "must be tenants/{tenant}/quotas/{quota} or " +
		"tenants/{tenant}/organisations/{organisation}/quotas/{quota}, as the list of quotas shows it",
	`^(tenants/` + tenantID + `/)?isolationReport$`: "must be tenants/{tenant}/isolationReport, or isolationReport for that of the whole platform",

	`^[a-z]+(\.[a-zA-Z]+){2,3}$`: "must be a permission like network.vpcs.create, as the error that refused the call names it",
	`^$|^tenants/[a-z]`:          "must be the name of a resource, which begins with tenants/, or empty for the platform",
	`^ten_[0-9a-z]+$`:            "must be the uid of a tenant, which begins with ten_",
	`^org_[0-9a-z]+$`:            "must be the uid of an organisation, which begins with org_",
}
