-- +goose Up

-- Evidence for receipts. Null for what older versions recorded: a time that nobody noted is not made up.
ALTER TABLE provision_ledger
    -- When the object was first known: the answer that made it, or the list that showed it.
    ADD COLUMN made_time timestamptz,
    -- When it was last known to be there.
    ADD COLUMN seen_time timestamptz;

ALTER TABLE provision_receipts
    ADD COLUMN made_time timestamptz,
    ADD COLUMN seen_time timestamptz,
    -- Lines of older versions were all written for one of these two, and the first says less.
    ADD COLUMN proof     text NOT NULL DEFAULT 'DELETE_ANSWERED',
    ADD CONSTRAINT provision_receipts_proof_check CHECK (proof IN ('NOT_LISTED', 'DELETE_ANSWERED', 'NOT_FOUND'));

ALTER TABLE provision_operations ADD COLUMN receipt text NOT NULL DEFAULT '';

-- One signed document for each resource that is gone. It is kept: it is the proof.
CREATE TABLE provision_receipt_documents (
    id           text        NOT NULL,
    tenant       text        NOT NULL,
    kind         text        NOT NULL,
    resource     text        NOT NULL,
    resource_uid text        NOT NULL,
    operation    text        NOT NULL,
    request_time timestamptz NOT NULL,
    create_time  timestamptz NOT NULL,
    -- The bytes that were signed, as they were signed.
    payload      bytea       NOT NULL,
    payload_type text        NOT NULL,
    key_id       text        NOT NULL,
    signature    bytea       NOT NULL,
    CONSTRAINT provision_receipt_documents_pkey PRIMARY KEY (id),
    -- A uid is never used again, so it is removed once.
    CONSTRAINT provision_receipt_documents_resource_uid_key UNIQUE (resource_uid),
    CONSTRAINT provision_receipt_documents_create_time_check CHECK (create_time >= request_time)
);
CREATE INDEX provision_receipt_documents_tenant_create_time_idx ON provision_receipt_documents (tenant, create_time DESC, id DESC);
