-- +goose Up

-- The results of the last day's calls move to the table that every service has. A call is named by its full method now.
-- member_requests stays until no replica of the version before runs.
-- +goose StatementBegin
DO $$
BEGIN
    PERFORM set_config('lowlayer.tenants', '*', true);
    UPDATE replays SET method = '/lowlayer.tenant.v1.' || CASE WHEN method LIKE '%Organisation%' THEN 'OrganisationService/' ELSE 'TenantService/' END || method
     WHERE method NOT LIKE '/%';
    INSERT INTO replays (tenant, method, request_id, digest, result, create_time)
    SELECT t.id, '/lowlayer.tenant.v1.' || CASE WHEN q.method LIKE '%ServiceAccount' THEN 'ServiceAccountService/' ELSE 'MemberService/' END || q.method,
           q.request_id, q.digest, q.name, q.create_time
      FROM member_requests q JOIN tenants t ON t.uid = q.tenant_uid
     WHERE q.name <> '' AND q.create_time > now() - interval '24 hours'
    ON CONFLICT DO NOTHING;
END $$;
-- +goose StatementEnd
