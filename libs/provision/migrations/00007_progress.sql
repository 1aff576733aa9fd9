-- +goose Up

-- How much of an operation is done, in percent. It is kept, not told from the steps, because it never goes back: a step that
-- fails, is looked at again or is new does not take from it.
ALTER TABLE provision_operations ADD COLUMN progress smallint NOT NULL DEFAULT 0,
    ADD CONSTRAINT provision_operations_progress_check CHECK (progress BETWEEN 0 AND 100);
