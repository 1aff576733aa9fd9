-- +goose Up

-- What there is already counts from now on. Limits are filled in by the first order, and by what the tenant service says.
SELECT set_config('lowlayer.tenants', '*', true);

CREATE TEMPORARY TABLE taken ON COMMIT DROP AS
SELECT t.*, CASE
    WHEN r.state IN ('ACTIVE', 'UPDATING', 'DELETING')
     AND NOT EXISTS (SELECT FROM peerings p WHERE p.uid = t.holder AND p.acceptance = 'PENDING') THEN 'IN_USE'
    ELSE 'RESERVED' END AS state
  FROM (
    SELECT v.tenant, 'tenants/' || v.tenant AS place, 'vpcs' AS resource, v.uid AS holder, 1 AS amount FROM vpcs v
    UNION ALL SELECT p.tenant, 'tenants/' || p.tenant, 'peerings', p.uid, 1 FROM peerings p
    UNION ALL SELECT v.tenant, 'tenants/' || v.tenant || '/organisations/' || v.organisation, t.resource, v.uid, t.amount
      FROM vpcs v, (VALUES ('networks', 2), ('routers', 1), ('ports', 3), ('security_groups', 1)) t (resource, amount)
    UNION ALL SELECT h.tenant, 'tenants/' || h.tenant || '/organisations/' || h.organisation, t.resource, h.uid, t.amount
      FROM hubs h, (VALUES ('networks', 1), ('routers', 1), ('ports', 1), ('security_groups', 2)) t (resource, amount)
    UNION ALL SELECT v.tenant, 'tenants/' || v.tenant || '/organisations/' || v.organisation, t.resource, p.uid, t.amount
      FROM peerings p JOIN vpcs v ON v.uid = p.vpc_uid, (VALUES ('networks', 1), ('ports', 2)) t (resource, amount)
  ) t LEFT JOIN provision_resources r ON r.uid = t.holder;

INSERT INTO quota_limits (tenant, place, resource, update_time) SELECT DISTINCT tenant, place, resource, now() FROM taken;
INSERT INTO quota_reservations (holder, tenant, place, resource, amount, state, create_time)
SELECT holder, tenant, place, resource, amount, state, now() FROM taken;
