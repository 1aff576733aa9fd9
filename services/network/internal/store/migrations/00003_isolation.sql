-- +goose Up

-- What the cloud was last seen to hold, as compressed JSON, for the questions that are asked of it. One row.
CREATE TABLE observations (
    id           smallint    NOT NULL DEFAULT 1,
    observe_time timestamptz NOT NULL,
    content      bytea       NOT NULL,
    CONSTRAINT observations_pkey PRIMARY KEY (id),
    CONSTRAINT observations_id_check CHECK (id = 1)
);

-- The isolation report of each tenant by the last observation; that of the operator has the empty tenant.
CREATE TABLE isolation_reports (
    tenant       text        NOT NULL,
    observe_time timestamptz NOT NULL,
    verdict      text        NOT NULL,
    report       jsonb       NOT NULL,
    CONSTRAINT isolation_reports_pkey PRIMARY KEY (tenant),
    CONSTRAINT isolation_reports_verdict_check CHECK (verdict IN ('VERIFIED', 'VIOLATED', 'UNSETTLED'))
);
