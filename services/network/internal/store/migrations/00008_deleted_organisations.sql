-- +goose Up

-- When a deleted organisation is removed for good; null where that is not known, and of what is only suspended.
ALTER TABLE suspensions ADD COLUMN purge_time timestamptz;

-- The hub and the VPCs of an organisation show that it is deleted, so its deletion and its return are changes of them.
-- +goose StatementBegin
CREATE FUNCTION network_watch_suspension() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed text := coalesce(NEW.resource, OLD.resource);
    of_tenant text := split_part(changed, '/', 2);
    of_organisation text := split_part(changed, '/', 4);
BEGIN
    PERFORM watch_note(h.tenant, 'hub', changed || '/hub', changed || '/hub', 'CHANGED')
       FROM hubs h WHERE h.tenant = of_tenant AND h.organisation = of_organisation;
    PERFORM watch_note(v.tenant, 'vpc', v.name, v.name, 'CHANGED')
       FROM vpcs v WHERE v.tenant = of_tenant AND v.organisation = of_organisation;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

CREATE CONSTRAINT TRIGGER suspensions_watch AFTER INSERT OR DELETE ON suspensions DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION network_watch_suspension();
