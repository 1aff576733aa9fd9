-- +goose Up

-- What changes goes into the log of changes (libs/watch). The boundary is the tenant to this service: with a new one, and when
-- one goes, everything that was told before ends.

-- +goose StatementBegin
CREATE FUNCTION network_watch() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed jsonb := to_jsonb(coalesce(NEW, OLD));
    kind text := CASE TG_OP WHEN 'INSERT' THEN 'ADDED' WHEN 'DELETE' THEN 'DELETED' ELSE 'CHANGED' END;
    -- A hub has no name of its own.
    name text := coalesce(changed ->> 'name', 'tenants/' || (changed ->> 'tenant') || '/organisations/' || (changed ->> 'organisation') || '/hub');
BEGIN
    IF TG_ARGV[0] = 'boundary' THEN
        PERFORM watch_begin(changed ->> 'tenant');
    ELSE
        PERFORM watch_note(changed ->> 'tenant', TG_ARGV[0], name, name, kind);
    END IF;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

CREATE CONSTRAINT TRIGGER boundaries_watch AFTER INSERT OR DELETE ON boundaries DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION network_watch('boundary');

CREATE CONSTRAINT TRIGGER hubs_watch AFTER INSERT OR DELETE ON hubs DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION network_watch('hub');
CREATE CONSTRAINT TRIGGER hubs_watch_update AFTER UPDATE ON hubs DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION network_watch('hub');

CREATE CONSTRAINT TRIGGER vpcs_watch AFTER INSERT OR DELETE ON vpcs DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION network_watch('vpc');
CREATE CONSTRAINT TRIGGER vpcs_watch_update AFTER UPDATE ON vpcs DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION network_watch('vpc');

CREATE CONSTRAINT TRIGGER peerings_watch AFTER INSERT OR DELETE ON peerings DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION network_watch('peering');
CREATE CONSTRAINT TRIGGER peerings_watch_update AFTER UPDATE ON peerings DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION network_watch('peering');
