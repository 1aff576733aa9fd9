-- +goose Up

-- What changes goes into the log of changes (libs/watch): names alone, so nothing that is secret. With a new tenant everything that was told of an
-- earlier one of its id ends.

-- +goose StatementBegin
CREATE FUNCTION tenant_watch() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed jsonb := to_jsonb(coalesce(NEW, OLD));
    kind text := CASE TG_OP WHEN 'INSERT' THEN 'ADDED' WHEN 'DELETE' THEN 'DELETED' ELSE 'CHANGED' END;
    name text := changed ->> 'name';
    tenant text := split_part(name, '/', 2);
BEGIN
    IF TG_ARGV[0] = 'tenant' AND TG_OP = 'INSERT' THEN
        PERFORM watch_begin(tenant);
    END IF;
    -- What goes with its tenant is not told: the tenant's end is the last word on it.
    IF TG_ARGV[0] <> 'tenant' AND TG_OP = 'DELETE' AND NOT EXISTS (SELECT FROM tenants t WHERE t.uid = changed ->> 'tenant_uid') THEN
        RETURN NULL;
    END IF;
    -- An account is there once the directory has it.
    IF TG_ARGV[0] = 'serviceAccount' THEN
        IF changed ->> 'external_id' = '' THEN
            RETURN NULL;
        END IF;
        IF TG_OP = 'UPDATE' AND to_jsonb(OLD) ->> 'external_id' = '' THEN
            kind := 'ADDED';
        END IF;
    END IF;
    PERFORM watch_note(tenant, TG_ARGV[0], name, name, kind);
    RETURN NULL;
END
$$;
-- +goose StatementEnd

CREATE CONSTRAINT TRIGGER tenants_watch AFTER INSERT OR DELETE ON tenants DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION tenant_watch('tenant');
CREATE CONSTRAINT TRIGGER tenants_watch_update AFTER UPDATE ON tenants DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION tenant_watch('tenant');

CREATE CONSTRAINT TRIGGER organisations_watch AFTER INSERT OR DELETE ON organisations DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION tenant_watch('organisation');
CREATE CONSTRAINT TRIGGER organisations_watch_update AFTER UPDATE ON organisations DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION tenant_watch('organisation');

CREATE CONSTRAINT TRIGGER members_watch AFTER INSERT OR DELETE ON members DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION tenant_watch('member');
CREATE CONSTRAINT TRIGGER members_watch_update AFTER UPDATE ON members DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION tenant_watch('member');

CREATE CONSTRAINT TRIGGER service_accounts_watch AFTER INSERT OR DELETE ON service_accounts DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION tenant_watch('serviceAccount');
CREATE CONSTRAINT TRIGGER service_accounts_watch_update AFTER UPDATE ON service_accounts DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION tenant_watch('serviceAccount');
