-- +goose Up

-- The engine schedules by provision_resources.wake_at alone; the job queue River is gone. New databases never have its tables.
-- A process of the release before (N-1) beside this one: what it works on goes on, because leases, fences and the ledger are as
-- they were, and the new process takes up what it leaves. A change it is asked for fails and rolls back whole, because it can no
-- longer insert its job: the caller repeats it at the new process. It loses nothing, and makes nothing twice.
DROP TABLE IF EXISTS river_client_queue, river_client, river_job, river_leader, river_migration, river_notification, river_queue;
DROP FUNCTION IF EXISTS river_job_state_in_bitmask;
DROP FUNCTION IF EXISTS river_job_notify;
DROP TYPE IF EXISTS river_job_state;
