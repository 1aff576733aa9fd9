-- +goose Up

-- Whether the caller of a statement may see the rows of a tenant: the setting holds ids with commas between them, or * for work
-- of the platform itself. Without it no row is visible.
CREATE OR REPLACE FUNCTION lowlayer_sees(tenant text) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN current_setting('lowlayer.tenants', true) = '*'
        OR tenant = ANY (string_to_array(current_setting('lowlayer.tenants', true), ','));

-- The results of calls with a request_id, for a day: the name of an operation or a resource, never a secret.
CREATE TABLE replays (
    tenant      text        NOT NULL,
    method      text        NOT NULL,
    request_id  text        NOT NULL,
    digest      bytea       NOT NULL,
    result      text        NOT NULL,
    create_time timestamptz NOT NULL,
    CONSTRAINT replays_pkey PRIMARY KEY (tenant, method, request_id),
    CONSTRAINT replays_request_id_check CHECK (request_id <> ''),
    CONSTRAINT replays_result_check CHECK (result <> '')
);
CREATE INDEX replays_create_time_idx ON replays (tenant, create_time);

ALTER TABLE replays ENABLE ROW LEVEL SECURITY;
ALTER TABLE replays FORCE ROW LEVEL SECURITY;
CREATE POLICY replays_tenant ON replays USING (lowlayer_sees(tenant));

-- Calls of the last day that the engine remembered by itself.
-- +goose StatementBegin
DO $$
BEGIN
    IF to_regclass('provision_operations') IS NOT NULL THEN
        PERFORM set_config('lowlayer.tenants', '*', true);
        INSERT INTO replays (tenant, method, request_id, digest, result, create_time)
        SELECT tenant, method, request_key, request_digest, 'tenants/' || tenant || '/operations/' || id, create_time
          FROM provision_operations WHERE request_key IS NOT NULL AND request_digest IS NOT NULL AND create_time > now() - interval '24 hours';
    END IF;
END $$;
-- +goose StatementEnd
