-- +goose Up

-- Whether the caller of a statement may see the rows of a tenant; the other sets of tables have it too.
-- +goose StatementBegin
DO $do$
BEGIN
    IF to_regprocedure('lowlayer_sees(text)') IS NULL THEN
        CREATE FUNCTION lowlayer_sees(tenant text) RETURNS boolean
            LANGUAGE sql STABLE PARALLEL SAFE
            RETURN current_setting('lowlayer.tenants', true) = '*'
                OR tenant = ANY (string_to_array(current_setting('lowlayer.tenants', true), ','));
    END IF;
END
$do$;
-- +goose StatementEnd

-- The last change of each tenant, by its id. The row is kept when the tenant is gone: no number is given twice.
CREATE TABLE watch_sequences (
    tenant text   NOT NULL,
    last   bigint NOT NULL,
    -- Changes up to here are not told any more: they are pruned, or of an earlier tenant of the same id.
    floor  bigint NOT NULL DEFAULT 0,
    CONSTRAINT watch_sequences_pkey PRIMARY KEY (tenant),
    CONSTRAINT watch_sequences_floor_check CHECK (floor BETWEEN 0 AND last)
);

-- That something changed, not what it is now: whoever is told reads that.
CREATE TABLE watch_changes (
    tenant      text        NOT NULL,
    sequence    bigint      NOT NULL,
    kind        text        NOT NULL,
    type        text        NOT NULL,
    name        text        NOT NULL,
    -- The resource that decides who may see the change: itself, or what an operation works on.
    subject     text        NOT NULL,
    change_time timestamptz NOT NULL,
    transaction xid8        NOT NULL,
    CONSTRAINT watch_changes_pkey PRIMARY KEY (tenant, sequence),
    CONSTRAINT watch_changes_kind_check CHECK (kind IN ('ADDED', 'CHANGED', 'DELETED')),
    -- A transaction that changes a resource more than once is one change of it.
    CONSTRAINT watch_changes_transaction_key UNIQUE (transaction, tenant, type, name)
);
CREATE INDEX watch_changes_change_time_idx ON watch_changes (change_time);

ALTER TABLE watch_sequences ENABLE ROW LEVEL SECURITY;
ALTER TABLE watch_sequences FORCE ROW LEVEL SECURITY;
CREATE POLICY watch_sequences_tenant ON watch_sequences USING (lowlayer_sees(tenant));

ALTER TABLE watch_changes ENABLE ROW LEVEL SECURITY;
ALTER TABLE watch_changes FORCE ROW LEVEL SECURITY;
CREATE POLICY watch_changes_tenant ON watch_changes USING (lowlayer_sees(tenant));

-- Notes a change. Call it from deferred triggers alone: from the number's being taken to the end of the transaction the tenant's
-- other changes wait, and at the commit there is nothing left to wait for. So numbers are committed in order and without gaps.
-- +goose StatementBegin
CREATE FUNCTION watch_note(p_tenant text, p_type text, p_name text, p_subject text, p_kind text) RETURNS void
    LANGUAGE plpgsql AS $$
DECLARE
    next bigint;
BEGIN
    UPDATE watch_changes SET kind = CASE WHEN p_kind = 'CHANGED' THEN kind ELSE p_kind END
     WHERE transaction = pg_current_xact_id() AND tenant = p_tenant AND type = p_type AND name = p_name;
    IF FOUND THEN
        RETURN;
    END IF;
    INSERT INTO watch_sequences AS s (tenant, last) VALUES (p_tenant, 1)
        ON CONFLICT (tenant) DO UPDATE SET last = s.last + 1
        RETURNING last INTO next;
    INSERT INTO watch_changes (tenant, sequence, kind, type, name, subject, change_time, transaction)
        VALUES (p_tenant, next, p_kind, p_type, p_name, p_subject, clock_timestamp(), pg_current_xact_id());
    PERFORM pg_notify('lowlayer_watch', p_tenant);
END
$$;
-- +goose StatementEnd

-- Begins a tenant: what was told of an earlier one of its id is not told any more.
-- +goose StatementBegin
CREATE FUNCTION watch_begin(p_tenant text) RETURNS void
    LANGUAGE sql AS $$
    INSERT INTO watch_sequences AS s (tenant, last) VALUES (p_tenant, 0)
        ON CONFLICT (tenant) DO UPDATE SET floor = s.last;
$$;
-- +goose StatementEnd
