package main

// examples are of path variables and query parameters. A test of tools/e2e calls all examples in order on a platform without a
// tenant acme, and each succeeds. So the VPC is another than those of the organisation's order, and operations have no example:
// the platform chooses their ids.
var examples = map[string]string{
	"tenant": "acme", "organisation": "core", "vpc": "dev", "peering": "dev-prod",
	"tenantId": "acme", "organisationId": "core", "vpcId": "staging", "peeringId": "dev-prod",
}

// bodies are examples of request bodies.
var bodies = map[string]object{
	"TenantService_CreateTenant": {"displayName": "Acme", "labels": object{"stage": "production"}},
	"TenantService_UpdateTenant": {"displayName": "Acme Limited"},
	"OrganisationService_CreateOrganisation": {
		"displayName": "Core", "mode": "MUTUALIZED",
		"vpcs": []any{object{"vpcId": "dev"}, object{"vpcId": "prod", "mode": "DEDICATED"}},
	},
	"OrganisationService_UpdateOrganisation": {"displayName": "Core platform"},
	"VpcService_CreateVpc":                   {"displayName": "Staging"},
	"VpcService_UpdateVpc":                   {"labels": object{"stage": "development"}},
	"PeeringService_CreatePeering": {
		"vpc": "tenants/acme/organisations/core/vpcs/dev", "peerVpc": "tenants/acme/organisations/core/vpcs/prod",
	},
	"OperationService_WaitOperation": {"timeout": "30s"},
}
