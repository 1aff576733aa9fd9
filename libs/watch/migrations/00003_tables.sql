-- +goose Up

-- Hides the rows of a table from callers of other tenants. p_tenant is the column, or another SQL expression over a row, that holds
-- the tenant's id.
-- +goose StatementBegin
CREATE FUNCTION lowlayer_protect(p_table regclass, p_tenant text DEFAULT 'tenant') RETURNS void
    LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', p_table);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', p_table);
    EXECUTE format('CREATE POLICY %I ON %s USING (lowlayer_sees(%s))',
        (SELECT relname FROM pg_class WHERE oid = p_table) || '_tenant', p_table, p_tenant);
END
$$;
-- +goose StatementEnd

-- Notes the change of a row whose column `name` is a resource name (tenants/ID/…).
-- +goose StatementBegin
CREATE FUNCTION lowlayer_watch_row() RETURNS trigger
    LANGUAGE plpgsql AS $$
DECLARE
    name text := to_jsonb(coalesce(NEW, OLD)) ->> 'name';
BEGIN
    PERFORM watch_note(split_part(name, '/', 2), TG_ARGV[0], name, name,
        CASE TG_OP WHEN 'INSERT' THEN 'ADDED' WHEN 'DELETE' THEN 'DELETED' ELSE 'CHANGED' END);
    RETURN NULL;
END
$$;
-- +goose StatementEnd

-- Puts the changes of a table's resources into the log of changes; p_type is their type.
-- +goose StatementBegin
CREATE FUNCTION lowlayer_watch(p_table regclass, p_type text) RETURNS void
    LANGUAGE plpgsql AS $$
DECLARE
    trigger text := (SELECT relname FROM pg_class WHERE oid = p_table) || '_watch';
BEGIN
    EXECUTE format('CREATE CONSTRAINT TRIGGER %I AFTER INSERT OR DELETE ON %s DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
        EXECUTE FUNCTION lowlayer_watch_row(%L)', trigger, p_table, p_type);
    EXECUTE format('CREATE CONSTRAINT TRIGGER %I AFTER UPDATE ON %s DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
        WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION lowlayer_watch_row(%L)', trigger || '_update', p_table, p_type);
END
$$;
-- +goose StatementEnd

-- Makes a table that of a resource: SELECT lowlayer_resource('vpcs', 'vpc').
-- +goose StatementBegin
CREATE FUNCTION lowlayer_resource(p_table regclass, p_type text) RETURNS void
    LANGUAGE plpgsql AS $$
BEGIN
    PERFORM lowlayer_protect(p_table), lowlayer_watch(p_table, p_type);
END
$$;
-- +goose StatementEnd
