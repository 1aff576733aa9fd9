-- +goose Up

-- The network service had this table before the library.
CREATE TABLE IF NOT EXISTS drift_findings (
    uid           text        NOT NULL,
    tenant        text        NOT NULL,
    resource      text        NOT NULL,
    resource_uid  text        NOT NULL,
    kind          text        NOT NULL,
    object_type   text        NOT NULL,
    object_id     text        NOT NULL,
    detail        text        NOT NULL,
    operation     text        NOT NULL DEFAULT '',
    first_seen    timestamptz NOT NULL,
    last_seen     timestamptz NOT NULL,
    resolve_time  timestamptz,
    CONSTRAINT drift_findings_pkey PRIMARY KEY (uid),
    CONSTRAINT drift_findings_kind_check CHECK (kind IN ('MISSING', 'CHANGED', 'FOREIGN'))
);
-- A difference is one finding as long as it lasts.
CREATE UNIQUE INDEX IF NOT EXISTS drift_findings_open_key ON drift_findings (resource_uid, kind, object_type, object_id)
    WHERE resolve_time IS NULL;
CREATE INDEX IF NOT EXISTS drift_findings_tenant_idx ON drift_findings (tenant, last_seen DESC, uid);
CREATE INDEX drift_findings_first_idx ON drift_findings (tenant, first_seen DESC, uid);
ALTER TABLE drift_findings ADD COLUMN differences jsonb NOT NULL DEFAULT '[]';

-- +goose StatementBegin
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_policy WHERE polname = 'drift_findings_tenant') THEN
        PERFORM lowlayer_protect('drift_findings');
    END IF;
END
$$;
-- +goose StatementEnd
