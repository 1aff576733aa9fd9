-- +goose Up

-- What the API shows of a resource's work, and of operations, goes into the log of changes (libs/watch).

-- +goose StatementBegin
CREATE FUNCTION provision_watch_resource() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM watch_note(NEW.tenant, NEW.kind, NEW.name, NEW.name, 'CHANGED');
    RETURN NULL;
END
$$;
-- +goose StatementEnd

-- The row begins and ends with the resource's own, which tells of that.
CREATE CONSTRAINT TRIGGER provision_resources_watch AFTER UPDATE ON provision_resources DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((OLD.state, OLD.conditions, OLD.blockage, OLD.reconciling) IS DISTINCT FROM (NEW.state, NEW.conditions, NEW.blockage, NEW.reconciling))
    EXECUTE FUNCTION provision_watch_resource();

-- +goose StatementBegin
CREATE FUNCTION provision_watch_operation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM watch_note(NEW.tenant, 'operation', 'tenants/' || NEW.tenant || '/operations/' || NEW.id, NEW.resource,
        CASE TG_OP WHEN 'INSERT' THEN 'ADDED' ELSE 'CHANGED' END);
    RETURN NULL;
END
$$;
-- +goose StatementEnd

CREATE CONSTRAINT TRIGGER provision_operations_watch_insert AFTER INSERT ON provision_operations DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION provision_watch_operation();
CREATE CONSTRAINT TRIGGER provision_operations_watch_update AFTER UPDATE ON provision_operations DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((OLD.state, OLD.blockage, OLD.error, OLD.cancel_requested, OLD.receipt) IS DISTINCT FROM (NEW.state, NEW.blockage, NEW.error, NEW.cancel_requested, NEW.receipt))
    EXECUTE FUNCTION provision_watch_operation();

-- +goose StatementBegin
CREATE FUNCTION provision_watch_step() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    o record;
BEGIN
    SELECT tenant, id, resource INTO o FROM provision_operations WHERE id = NEW.operation;
    IF FOUND THEN
        PERFORM watch_note(o.tenant, 'operation', 'tenants/' || o.tenant || '/operations/' || o.id, o.resource, 'CHANGED');
    END IF;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

CREATE CONSTRAINT TRIGGER provision_steps_watch_insert AFTER INSERT ON provision_steps DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION provision_watch_step();
CREATE CONSTRAINT TRIGGER provision_steps_watch_update AFTER UPDATE ON provision_steps DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((OLD.state, OLD.message, OLD.title, OLD.child_operation, OLD.object_id) IS DISTINCT FROM (NEW.state, NEW.message, NEW.title, NEW.child_operation, NEW.object_id))
    EXECUTE FUNCTION provision_watch_step();
