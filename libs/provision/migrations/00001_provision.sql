-- +goose Up

-- One row for each resource the engine looks after; services join it in their reads.
CREATE TABLE provision_resources (
    uid                 text        NOT NULL,
    kind                text        NOT NULL,
    name                text        NOT NULL,
    tenant              text        NOT NULL,
    verb                text        NOT NULL,
    state               text        NOT NULL,
    transient_state     text        NOT NULL,
    final_state         text        NOT NULL,
    conditions          jsonb       NOT NULL DEFAULT '[]',
    blockage            jsonb,
    reconciling         boolean     NOT NULL,
    deleting            boolean     NOT NULL,
    generation          bigint      NOT NULL,
    observed_generation bigint      NOT NULL DEFAULT 0,
    current_operation   text,
    fence               bigint      NOT NULL DEFAULT 0,
    lease_holder        text,
    lease_until         timestamptz,
    wake_at             timestamptz NOT NULL,
    create_time         timestamptz NOT NULL,
    update_time         timestamptz NOT NULL,
    CONSTRAINT provision_resources_pkey PRIMARY KEY (uid),
    CONSTRAINT provision_resources_kind_name_key UNIQUE (kind, name),
    CONSTRAINT provision_resources_state_check CHECK (state IN
        ('CREATING', 'ACTIVE', 'UPDATING', 'REPAIRING', 'SUSPENDED', 'BLOCKED', 'DELETING', 'DELETED')),
    CONSTRAINT provision_resources_generation_check CHECK (generation >= observed_generation)
);
CREATE INDEX provision_resources_wake_at_idx ON provision_resources (wake_at) WHERE current_operation IS NOT NULL;

CREATE TABLE provision_operations (
    id               text        NOT NULL,
    tenant           text        NOT NULL,
    kind             text        NOT NULL,
    resource         text        NOT NULL,
    resource_uid     text        NOT NULL,
    verb             text        NOT NULL,
    state            text        NOT NULL,
    method           text        NOT NULL DEFAULT '',
    request_id       text        NOT NULL DEFAULT '',
    -- The request id while it is remembered: null once it may be used anew.
    request_key      text,
    request_digest   bytea,
    blockage         jsonb,
    error            jsonb,
    response         bytea,
    traceparent      text        NOT NULL DEFAULT '',
    cancel_requested boolean     NOT NULL DEFAULT false,
    detail           text        NOT NULL DEFAULT '',
    create_time      timestamptz NOT NULL,
    update_time      timestamptz NOT NULL,
    end_time         timestamptz,
    CONSTRAINT provision_operations_pkey PRIMARY KEY (id),
    CONSTRAINT provision_operations_tenant_method_request_key_key UNIQUE (tenant, method, request_key),
    CONSTRAINT provision_operations_state_check CHECK (state IN ('RUNNING', 'SUCCEEDED', 'CANCELLED', 'SUPERSEDED')),
    CONSTRAINT provision_operations_end_time_check CHECK ((state = 'RUNNING') = (end_time IS NULL))
);
CREATE INDEX provision_operations_tenant_create_time_idx ON provision_operations (tenant, create_time DESC, id DESC);
CREATE INDEX provision_operations_running_idx ON provision_operations (resource_uid) WHERE state = 'RUNNING';
CREATE INDEX provision_operations_end_time_idx ON provision_operations (end_time) WHERE end_time IS NOT NULL;
CREATE INDEX provision_operations_request_idx ON provision_operations (create_time) WHERE request_key IS NOT NULL;

CREATE TABLE provision_steps (
    operation         text        NOT NULL,
    name              text        NOT NULL,
    title             text        NOT NULL,
    ordinal           integer     NOT NULL,
    state             text        NOT NULL,
    attempts          integer     NOT NULL DEFAULT 0,
    failures          integer     NOT NULL DEFAULT 0,
    failing_since     timestamptz,
    start_time        timestamptz,
    end_time          timestamptz,
    retry_at          timestamptz,
    message           text        NOT NULL DEFAULT '',
    blockage          jsonb,
    cloud_request_ids text[]      NOT NULL DEFAULT '{}',
    child_operation   text        NOT NULL DEFAULT '',
    object_type       text        NOT NULL DEFAULT '',
    object_id         text        NOT NULL DEFAULT '',
    CONSTRAINT provision_steps_pkey PRIMARY KEY (operation, name),
    CONSTRAINT provision_steps_operation_fkey FOREIGN KEY (operation)
        REFERENCES provision_operations (id) ON DELETE CASCADE,
    CONSTRAINT provision_steps_state_check CHECK (state IN ('PENDING', 'RUNNING', 'DONE', 'RETRYING', 'SKIPPED'))
);

