-- +goose Up

-- On whose behalf the actor worked, by the id at the issuer; empty where it was for itself.
ALTER TABLE audit_records ADD COLUMN on_behalf_of text NOT NULL DEFAULT '';
