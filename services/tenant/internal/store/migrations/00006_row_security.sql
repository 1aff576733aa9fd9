-- +goose Up

-- Whether the caller of a statement may see the rows of a tenant: the setting holds ids with commas between them, or * for work
-- that is nobody's call. Without it nothing is seen.
CREATE OR REPLACE FUNCTION lowlayer_sees(tenant text) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN current_setting('lowlayer.tenants', true) = '*'
        OR tenant = ANY (string_to_array(current_setting('lowlayer.tenants', true), ','));

ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
CREATE POLICY tenants_tenant ON tenants USING (lowlayer_sees(id));

ALTER TABLE organisations ENABLE ROW LEVEL SECURITY;
ALTER TABLE organisations FORCE ROW LEVEL SECURITY;
CREATE POLICY organisations_tenant ON organisations USING (lowlayer_sees(tenant_id));

ALTER TABLE service_users ENABLE ROW LEVEL SECURITY;
ALTER TABLE service_users FORCE ROW LEVEL SECURITY;
CREATE POLICY service_users_tenant ON service_users USING (current_setting('lowlayer.tenants', true) = '*' OR EXISTS (SELECT FROM organisations o WHERE o.uid = organisation_uid));

ALTER TABLE credentials ENABLE ROW LEVEL SECURITY;
ALTER TABLE credentials FORCE ROW LEVEL SECURITY;
CREATE POLICY credentials_tenant ON credentials USING (current_setting('lowlayer.tenants', true) = '*' OR EXISTS (SELECT FROM organisations o WHERE o.uid = organisation_uid));

ALTER TABLE members ENABLE ROW LEVEL SECURITY;
ALTER TABLE members FORCE ROW LEVEL SECURITY;
CREATE POLICY members_tenant ON members USING (current_setting('lowlayer.tenants', true) = '*' OR EXISTS (SELECT FROM tenants t WHERE t.uid = members.tenant_uid));

ALTER TABLE service_accounts ENABLE ROW LEVEL SECURITY;
ALTER TABLE service_accounts FORCE ROW LEVEL SECURITY;
CREATE POLICY service_accounts_tenant ON service_accounts USING (current_setting('lowlayer.tenants', true) = '*' OR EXISTS (SELECT FROM tenants t WHERE t.uid = service_accounts.tenant_uid));

ALTER TABLE member_requests ENABLE ROW LEVEL SECURITY;
ALTER TABLE member_requests FORCE ROW LEVEL SECURITY;
CREATE POLICY member_requests_tenant ON member_requests USING (current_setting('lowlayer.tenants', true) = '*' OR EXISTS (SELECT FROM tenants t WHERE t.uid = member_requests.tenant_uid));

ALTER TABLE member_vpcs ENABLE ROW LEVEL SECURITY;
ALTER TABLE member_vpcs FORCE ROW LEVEL SECURITY;
CREATE POLICY member_vpcs_tenant ON member_vpcs USING (current_setting('lowlayer.tenants', true) = '*' OR EXISTS (SELECT FROM tenants t WHERE t.uid = member_vpcs.tenant_uid));
