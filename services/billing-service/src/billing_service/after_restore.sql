-- What a restore does in this schema (docs/adr/0013-restore.md). `csms-restore` calls both functions
-- in its own transaction, and says what they are given. The numbers of charge detail records are
-- counted by themselves, for each tenant.
CREATE FUNCTION pg_temp.note_billing() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    CREATE TEMPORARY TABLE IF NOT EXISTS numbered_cdrs (tenant_id text, position bigint)
        ON COMMIT DROP;
    IF to_regclass('billing.cdr_head') IS NOT NULL THEN
        INSERT INTO pg_temp.numbered_cdrs SELECT tenant_id, position FROM billing.cdr_head;
    END IF;
END $$;

-- Numbers of after the backup were given out, to readers who go on from them: none is given twice,
-- and what they were of is missing. What is due may have been claimed by somebody who is gone.
CREATE FUNCTION pg_temp.after_restore_of_billing(last_id bigint, counter bigint)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF to_regclass('billing.cdr_head') IS NOT NULL THEN
        INSERT INTO billing.cdr_head AS head (tenant_id, position)
        SELECT tenant_id, max(position) FROM pg_temp.numbered_cdrs GROUP BY tenant_id
        ON CONFLICT (tenant_id) DO UPDATE
        SET position = greatest(head.position, excluded.position);
        UPDATE billing.session SET due_at = now() WHERE due_at IS NOT NULL;
        UPDATE billing.session SET running_due_at = now() WHERE running_due_at IS NOT NULL;
    END IF;
END $$;
