-- +goose Up

-- Whether the caller of a statement may see the rows of a tenant: the setting holds ids with commas between them, or * for work
-- that is nobody's call. Without it nothing is seen.
CREATE OR REPLACE FUNCTION lowlayer_sees(tenant text) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN current_setting('lowlayer.tenants', true) = '*'
        OR tenant = ANY (string_to_array(current_setting('lowlayer.tenants', true), ','));

ALTER TABLE provision_resources ENABLE ROW LEVEL SECURITY;
ALTER TABLE provision_resources FORCE ROW LEVEL SECURITY;
CREATE POLICY provision_resources_tenant ON provision_resources USING (lowlayer_sees(tenant));

ALTER TABLE provision_operations ENABLE ROW LEVEL SECURITY;
ALTER TABLE provision_operations FORCE ROW LEVEL SECURITY;
CREATE POLICY provision_operations_tenant ON provision_operations USING (lowlayer_sees(tenant));

ALTER TABLE provision_steps ENABLE ROW LEVEL SECURITY;
ALTER TABLE provision_steps FORCE ROW LEVEL SECURITY;
CREATE POLICY provision_steps_tenant ON provision_steps USING (current_setting('lowlayer.tenants', true) = '*' OR EXISTS (SELECT FROM provision_operations o WHERE o.id = operation));

ALTER TABLE provision_ledger ENABLE ROW LEVEL SECURITY;
ALTER TABLE provision_ledger FORCE ROW LEVEL SECURITY;
CREATE POLICY provision_ledger_tenant ON provision_ledger USING (current_setting('lowlayer.tenants', true) = '*' OR EXISTS (SELECT FROM provision_resources r WHERE r.uid = resource_uid));

ALTER TABLE provision_receipts ENABLE ROW LEVEL SECURITY;
ALTER TABLE provision_receipts FORCE ROW LEVEL SECURITY;
CREATE POLICY provision_receipts_tenant ON provision_receipts USING (current_setting('lowlayer.tenants', true) = '*' OR EXISTS (SELECT FROM provision_operations o WHERE o.id = operation));

ALTER TABLE provision_receipt_documents ENABLE ROW LEVEL SECURITY;
ALTER TABLE provision_receipt_documents FORCE ROW LEVEL SECURITY;
CREATE POLICY provision_receipt_documents_tenant ON provision_receipt_documents USING (lowlayer_sees(tenant));
