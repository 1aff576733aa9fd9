-- +goose Up

-- Whether the caller of a statement may see the rows of a tenant: the setting holds ids with commas between them, or * for work
-- that is nobody's call. Without it nothing is seen.
CREATE OR REPLACE FUNCTION lowlayer_sees(tenant text) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN current_setting('lowlayer.tenants', true) = '*'
        OR tenant = ANY (string_to_array(current_setting('lowlayer.tenants', true), ','));

-- One row for each limit of a place, which is a tenant or an organisation by its name. The counts are those of the reservations:
-- triggers keep them, and nothing else can.
CREATE TABLE quota_limits (
    tenant         text        NOT NULL,
    place          text        NOT NULL,
    resource       text        NOT NULL,
    -- What the platform gives; unknown when nobody has said it yet, and then nothing is refused.
    platform_limit bigint,
    -- What an operator set for this place instead.
    override_limit bigint,
    in_use         bigint      NOT NULL DEFAULT 0,
    reserved       bigint      NOT NULL DEFAULT 0,
    revision       bigint      NOT NULL DEFAULT 1,
    update_time    timestamptz NOT NULL,
    CONSTRAINT quota_limits_pkey PRIMARY KEY (tenant, place, resource),
    CONSTRAINT quota_limits_place_check CHECK (place = 'tenants/' || tenant OR starts_with(place, 'tenants/' || tenant || '/')),
    CONSTRAINT quota_limits_resource_check CHECK (resource <> ''),
    CONSTRAINT quota_limits_platform_limit_check CHECK (platform_limit >= 0),
    CONSTRAINT quota_limits_override_limit_check CHECK (override_limit >= 0),
    CONSTRAINT quota_limits_in_use_check CHECK (in_use >= 0),
    CONSTRAINT quota_limits_reserved_check CHECK (reserved >= 0)
);

-- What one resource of the service holds of a limit, from its order to its end.
CREATE TABLE quota_reservations (
    holder      text        NOT NULL,
    tenant      text        NOT NULL,
    place       text        NOT NULL,
    resource    text        NOT NULL,
    amount      bigint      NOT NULL,
    state       text        NOT NULL,
    create_time timestamptz NOT NULL,
    CONSTRAINT quota_reservations_pkey PRIMARY KEY (holder, place, resource),
    CONSTRAINT quota_reservations_limit_fkey FOREIGN KEY (tenant, place, resource) REFERENCES quota_limits (tenant, place, resource),
    CONSTRAINT quota_reservations_holder_check CHECK (holder <> ''),
    CONSTRAINT quota_reservations_amount_check CHECK (amount > 0),
    CONSTRAINT quota_reservations_state_check CHECK (state IN ('RESERVED', 'IN_USE'))
);
CREATE INDEX quota_reservations_limit_idx ON quota_reservations (tenant, place, resource);

-- Changes of limits that may be asked for again, with what was answered.
CREATE TABLE quota_requests (
    tenant      text        NOT NULL,
    request_id  text        NOT NULL,
    digest      bytea       NOT NULL,
    answer      jsonb       NOT NULL,
    create_time timestamptz NOT NULL,
    CONSTRAINT quota_requests_pkey PRIMARY KEY (tenant, request_id)
);

-- A count that grows must fit, whoever lets it grow; one that shrinks or stays may lie above a limit that was lowered.
-- +goose StatementBegin
CREATE FUNCTION quota_limits_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- The trigger of a reservation is one level further out.
    IF pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION 'the counts of a quota are those of its reservations'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'quota_limits_counted_check', TABLE = 'quota_limits';
    END IF;
    IF NEW.in_use + NEW.reserved > OLD.in_use + OLD.reserved
       AND NEW.in_use + NEW.reserved > coalesce(NEW.override_limit, NEW.platform_limit) THEN
        RAISE EXCEPTION 'quota % of % has no room', NEW.resource, NEW.place
            USING ERRCODE = 'check_violation', CONSTRAINT = 'quota_limits_room_check', TABLE = 'quota_limits';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION quota_limits_empty() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a new quota counts nothing'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'quota_limits_counted_check', TABLE = 'quota_limits';
END $$;

CREATE FUNCTION quota_reservations_count() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    used bigint := 0;
    held bigint := 0;
    at   quota_reservations;
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.holder, NEW.tenant, NEW.place, NEW.resource, NEW.amount)
       IS DISTINCT FROM (OLD.holder, OLD.tenant, OLD.place, OLD.resource, OLD.amount) THEN
        RAISE EXCEPTION 'a reservation never changes but in its state'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'quota_reservations_fixed_check', TABLE = 'quota_reservations';
    END IF;
    IF TG_OP <> 'INSERT' THEN
        at := OLD;
        IF OLD.state = 'IN_USE' THEN used := -OLD.amount; ELSE held := -OLD.amount; END IF;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        at := NEW;
        IF NEW.state = 'IN_USE' THEN used := used + NEW.amount; ELSE held := held + NEW.amount; END IF;
    END IF;
    UPDATE quota_limits SET in_use = in_use + used, reserved = reserved + held
     WHERE tenant = at.tenant AND place = at.place AND resource = at.resource;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no quota % of %', at.resource, at.place;
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER quota_limits_guard BEFORE UPDATE ON quota_limits FOR EACH ROW
    WHEN (NEW.in_use <> OLD.in_use OR NEW.reserved <> OLD.reserved) EXECUTE FUNCTION quota_limits_guard();
CREATE TRIGGER quota_limits_empty BEFORE INSERT ON quota_limits FOR EACH ROW
    WHEN (NEW.in_use <> 0 OR NEW.reserved <> 0) EXECUTE FUNCTION quota_limits_empty();
CREATE TRIGGER quota_reservations_count AFTER INSERT OR UPDATE OR DELETE ON quota_reservations FOR EACH ROW
    EXECUTE FUNCTION quota_reservations_count();

ALTER TABLE quota_limits ENABLE ROW LEVEL SECURITY;
ALTER TABLE quota_limits FORCE ROW LEVEL SECURITY;
CREATE POLICY quota_limits_tenant ON quota_limits USING (lowlayer_sees(tenant));

ALTER TABLE quota_reservations ENABLE ROW LEVEL SECURITY;
ALTER TABLE quota_reservations FORCE ROW LEVEL SECURITY;
CREATE POLICY quota_reservations_tenant ON quota_reservations USING (lowlayer_sees(tenant));

ALTER TABLE quota_requests ENABLE ROW LEVEL SECURITY;
ALTER TABLE quota_requests FORCE ROW LEVEL SECURITY;
CREATE POLICY quota_requests_tenant ON quota_requests USING (lowlayer_sees(tenant));
