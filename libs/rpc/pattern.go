package rpc

// patternWords are the words for the patterns of the protos: a violation quotes them, and the OpenAPI document has the pattern.
// Names and ids have no pattern: see package nameform.
var patternWords = map[string]string{
	`^[a-z][a-z0-9_.-]{0,62}$`:      "must be 1 to 63 lower-case letters, digits, `_`, `.` and `-`, starting with a letter",
	`^([0-9]{4}-(0[1-9]|1[0-2]))?$`: "must be a month like 2026-11, or empty for the current one",
	`^[a-z]+(\.[a-zA-Z]+){2,3}$`:    "must be a permission like network.vpcs.create, as the error that refused the call names it",
	`^$|^tenants/[a-z]`:             "must be the name of a resource, which begins with tenants/, or empty for the platform",
	`^ten_[0-9a-z]+$`:               "must be the uid of a tenant, which begins with ten_",
	`^org_[0-9a-z]+$`:               "must be the uid of an organisation, which begins with org_",
}
