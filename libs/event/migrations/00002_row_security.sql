-- +goose Up

-- Whether the caller of a statement may see the rows of a tenant: the setting holds ids with commas between them, or * for work
-- that is nobody's call. Without it nothing is seen.
CREATE OR REPLACE FUNCTION lowlayer_sees(tenant text) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN current_setting('lowlayer.tenants', true) = '*'
        OR tenant = ANY (string_to_array(current_setting('lowlayer.tenants', true), ','));

ALTER TABLE event_sequences ENABLE ROW LEVEL SECURITY;
ALTER TABLE event_sequences FORCE ROW LEVEL SECURITY;
CREATE POLICY event_sequences_tenant ON event_sequences USING (lowlayer_sees(replace(tenant, 'tenants/', '')));

ALTER TABLE event_outbox ENABLE ROW LEVEL SECURITY;
ALTER TABLE event_outbox FORCE ROW LEVEL SECURITY;
CREATE POLICY event_outbox_tenant ON event_outbox USING (lowlayer_sees(replace(tenant, 'tenants/', '')));

ALTER TABLE event_inbox_parked ENABLE ROW LEVEL SECURITY;
ALTER TABLE event_inbox_parked FORCE ROW LEVEL SECURITY;
CREATE POLICY event_inbox_parked_tenant ON event_inbox_parked USING (lowlayer_sees(replace(tenant, 'tenants/', '')));
