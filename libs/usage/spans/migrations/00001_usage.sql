-- +goose Up

-- The open spans of the service's resources: their usage as the last state change left it.
CREATE TABLE usage_open (
    tenant       text        NOT NULL,
    resource     text        NOT NULL,
    resource_uid text        NOT NULL,
    meter        text        NOT NULL,
    mode         text        NOT NULL,
    quantity     bigint      NOT NULL,
    start_time   timestamptz NOT NULL,
    CONSTRAINT usage_open_pkey PRIMARY KEY (resource_uid, meter, mode),
    CONSTRAINT usage_open_quantity_check CHECK (quantity > 0),
    CONSTRAINT usage_open_start_time_check CHECK (start_time = date_trunc('second', start_time))
);
SELECT lowlayer_protect('usage_open');
