package main

// examples are of path variables and query parameters. Together with the bodies they make one story, which a test of tools/e2e
// tells: called one after the other on a platform without a tenant acme, each succeeds. So a VPC is made beside those that come
// with the organisation, at a CIDR that the platform chooses, and operations have no example: their ids are made up by it.
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
