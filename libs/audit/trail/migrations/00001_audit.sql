-- +goose Up

-- Where the chain of each tenant ends. The row is locked by whoever appends, so records follow one another.
CREATE TABLE audit_heads (
    tenant_uid  text        NOT NULL,
    tenant      text        NOT NULL,
    sequence    bigint      NOT NULL,
    hash        text        NOT NULL,
    create_time timestamptz NOT NULL,
    update_time timestamptz NOT NULL,
    CONSTRAINT audit_heads_pkey PRIMARY KEY (tenant_uid),
    CONSTRAINT audit_heads_sequence_check CHECK (sequence >= 0),
    CONSTRAINT audit_heads_hash_check CHECK (hash ~ '^([0-9a-f]{64})?$' AND (hash = '') = (sequence = 0))
);
CREATE INDEX audit_heads_tenant_idx ON audit_heads (tenant, create_time DESC);

-- What counts is payload; the other columns repeat what it says, to be filtered by.
CREATE TABLE audit_records (
    id          text        NOT NULL,
    tenant_uid  text        NOT NULL,
    sequence    bigint      NOT NULL,
    create_time timestamptz NOT NULL,
    actor       text        NOT NULL,
    email       text        NOT NULL,
    method      text        NOT NULL,
    resource    text        NOT NULL,
    code        text        NOT NULL,
    reason      text        NOT NULL,
    request_id  text        NOT NULL,
    -- The bytes that were hashed, as they were hashed.
    payload     bytea       NOT NULL,
    hash        text        NOT NULL,
    CONSTRAINT audit_records_pkey PRIMARY KEY (id),
    CONSTRAINT audit_records_tenant_uid_sequence_key UNIQUE (tenant_uid, sequence),
    CONSTRAINT audit_records_tenant_uid_fkey FOREIGN KEY (tenant_uid) REFERENCES audit_heads (tenant_uid),
    CONSTRAINT audit_records_sequence_check CHECK (sequence > 0),
    CONSTRAINT audit_records_hash_check CHECK (hash ~ '^[0-9a-f]{64}$')
);

CREATE INDEX audit_records_tenant_uid_create_time_idx ON audit_records (tenant_uid, create_time DESC, id DESC);

-- +goose StatementBegin
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION audit_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.tenant_uid = OLD.tenant_uid AND NEW.tenant = OLD.tenant AND NEW.create_time = OLD.create_time
        AND (NEW.sequence = OLD.sequence + 1 OR (NEW.sequence = OLD.sequence AND NEW.hash = OLD.hash)) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a head of the audit trail goes forward by one record' USING ERRCODE = 'insufficient_privilege';
END
$$;
-- +goose StatementEnd

CREATE TRIGGER audit_records_append_only BEFORE UPDATE OR DELETE ON audit_records FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_records_no_truncate BEFORE TRUNCATE ON audit_records FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_heads_forward BEFORE UPDATE ON audit_heads FOR EACH ROW EXECUTE FUNCTION audit_forward();
CREATE TRIGGER audit_heads_keep BEFORE DELETE ON audit_heads FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_heads_no_truncate BEFORE TRUNCATE ON audit_heads FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
