-- +goose Up

-- A commit changes many steps of one operation, which is one change of it: the first step of a transaction tells it, and leaves
-- word for the others in a setting that ends with the transaction.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION provision_watch_step() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    o record;
BEGIN
    IF current_setting('lowlayer.told_operation', true) = NEW.operation THEN
        RETURN NULL;
    END IF;
    SELECT tenant, id, resource INTO o FROM provision_operations WHERE id = NEW.operation;
    IF FOUND THEN
        PERFORM watch_note(o.tenant, 'operation', 'tenants/' || o.tenant || '/operations/' || o.id, o.resource, 'CHANGED');
    END IF;
    PERFORM set_config('lowlayer.told_operation', NEW.operation, true);
    RETURN NULL;
END
$$;
-- +goose StatementEnd
