-- +goose Up

-- Whether the caller of a statement may see the rows of a tenant: the setting holds ids with commas between them, or * for work
-- that is nobody's call. Without it nothing is seen.
CREATE OR REPLACE FUNCTION lowlayer_sees(tenant text) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN current_setting('lowlayer.tenants', true) = '*'
        OR tenant = ANY (string_to_array(current_setting('lowlayer.tenants', true), ','));

ALTER TABLE boundaries ENABLE ROW LEVEL SECURITY;
ALTER TABLE boundaries FORCE ROW LEVEL SECURITY;
CREATE POLICY boundaries_tenant ON boundaries USING (lowlayer_sees(tenant));

ALTER TABLE hubs ENABLE ROW LEVEL SECURITY;
ALTER TABLE hubs FORCE ROW LEVEL SECURITY;
CREATE POLICY hubs_tenant ON hubs USING (lowlayer_sees(tenant));

ALTER TABLE vpcs ENABLE ROW LEVEL SECURITY;
ALTER TABLE vpcs FORCE ROW LEVEL SECURITY;
CREATE POLICY vpcs_tenant ON vpcs USING (lowlayer_sees(tenant));

ALTER TABLE peerings ENABLE ROW LEVEL SECURITY;
ALTER TABLE peerings FORCE ROW LEVEL SECURITY;
CREATE POLICY peerings_tenant ON peerings USING (lowlayer_sees(tenant));

ALTER TABLE allocations ENABLE ROW LEVEL SECURITY;
ALTER TABLE allocations FORCE ROW LEVEL SECURITY;
CREATE POLICY allocations_tenant ON allocations USING (lowlayer_sees(tenant));

ALTER TABLE drift_findings ENABLE ROW LEVEL SECURITY;
ALTER TABLE drift_findings FORCE ROW LEVEL SECURITY;
CREATE POLICY drift_findings_tenant ON drift_findings USING (lowlayer_sees(tenant));

ALTER TABLE isolation_reports ENABLE ROW LEVEL SECURITY;
ALTER TABLE isolation_reports FORCE ROW LEVEL SECURITY;
CREATE POLICY isolation_reports_tenant ON isolation_reports USING (lowlayer_sees(tenant));

ALTER TABLE suspensions ENABLE ROW LEVEL SECURITY;
ALTER TABLE suspensions FORCE ROW LEVEL SECURITY;
CREATE POLICY suspensions_tenant ON suspensions USING (lowlayer_sees(split_part(resource, '/', 2)));
