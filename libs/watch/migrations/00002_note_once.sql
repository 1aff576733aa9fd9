-- +goose Up

-- As before, without writing a change again that says the same.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION watch_note(p_tenant text, p_type text, p_name text, p_subject text, p_kind text) RETURNS void
    LANGUAGE plpgsql AS $$
DECLARE
    next bigint;
    was  text;
BEGIN
    SELECT kind INTO was FROM watch_changes
     WHERE transaction = pg_current_xact_id() AND tenant = p_tenant AND type = p_type AND name = p_name;
    IF FOUND THEN
        IF p_kind NOT IN ('CHANGED', was) THEN
            UPDATE watch_changes SET kind = p_kind
             WHERE transaction = pg_current_xact_id() AND tenant = p_tenant AND type = p_type AND name = p_name;
        END IF;
        RETURN;
    END IF;
    INSERT INTO watch_sequences AS s (tenant, last) VALUES (p_tenant, 1)
        ON CONFLICT (tenant) DO UPDATE SET last = s.last + 1
        RETURNING last INTO next;
    INSERT INTO watch_changes (tenant, sequence, kind, type, name, subject, change_time, transaction)
        VALUES (p_tenant, next, p_kind, p_type, p_name, p_subject, clock_timestamp(), pg_current_xact_id());
    PERFORM pg_notify('lowlayer_watch', p_tenant);
END
$$;
-- +goose StatementEnd
