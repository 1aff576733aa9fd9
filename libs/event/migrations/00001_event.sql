-- +goose Up
CREATE TABLE event_sequences (
	source text   NOT NULL,
	tenant text   NOT NULL,
	last   bigint NOT NULL,
	CONSTRAINT event_sequences_pkey PRIMARY KEY (source, tenant)
);

CREATE TABLE event_outbox (
	position     bigint      GENERATED ALWAYS AS IDENTITY,
	id           text        NOT NULL,
	source       text        NOT NULL,
	tenant       text        NOT NULL,
	sequence     bigint      NOT NULL,
	payload      bytea       NOT NULL,
	created_at   timestamptz NOT NULL,
	published_at timestamptz,
	CONSTRAINT event_outbox_pkey PRIMARY KEY (position),
	CONSTRAINT event_outbox_id_key UNIQUE (id),
	CONSTRAINT event_outbox_source_tenant_sequence_key UNIQUE (source, tenant, sequence)
);

CREATE INDEX event_outbox_waiting_idx ON event_outbox (position) WHERE published_at IS NULL;
CREATE INDEX event_outbox_published_at_idx ON event_outbox (published_at) WHERE published_at IS NOT NULL;

-- The newest entry of each stream: a stream whose newest is older has lost data.
CREATE TABLE event_streams (
	source text NOT NULL,
	newest text NOT NULL,
	CONSTRAINT event_streams_pkey PRIMARY KEY (source)
);

CREATE TABLE event_inbox (
	id         text        NOT NULL,
	source     text        NOT NULL,
	handled_at timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT event_inbox_pkey PRIMARY KEY (id)
);

CREATE INDEX event_inbox_handled_at_idx ON event_inbox (handled_at);

CREATE TABLE event_inbox_parked (
	id        text        NOT NULL,
	source    text        NOT NULL,
	type      text        NOT NULL,
	tenant    text        NOT NULL,
	sequence  bigint      NOT NULL,
	payload   bytea       NOT NULL,
	attempts  integer     NOT NULL,
	error     text        NOT NULL,
	parked_at timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT event_inbox_parked_pkey PRIMARY KEY (id)
);

-- Raised by each replica that takes over; a transaction of the one before then fails.
CREATE TABLE event_consumer_epoch (
	one   boolean NOT NULL DEFAULT true,
	epoch bigint  NOT NULL,
	CONSTRAINT event_consumer_epoch_pkey PRIMARY KEY (one),
	CONSTRAINT event_consumer_epoch_one_check CHECK (one)
);

INSERT INTO event_consumer_epoch (epoch) VALUES (0);
