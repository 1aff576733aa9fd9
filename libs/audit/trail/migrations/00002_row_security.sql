-- +goose Up

-- Whether the caller of a statement may see the rows of a tenant: the setting holds ids with commas between them, or * for work
-- that is nobody's call. Without it nothing is seen.
CREATE OR REPLACE FUNCTION lowlayer_sees(tenant text) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN current_setting('lowlayer.tenants', true) = '*'
        OR tenant = ANY (string_to_array(current_setting('lowlayer.tenants', true), ','));

ALTER TABLE audit_heads ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_heads FORCE ROW LEVEL SECURITY;
CREATE POLICY audit_heads_tenant ON audit_heads USING (lowlayer_sees(tenant));

ALTER TABLE audit_records ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_records FORCE ROW LEVEL SECURITY;
CREATE POLICY audit_records_tenant ON audit_records USING (current_setting('lowlayer.tenants', true) = '*' OR EXISTS (SELECT FROM audit_heads h WHERE h.tenant_uid = audit_records.tenant_uid));
