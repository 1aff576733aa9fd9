-- +goose Up

-- The changes of quotas of the last day, which the quota ledger remembered by itself. quota_requests stays until no replica of the
-- version before runs.
-- +goose StatementBegin
DO $$
BEGIN
    IF to_regclass('quota_requests') IS NOT NULL THEN
        PERFORM set_config('lowlayer.tenants', '*', true);
        INSERT INTO replays (tenant, method, request_id, digest, result, create_time)
        SELECT tenant, '/lowlayer.quota.v1.QuotaService/UpdateQuota', request_id, digest,
               (answer ->> 'Place') || '/quotas/' || (answer ->> 'Service') || '.' || (answer ->> 'Resource'), create_time
          FROM quota_requests WHERE create_time > now() - interval '24 hours'
        ON CONFLICT DO NOTHING;
    END IF;
END $$;
-- +goose StatementEnd
