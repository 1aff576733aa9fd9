-- +goose Up

-- True when an owner had the account made: nobody below knew its first password.
ALTER TABLE members ADD COLUMN vouched boolean NOT NULL DEFAULT false;

-- Of which VPC the roles at a scope are: its id may be another one's later, which those who had roles there must not get into.
CREATE TABLE member_vpcs (
    scope      text COLLATE "C" NOT NULL CONSTRAINT member_vpcs_pkey PRIMARY KEY,
    tenant_uid text NOT NULL,
    vpc_uid    text NOT NULL,
    CONSTRAINT member_vpcs_tenant_uid_fkey FOREIGN KEY (tenant_uid) REFERENCES tenants (uid) ON DELETE CASCADE,
    CONSTRAINT member_vpcs_vpc_uid_check CHECK (vpc_uid <> '')
);

CREATE INDEX member_vpcs_tenant_uid_idx ON member_vpcs (tenant_uid);
