-- +goose Up

-- The organisations there are count from now on, deleted ones too. The limit is filled in by the next order.
SELECT set_config('lowlayer.tenants', '*', true);

INSERT INTO quota_limits (tenant, place, resource, update_time)
SELECT DISTINCT tenant_id, 'tenants/' || tenant_id, 'organisations', now() FROM organisations;
INSERT INTO quota_reservations (holder, tenant, place, resource, amount, state, create_time)
SELECT uid, tenant_id, 'tenants/' || tenant_id, 'organisations', 1, CASE WHEN ready_time IS NULL THEN 'RESERVED' ELSE 'IN_USE' END, now()
  FROM organisations;
