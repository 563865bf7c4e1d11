-- Sent after the content of a backup, in the same transaction (docs/adr/0013-restore.md).
SELECT pg_temp.note_given_out();

-- Grants are not restored, `migrate` gives them to the roles of this place; what the public may
-- not do is ours to say again.
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA registry, session, command FROM PUBLIC;

DO $$
DECLARE
    last_id bigint;
    counter bigint;
BEGIN
    SELECT max(given_out.transaction_id) + 1000000, max(given_out.counter) + 1000000
    INTO last_id, counter FROM pg_temp.given_out;
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

    -- A station may still report on a job of after the backup under its request id.
    IF to_regclass('registry.station_job_request_id') IS NOT NULL THEN
        PERFORM setval('registry.station_job_request_id',
            (last_value + 1000000) % 2147483647 + 1) FROM registry.station_job_request_id;
    END IF;

    -- A connection after the restore is newer than any before it, whatever still tells of those.
    -- The ids of recent connections stand for epochs that are counted down from this one.
    UPDATE registry.station SET epoch = counter, boot_count = counter, recent_connections = '{}';
    EXECUTE format('ALTER TABLE registry.station ALTER epoch SET DEFAULT %s, '
        'ALTER boot_count SET DEFAULT %s', counter, counter);

    -- Connections of before belong to a gateway that has ended: their leases run out, and that is
    -- told. A gateway that is still there is not known, and is asked for all that it holds.
    DELETE FROM registry.gateway;
    UPDATE registry.station_connection SET gateway_id = 'before-the-restore';
    INSERT INTO registry.gateway (gateway_id, name, lease_expires_at)
    VALUES ('before-the-restore', 'before-the-restore', now());

    -- Events of tokens' changes have ids made of the version.
    UPDATE session.id_token SET version = counter;

    -- Log-ins that were ended after the backup stay ended.
    UPDATE command.users SET version = counter;
    EXECUTE format('ALTER TABLE command.users ALTER version SET DEFAULT %s', counter);

    -- What was open may have been written to its station after the backup: nothing is sent again,
    -- the sweeper ends it as `outcome_unknown`, and a late answer still finds it.
    UPDATE command.commands SET status = 'pending', held = false, lookup_again = false,
        deadline = least(deadline, now() - interval '1 minute')
    WHERE status IN ('waiting', 'pending');

    INSERT INTO pg_temp.given_out VALUES (last_id, counter);
END $$;

ANALYZE;
SELECT json_build_object('transaction_id', max(transaction_id), 'counter', max(counter))
FROM pg_temp.given_out;
COMMIT;
