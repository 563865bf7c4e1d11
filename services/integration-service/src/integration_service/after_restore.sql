-- What a restore does in this schema (docs/adr/0013-restore.md). `csms-restore` calls both functions
-- in its own transaction, and says what they are given. Positions are counted by themselves: they
-- grow faster than anything else.
CREATE FUNCTION pg_temp.note_integration() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF to_regclass('integration.event_head') IS NOT NULL THEN
        INSERT INTO pg_temp.given_out (position) SELECT position FROM integration.event_head;
    END IF;
END $$;

-- Positions of after the backup were given out, to readers who go on from them: none is given twice.
CREATE FUNCTION pg_temp.after_restore_of_integration(last_id bigint, counter bigint)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    next_position bigint := (SELECT max(position) + 1000000 FROM pg_temp.given_out);
BEGIN
    INSERT INTO pg_temp.given_out (position) VALUES (next_position);
    IF to_regclass('integration.event_head') IS NOT NULL THEN
        UPDATE integration.event_head SET position = next_position;
        UPDATE integration.replay SET status = 'failed', ended_at = now(),
            problem = 'the store was restored from a backup' WHERE status = 'running';
        PERFORM integration.make_event_partitions(next_position + 1000000);
    END IF;
END $$;
