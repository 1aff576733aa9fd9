-- +goose Up

-- Equality of text beside overlap of addresses in one exclusion constraint.
CREATE EXTENSION IF NOT EXISTS btree_gist;

-- One per tenant: what all its networks are confined to. The state of every resource is in provision_resources, same uid.
CREATE TABLE boundaries (
    uid          text        NOT NULL,
    tenant       text        NOT NULL,
    tenant_uid   text        NOT NULL,
    network_cidr cidr        NOT NULL,
    cloud        jsonb       NOT NULL DEFAULT '{}',
    revision     bigint      NOT NULL DEFAULT 1,
    create_time  timestamptz NOT NULL,
    update_time  timestamptz NOT NULL,
    CONSTRAINT boundaries_pkey PRIMARY KEY (uid),
    CONSTRAINT boundaries_tenant_key UNIQUE (tenant),
    CONSTRAINT boundaries_tenant_uid_key UNIQUE (tenant_uid),
    CONSTRAINT boundaries_network_cidr_check CHECK (family(network_cidr) = 4 AND masklen(network_cidr) BETWEEN 8 AND 20)
);

-- The tenants and organisations that get nothing new, by name, as their own service tells. A table apart: the word may come
-- before the boundary or the hub does.
CREATE TABLE suspensions (
    resource   text        NOT NULL,
    since_time timestamptz NOT NULL,
    CONSTRAINT suspensions_pkey PRIMARY KEY (resource)
);

CREATE TABLE hubs (
    uid              text        NOT NULL,
    tenant           text        NOT NULL,
    organisation     text        NOT NULL,
    organisation_uid text        NOT NULL,
    project_id       text        NOT NULL,
    mode             text        NOT NULL,
    cidr             cidr        NOT NULL,
    cloud            jsonb       NOT NULL DEFAULT '{}',
    revision         bigint      NOT NULL DEFAULT 1,
    create_time      timestamptz NOT NULL,
    update_time      timestamptz NOT NULL,
    CONSTRAINT hubs_pkey PRIMARY KEY (uid),
    CONSTRAINT hubs_organisation_key UNIQUE (tenant, organisation),
    CONSTRAINT hubs_organisation_uid_key UNIQUE (organisation_uid),
    CONSTRAINT hubs_tenant_fkey FOREIGN KEY (tenant) REFERENCES boundaries (tenant),
    CONSTRAINT hubs_mode_check CHECK (mode IN ('MUTUALIZED', 'DEDICATED')),
    CONSTRAINT hubs_project_id_check CHECK (project_id <> '')
);

CREATE TABLE vpcs (
    uid           text        NOT NULL,
    tenant        text        NOT NULL,
    organisation  text        NOT NULL,
    vpc           text        NOT NULL,
    -- The resource name, kept so that filters and orders are plain columns.
    name          text        NOT NULL GENERATED ALWAYS AS
        ('tenants/' || tenant || '/organisations/' || organisation || '/vpcs/' || vpc) STORED,
    display_name  text        NOT NULL DEFAULT '',
    labels        jsonb       NOT NULL DEFAULT '{}',
    mode          text        NOT NULL,
    cidr          cidr        NOT NULL,
    transit_cidr  cidr        NOT NULL,
    ingress_rules jsonb       NOT NULL DEFAULT '[]',
    cloud         jsonb       NOT NULL DEFAULT '{}',
    revision      bigint      NOT NULL DEFAULT 1,
    create_time   timestamptz NOT NULL,
    update_time   timestamptz NOT NULL,
    CONSTRAINT vpcs_pkey PRIMARY KEY (uid),
    CONSTRAINT vpcs_name_key UNIQUE (name),
    CONSTRAINT vpcs_organisation_fkey FOREIGN KEY (tenant, organisation) REFERENCES hubs (tenant, organisation),
    CONSTRAINT vpcs_mode_check CHECK (mode IN ('MUTUALIZED', 'DEDICATED')),
    CONSTRAINT vpcs_transit_cidr_check CHECK (masklen(transit_cidr) = 30)
);
CREATE INDEX vpcs_organisation_idx ON vpcs (tenant, organisation, name);
CREATE INDEX vpcs_create_time_idx ON vpcs (tenant, create_time, name);

CREATE TABLE peerings (
    uid         text        NOT NULL,
    tenant      text        NOT NULL,
    peering     text        NOT NULL,
    name        text        NOT NULL GENERATED ALWAYS AS ('tenants/' || tenant || '/peerings/' || peering) STORED,
    vpc_uid     text        NOT NULL,
    peer_uid    text        NOT NULL,
    -- The names of both ends, which cannot change while the peering holds them.
    vpc         text        NOT NULL,
    peer_vpc    text        NOT NULL,
    acceptance  text        NOT NULL,
    link_cidr   cidr        NOT NULL,
    revision    bigint      NOT NULL DEFAULT 1,
    create_time timestamptz NOT NULL,
    update_time timestamptz NOT NULL,
    CONSTRAINT peerings_pkey PRIMARY KEY (uid),
    CONSTRAINT peerings_name_key UNIQUE (name),
    CONSTRAINT peerings_vpc_uid_fkey FOREIGN KEY (vpc_uid) REFERENCES vpcs (uid),
    CONSTRAINT peerings_peer_uid_fkey FOREIGN KEY (peer_uid) REFERENCES vpcs (uid),
    CONSTRAINT peerings_ends_check CHECK (vpc_uid <> peer_uid),
    CONSTRAINT peerings_acceptance_check CHECK (acceptance IN ('PENDING', 'ACCEPTED')),
    CONSTRAINT peerings_link_cidr_check CHECK (masklen(link_cidr) = 30)
);
-- Two VPCs are peered once, whichever of them asked.
CREATE UNIQUE INDEX peerings_pair_key ON peerings (least(vpc_uid, peer_uid), greatest(vpc_uid, peer_uid));
CREATE INDEX peerings_vpc_uid_idx ON peerings (vpc_uid);
CREATE INDEX peerings_peer_uid_idx ON peerings (peer_uid);

-- Every block of addresses a tenant has in use. That no two overlap is what keeps its networks apart.
CREATE TABLE allocations (
    tenant       text NOT NULL,
    cidr         cidr NOT NULL,
    purpose      text NOT NULL,
    resource     text NOT NULL,
    resource_uid text NOT NULL,
    CONSTRAINT allocations_pkey PRIMARY KEY (resource_uid, purpose),
    CONSTRAINT allocations_purpose_check CHECK (purpose IN ('hub', 'vpc', 'transit', 'peering')),
    CONSTRAINT allocations_tenant_cidr_excl EXCLUDE USING gist (tenant WITH =, cidr inet_ops WITH &&)
);

CREATE TABLE drift_findings (
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
-- One difference is one finding while it lasts, however often it is seen.
CREATE UNIQUE INDEX drift_findings_open_key ON drift_findings (resource_uid, kind, object_type, object_id)
    WHERE resolve_time IS NULL;
CREATE INDEX drift_findings_tenant_idx ON drift_findings (tenant, last_seen DESC, uid);
