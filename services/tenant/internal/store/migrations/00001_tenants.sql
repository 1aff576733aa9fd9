-- +goose Up

-- Text is compared byte by byte, so that pages are cut the same way on every server.
CREATE TABLE tenants (
    uid                text NOT NULL CONSTRAINT tenants_pkey PRIMARY KEY,
    id                 text COLLATE "C" NOT NULL,
    name               text COLLATE "C" GENERATED ALWAYS AS ('tenants/' || id) STORED,
    display_name       text NOT NULL DEFAULT '',
    labels             jsonb NOT NULL DEFAULT '{}',
    network_cidr       cidr NOT NULL,
    suspended          boolean NOT NULL DEFAULT false,
    suspend_reason     text NOT NULL DEFAULT '',
    delete_time        timestamptz,
    purge_time         timestamptz,
    removing           boolean NOT NULL DEFAULT false,
    cascade            jsonb NOT NULL DEFAULT '[]',
    revision           bigint NOT NULL,
    announced_life     text NOT NULL DEFAULT '',
    announced_revision bigint NOT NULL DEFAULT 0,
    domain_id          text NOT NULL DEFAULT '',
    ready_time         timestamptz,
    create_time        timestamptz NOT NULL,
    update_time        timestamptz NOT NULL,
    CONSTRAINT tenants_uid_check CHECK (uid ~ '^ten_[0-9a-z]{26}$'),
    CONSTRAINT tenants_id_check CHECK (id ~ '^[a-z][a-z0-9-]{1,38}[a-z0-9]$'),
    CONSTRAINT tenants_id_key UNIQUE (id),
    CONSTRAINT tenants_labels_check CHECK (jsonb_typeof(labels) = 'object'),
    CONSTRAINT tenants_cascade_check CHECK (jsonb_typeof(cascade) = 'array'),
    CONSTRAINT tenants_network_cidr_check CHECK (family(network_cidr) = 4 AND masklen(network_cidr) BETWEEN 8 AND 20),
    CONSTRAINT tenants_revision_check CHECK (revision > 0 AND announced_revision <= revision),
    CONSTRAINT tenants_announced_life_check CHECK (announced_life IN ('', 'active', 'suspended', 'deleted')),
    -- A purge has an end date only while there is a way back, and nothing is removed that was not deleted.
    CONSTRAINT tenants_purge_time_check CHECK (purge_time IS NULL OR (delete_time IS NOT NULL AND NOT removing)),
    CONSTRAINT tenants_removing_check CHECK (NOT removing OR delete_time IS NOT NULL)
);

CREATE INDEX tenants_create_time_id_idx ON tenants (create_time, id);
CREATE INDEX tenants_purge_time_idx ON tenants (purge_time) WHERE purge_time IS NOT NULL;

