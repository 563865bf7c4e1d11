-- What a restore does in this schema (docs/adr/0013-restore.md). `csms-restore` calls both functions
-- in its own transaction, and says what they are given.
CREATE FUNCTION pg_temp.note_session() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF to_regclass('session.transaction') IS NOT NULL THEN
        INSERT INTO pg_temp.given_out (transaction_id, counter) SELECT
            greatest(last_value, (SELECT max(id) FROM session.transaction)),
            coalesce((SELECT max(version) FROM session.id_token), 0)
        FROM session.transaction_id;
    END IF;
END $$;

CREATE FUNCTION pg_temp.after_restore_of_session(last_id bigint, counter bigint)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF last_id >= 2147483647 THEN
        RAISE EXCEPTION 'no transaction ids are left: the next one would be %, the largest that a '
            'station takes is 2147483647', last_id + 1;
    END IF;
    PERFORM setval('session.transaction_id', last_id);

    -- A reservation of after the backup may still be held under its id.
    IF to_regclass('session.reservation_id') IS NOT NULL THEN
        PERFORM setval('session.reservation_id', least(2147483647,
            greatest((SELECT last_value FROM session.reservation_id) + 1000000, last_id)));
        -- Stations may have got lists after the backup: each is asked, and none is believed.
        UPDATE session.local_list SET known_version = NULL, known_digest = NULL,
            doubtful_version = NULL, doubtful_digest = NULL, asked = NULL, sent_digest = NULL,
            stage = 'limits', last_version = last_version + 1000000,
            next_at = CASE WHEN enabled THEN now() END;
    END IF;

    -- Rows may be older than what a reader of changes has seen, and the ids of transactions are
    -- those of another cluster: readers begin anew.
    IF to_regclass('session.change_history') IS NOT NULL THEN
        UPDATE session.change_history SET id = gen_random_uuid();
        ALTER TABLE session.transaction DISABLE TRIGGER transaction_changed;
        UPDATE session.transaction SET changed_xid = '0'
        WHERE changed_xid >= pg_current_xact_id();
        ALTER TABLE session.transaction ENABLE TRIGGER transaction_changed;
    END IF;

    -- Events of tokens' changes have ids made of the version.
    UPDATE session.id_token SET version = counter;
END $$;
