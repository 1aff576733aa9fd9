-- +goose Up

-- A mirror of the groups of the user directory, so that reads need no directory. scope is the name of the tenant,
-- organisation or VPC that the roles are at.
CREATE TABLE members (
    uid          text NOT NULL CONSTRAINT members_pkey PRIMARY KEY,
    tenant_uid   text NOT NULL,
    scope        text COLLATE "C" NOT NULL,
    subject      text COLLATE "C" NOT NULL,
    name         text COLLATE "C" GENERATED ALWAYS AS (scope || '/members/' || subject) STORED,
    email        text NOT NULL,
    display_name text NOT NULL DEFAULT '',
    roles        text[] NOT NULL,
    revision     bigint NOT NULL,
    create_time  timestamptz NOT NULL,
    update_time  timestamptz NOT NULL,
    CONSTRAINT members_tenant_uid_fkey FOREIGN KEY (tenant_uid) REFERENCES tenants (uid) ON DELETE CASCADE,
    CONSTRAINT members_uid_check CHECK (uid ~ '^mbr_[0-9a-z]{26}$'),
    CONSTRAINT members_scope_subject_key UNIQUE (scope, subject),
    CONSTRAINT members_roles_check CHECK (cardinality(roles) > 0 AND roles <@ ARRAY['owner', 'admin', 'operator', 'viewer', 'billing']),
    CONSTRAINT members_revision_check CHECK (revision > 0)
);

CREATE INDEX members_tenant_uid_idx ON members (tenant_uid);

-- Accounts of programs. external_id is empty while the directory may or may not have the client: the row is committed first.
-- Secrets are never here.
CREATE TABLE service_accounts (
    uid           text NOT NULL CONSTRAINT service_accounts_pkey PRIMARY KEY,
    tenant_uid    text NOT NULL,
    scope         text COLLATE "C" NOT NULL,
    id            text COLLATE "C" NOT NULL,
    name          text COLLATE "C" GENERATED ALWAYS AS (scope || '/serviceAccounts/' || id) STORED,
    display_name  text NOT NULL DEFAULT '',
    roles         text[] NOT NULL,
    client_id     text NOT NULL,
    external_id   text NOT NULL DEFAULT '',
    subject       text NOT NULL DEFAULT '',
    expired       boolean NOT NULL DEFAULT false,
    expire_time   timestamptz NOT NULL,
    last_use_time timestamptz,
    revision      bigint NOT NULL,
    create_time   timestamptz NOT NULL,
    update_time   timestamptz NOT NULL,
    CONSTRAINT service_accounts_tenant_uid_fkey FOREIGN KEY (tenant_uid) REFERENCES tenants (uid) ON DELETE CASCADE,
    CONSTRAINT service_accounts_uid_check CHECK (uid ~ '^sac_[0-9a-z]{26}$'),
    CONSTRAINT service_accounts_id_check CHECK (id ~ '^[a-z][a-z0-9-]{0,38}[a-z0-9]$'),
    CONSTRAINT service_accounts_scope_id_key UNIQUE (scope, id),
    CONSTRAINT service_accounts_client_id_key UNIQUE (client_id),
    CONSTRAINT service_accounts_roles_check CHECK (cardinality(roles) > 0 AND roles <@ ARRAY['owner', 'admin', 'operator', 'viewer', 'billing']),
    CONSTRAINT service_accounts_external_id_check CHECK ((external_id = '') = (subject = '')),
    CONSTRAINT service_accounts_expire_time_check CHECK (expire_time > create_time),
    CONSTRAINT service_accounts_revision_check CHECK (revision > 0)
);

CREATE INDEX service_accounts_tenant_uid_idx ON service_accounts (tenant_uid);
CREATE INDEX service_accounts_expire_time_idx ON service_accounts (expire_time) WHERE NOT expired;

-- What calls that change members ended with, for those that repeat them: a name, never a secret.
CREATE TABLE member_requests (
    tenant_uid  text NOT NULL,
    method      text NOT NULL,
    request_id  text NOT NULL,
    digest      bytea NOT NULL,
    name        text NOT NULL,
    create_time timestamptz NOT NULL,
    CONSTRAINT member_requests_pkey PRIMARY KEY (tenant_uid, method, request_id),
    CONSTRAINT member_requests_tenant_uid_fkey FOREIGN KEY (tenant_uid) REFERENCES tenants (uid) ON DELETE CASCADE,
    CONSTRAINT member_requests_request_id_check CHECK (request_id <> '')
);

CREATE INDEX member_requests_create_time_idx ON member_requests (create_time);
