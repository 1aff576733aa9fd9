-- +goose Up

-- On whose behalf the work is, in the words of lowlayer.audit.v1.Actor; null where nobody was identified.
ALTER TABLE provision_operations ADD COLUMN ordered_by jsonb;
