// Package watchtest has a watched table of things, for tests of followers.
package watchtest

import (
	"testing/fstest"

	"github.com/low-layer/platform/libs/pg"
)

const things = `-- +goose Up
CREATE TABLE things (
	tenant text NOT NULL, name text NOT NULL, value bigint NOT NULL,
	CONSTRAINT things_pkey PRIMARY KEY (tenant, name)
);

-- +goose StatementBegin
CREATE FUNCTION things_watch() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	changed jsonb := to_jsonb(coalesce(NEW, OLD));
BEGIN
	PERFORM watch_note(changed ->> 'tenant', 'thing', changed ->> 'name', changed ->> 'name',
		CASE TG_OP WHEN 'INSERT' THEN 'ADDED' WHEN 'DELETE' THEN 'DELETED' ELSE 'CHANGED' END);
	RETURN NULL;
END
$$;
-- +goose StatementEnd

CREATE CONSTRAINT TRIGGER things_watch AFTER INSERT OR DELETE ON things DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
	EXECUTE FUNCTION things_watch();
CREATE CONSTRAINT TRIGGER things_watch_update AFTER UPDATE ON things DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
	WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION things_watch();
`

// Things is the set with the table things; it comes after that of libs/watch.
func Things() pg.Migrations {
	return pg.Migrations{Name: "things", FS: fstest.MapFS{"00001_things.sql": {Data: []byte(things)}}}
}
