-- Sent after the content of a backup, in the same transaction (docs/adr/0013-restore.md).
DO $$
DECLARE
    last_id bigint;
    counter bigint;
    owned record;
BEGIN
    FOR owned IN SELECT schema FROM pg_temp.owned_schema LOOP
        EXECUTE format('SELECT pg_temp.note_%s()', owned.schema);
    END LOOP;
    SELECT max(given_out.transaction_id) + 1000000, max(given_out.counter) + 1000000
    INTO last_id, counter FROM pg_temp.given_out;
    FOR owned IN SELECT schema FROM pg_temp.owned_schema LOOP
        -- Grants are not restored, `migrate` gives them to the roles of this place; what the
        -- public may not do is ours to say again.
        EXECUTE format('REVOKE ALL ON ALL FUNCTIONS IN SCHEMA %I FROM PUBLIC', owned.schema);
        EXECUTE format('SELECT pg_temp.after_restore_of_%s($1, $2)', owned.schema)
        USING last_id, counter;
    END LOOP;
    INSERT INTO pg_temp.given_out (transaction_id, counter) VALUES (last_id, counter);
END $$;

ANALYZE;
SELECT json_build_object('transaction_id', max(transaction_id), 'counter', max(counter),
    'position', max(position))
FROM pg_temp.given_out;
COMMIT;
