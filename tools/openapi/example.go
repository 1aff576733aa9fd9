package main

// examples are of path variables and query parameters; together they make one story.
var examples = map[string]string{
	"tenant": "acme", "organisation": "core", "vpc": "dev", "peering": "dev-prod",
	"operation": "op_network_06a4kk5qv5v7b1d8x2m0r3c9gw",
	"tenantId":  "acme", "organisationId": "core", "vpcId": "dev", "peeringId": "dev-prod",
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
	"VpcService_CreateVpc":                   {"displayName": "Development", "cidr": "10.64.16.0/20"},
	"VpcService_UpdateVpc":                   {"labels": object{"stage": "development"}},
	"PeeringService_CreatePeering": {
		"vpc": "tenants/acme/organisations/core/vpcs/dev", "peerVpc": "tenants/acme/organisations/core/vpcs/prod",
	},
	"OperationService_WaitOperation": {"timeout": "30s"},
}