-- Every external object a resource has, may have, or has had too much of.
CREATE TABLE provision_ledger (
    resource_uid  text        NOT NULL,
    step          text        NOT NULL,
    -- Empty while no object is known: an intent, or a step that makes none.
    external_id   text        NOT NULL,
    object_type   text        NOT NULL,
    external_name text        NOT NULL DEFAULT '',
    attributes    jsonb       NOT NULL DEFAULT '{}',
    digest        text        NOT NULL,
    state         text        NOT NULL,
    needs         text[]      NOT NULL DEFAULT '{}',
    ordinal       integer     NOT NULL,
    -- An attempt began whose outcome is not recorded: look before doing it again.
    open          boolean     NOT NULL,
    -- When the object was first looked for since and not found.
    missed_time   timestamptz,
    verified      boolean     NOT NULL,
    deleted_time  timestamptz,
    create_time   timestamptz NOT NULL,
    update_time   timestamptz NOT NULL,
    -- When an attempt last began, or answered, so that nobody knew whether it was carried out; kept ever after.
    doubted_time  timestamptz,
    -- Until when such an attempt may still be carried out: not before is the last look for it.
    look_time     timestamptz,
    CONSTRAINT provision_ledger_pkey PRIMARY KEY (resource_uid, step, external_id),
    CONSTRAINT provision_ledger_resource_uid_fkey FOREIGN KEY (resource_uid) REFERENCES provision_resources (uid),
    CONSTRAINT provision_ledger_state_check CHECK (state IN ('INTENT', 'PRESENT', 'SURPLUS', 'DELETING', 'DOUBT'))
);
CREATE UNIQUE INDEX provision_ledger_step_key ON provision_ledger (resource_uid, step)
    WHERE state IN ('INTENT', 'PRESENT');

-- What a resource had and was seen to be gone: the lines of deletion receipts.
CREATE TABLE provision_receipts (
    resource_uid  text        NOT NULL,
    step          text        NOT NULL,
    external_id   text        NOT NULL,
    object_type   text        NOT NULL,
    external_name text        NOT NULL,
    operation     text        NOT NULL,
    gone_time     timestamptz NOT NULL,
    CONSTRAINT provision_receipts_pkey PRIMARY KEY (resource_uid, step, external_id)
);
CREATE INDEX provision_receipts_gone_time_idx ON provision_receipts (gone_time);

-- How long each step takes, for the time an operation should end.
CREATE TABLE provision_step_history (
    kind    text             NOT NULL,
    verb    text             NOT NULL,
    step    text             NOT NULL,
    ewma_ms double precision NOT NULL,
    samples bigint           NOT NULL,
    CONSTRAINT provision_step_history_pkey PRIMARY KEY (kind, verb, step)
);

-- Every write of a slice starts with this: it fails when the fence has moved on, and holds the row until the commit, so
-- that nobody can take the lease in between.
-- +goose StatementBegin
CREATE FUNCTION provision_guard(p_uid text, p_fence bigint, OUT operation text, OUT cancel boolean)
    LANGUAGE plpgsql AS $$
BEGIN
    SELECT r.current_operation, COALESCE(o.cancel_requested, false) INTO operation, cancel
      FROM provision_resources r LEFT JOIN provision_operations o ON o.id = r.current_operation
     WHERE r.uid = p_uid AND r.fence = p_fence
       FOR NO KEY UPDATE OF r;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'fence % of % has moved on', p_fence, p_uid USING ERRCODE = 'LL001';
    END IF;
END
$$;
-- +goose StatementEnd
