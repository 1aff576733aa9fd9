-- +goose Up

-- The tenants there are. Usage before since_time is that of an earlier tenant of the same id.
CREATE TABLE tenants (
    tenant     text        NOT NULL,
    uid        text        NOT NULL,
    since_time timestamptz NOT NULL,
    CONSTRAINT tenants_pkey PRIMARY KEY (tenant)
);
SELECT lowlayer_protect('tenants');

CREATE TABLE price_books (
    id             text        NOT NULL,
    region         text        NOT NULL,
    currency       text        NOT NULL,
    effective_time timestamptz NOT NULL,
    content        text        NOT NULL,
    digest         text        NOT NULL,
    publish_time   timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT price_books_pkey PRIMARY KEY (id),
    CONSTRAINT price_books_effective_time_key UNIQUE (region, currency, effective_time)
);

-- +goose StatementBegin
CREATE FUNCTION price_books_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'price book % is published and never changes', OLD.id USING ERRCODE = 'check_violation', CONSTRAINT = 'price_books_immutable_check';
END
$$;
-- +goose StatementEnd
CREATE TRIGGER price_books_immutable BEFORE UPDATE OR DELETE ON price_books FOR EACH ROW EXECUTE FUNCTION price_books_immutable();

-- Spans that last. They are few: one for each meter of each resource.
CREATE TABLE open_spans (
    tenant       text        NOT NULL,
    resource     text        NOT NULL,
    resource_uid text        NOT NULL,
    meter        text        NOT NULL,
    mode         text        NOT NULL,
    quantity     bigint      NOT NULL,
    start_time   timestamptz NOT NULL,
    CONSTRAINT open_spans_pkey PRIMARY KEY (tenant, resource_uid, meter, mode),
    CONSTRAINT open_spans_quantity_check CHECK (quantity > 0)
);
SELECT lowlayer_protect('open_spans');

-- Spans that have ended, cut at the months of UTC. Rows are never changed. Without a key an insert touches no random page: the inbox
-- refuses an event that was stored.
CREATE TABLE spans (
    tenant       text        NOT NULL,
    resource     text        NOT NULL,
    resource_uid text        NOT NULL,
    meter        text        NOT NULL,
    mode         text        NOT NULL,
    quantity     bigint      NOT NULL,
    start_time   timestamptz NOT NULL,
    end_time     timestamptz NOT NULL,
    CONSTRAINT spans_quantity_check CHECK (quantity > 0),
    CONSTRAINT spans_end_time_check CHECK (end_time > start_time)
) PARTITION BY RANGE (start_time);
CREATE INDEX spans_tenant_idx ON spans (tenant, start_time);
SELECT lowlayer_protect('spans');

-- Makes the partition of the month of a time, unless it is there. The service itself may make no tables.
-- +goose StatementBegin
CREATE FUNCTION spans_partition(at timestamptz) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    first timestamp := date_trunc('month', at AT TIME ZONE 'UTC');
    partition text := 'spans_' || to_char(first, 'YYYY_MM');
BEGIN
    IF to_regclass(partition) IS NOT NULL THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('spans_partition', 0));
    IF to_regclass(partition) IS NULL THEN
        EXECUTE format('CREATE TABLE %I PARTITION OF spans FOR VALUES FROM (%L) TO (%L)', partition,
            first AT TIME ZONE 'UTC', (first + interval '1 month') AT TIME ZONE 'UTC');
        PERFORM lowlayer_protect(partition::regclass);
    END IF;
END
$$;
-- +goose StatementEnd
