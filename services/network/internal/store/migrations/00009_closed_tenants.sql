-- +goose Up

-- Whether a tenant or organisation is deleted, and not only suspended. Removals go on in a deleted tenant, because its purge needs
-- them. Rows from before do not say which it was; they allow removals, like the version before.
ALTER TABLE suspensions ADD COLUMN deleted boolean NOT NULL DEFAULT true;