CREATE TABLE organisations (
    uid                   text NOT NULL CONSTRAINT organisations_pkey PRIMARY KEY,
    tenant_uid            text NOT NULL,
    tenant_id             text COLLATE "C" NOT NULL,
    id                    text COLLATE "C" NOT NULL,
    name                  text COLLATE "C" GENERATED ALWAYS AS ('tenants/' || tenant_id || '/organisations/' || id) STORED,
    display_name          text NOT NULL DEFAULT '',
    labels                jsonb NOT NULL DEFAULT '{}',
    mode                  text NOT NULL,
    hub_cidr              cidr,
    quota                 jsonb NOT NULL DEFAULT '{}',
    vpcs                  jsonb NOT NULL DEFAULT '[]',
    delete_time           timestamptz,
    purge_time            timestamptz,
    deleted_with_tenant   boolean NOT NULL DEFAULT false,
    removing              boolean NOT NULL DEFAULT false,
    force                 boolean NOT NULL DEFAULT false,
    revision              bigint NOT NULL,
    announced_life        text NOT NULL DEFAULT '',
    announced_revision    bigint NOT NULL DEFAULT 0,
    project_id            text NOT NULL DEFAULT '',
    credential_generation bigint NOT NULL,
    ready_time            timestamptz,
    create_time           timestamptz NOT NULL,
    update_time           timestamptz NOT NULL,
    CONSTRAINT organisations_tenant_uid_fkey FOREIGN KEY (tenant_uid) REFERENCES tenants (uid),
    CONSTRAINT organisations_uid_check CHECK (uid ~ '^org_[0-9a-z]{26}$'),
    CONSTRAINT organisations_id_check CHECK (id ~ '^[a-z][a-z0-9-]{0,38}[a-z0-9]$'),
    CONSTRAINT organisations_tenant_uid_id_key UNIQUE (tenant_uid, id),
    CONSTRAINT organisations_labels_check CHECK (jsonb_typeof(labels) = 'object'),
    CONSTRAINT organisations_mode_check CHECK (mode IN ('MUTUALIZED', 'DEDICATED')),
    CONSTRAINT organisations_hub_cidr_check CHECK (hub_cidr IS NULL OR family(hub_cidr) = 4),
    CONSTRAINT organisations_quota_check CHECK (jsonb_typeof(quota) = 'object'),
    CONSTRAINT organisations_vpcs_check CHECK (jsonb_typeof(vpcs) = 'array' AND jsonb_array_length(vpcs) <= 32),
    CONSTRAINT organisations_revision_check CHECK (revision > 0 AND announced_revision <= revision),
    CONSTRAINT organisations_announced_life_check CHECK (announced_life IN ('', 'active', 'deleted')),
    CONSTRAINT organisations_credential_generation_check CHECK (credential_generation > 0),
    CONSTRAINT organisations_purge_time_check CHECK (purge_time IS NULL OR (delete_time IS NOT NULL AND NOT removing)),
    CONSTRAINT organisations_removing_check CHECK (NOT removing OR delete_time IS NOT NULL),
    CONSTRAINT organisations_deleted_with_tenant_check CHECK (NOT deleted_with_tenant OR delete_time IS NOT NULL)
);

CREATE INDEX organisations_tenant_id_create_time_id_idx ON organisations (tenant_id, create_time, id);
CREATE INDEX organisations_purge_time_idx ON organisations (purge_time) WHERE purge_time IS NOT NULL;

-- What follows holds secrets, sealed before they come here. They live apart from the rows that answers are made of.
CREATE TABLE service_users (
    organisation_uid text NOT NULL CONSTRAINT service_users_pkey PRIMARY KEY,
    password         bytea NOT NULL,
    CONSTRAINT service_users_organisation_uid_fkey FOREIGN KEY (organisation_uid) REFERENCES organisations (uid) ON DELETE CASCADE,
    CONSTRAINT service_users_password_check CHECK (octet_length(password) > 0)
);

CREATE TABLE credentials (
    organisation_uid text NOT NULL,
    generation       bigint NOT NULL,
    secret           bytea NOT NULL,
    external_id      text NOT NULL DEFAULT '',
    in_use           boolean NOT NULL DEFAULT false,
    create_time      timestamptz NOT NULL,
    expire_time      timestamptz NOT NULL,
    CONSTRAINT credentials_pkey PRIMARY KEY (organisation_uid, generation),
    CONSTRAINT credentials_organisation_uid_fkey FOREIGN KEY (organisation_uid) REFERENCES organisations (uid) ON DELETE CASCADE,
    CONSTRAINT credentials_generation_check CHECK (generation > 0),
    CONSTRAINT credentials_secret_check CHECK (octet_length(secret) > 0),
    CONSTRAINT credentials_in_use_check CHECK (NOT in_use OR external_id <> ''),
    CONSTRAINT credentials_expire_time_check CHECK (expire_time > create_time)
);

-- Exactly one credential is in use at a time: the new one takes over in the statement that retires the old one.
CREATE UNIQUE INDEX credentials_organisation_uid_in_use_key ON credentials (organisation_uid) WHERE in_use;
CREATE INDEX credentials_expire_time_idx ON credentials (expire_time) WHERE in_use;
