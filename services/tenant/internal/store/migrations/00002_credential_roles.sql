-- +goose Up

-- What a credential may do, as it was made: one whose roles are not those of the settings is replaced. Of those made before
-- this column nobody knows, so they are replaced once.
ALTER TABLE credentials ADD COLUMN roles text[] NOT NULL DEFAULT '{}';
