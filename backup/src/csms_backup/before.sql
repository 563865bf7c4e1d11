-- Sent before the content of a backup, in the same transaction; nothing is visible to anybody
-- until the COMMIT after after.sql.
BEGIN;
SET LOCAL lock_timeout = '10s';
-- The lock of the migrations: none runs meanwhile, and no second restore.
SELECT pg_advisory_xact_lock(hashtextextended('csms.migrate', 0));

DO $$
DECLARE
    connected text;
BEGIN
    SELECT string_agg(format('%s (%s connections)', service, number), ', ' ORDER BY service)
    INTO connected FROM (
        SELECT split_part(application_name, ' ', 1) AS service, count(*) AS number
        FROM pg_stat_activity WHERE datname = current_database() GROUP BY 1
    ) AS clients
    WHERE service IN ('station-registry', 'session-service', 'command-api');
    IF connected IS NOT NULL THEN
        RAISE EXCEPTION 'services are connected: %. Stop them, and restore again', connected;
    END IF;
END $$;

-- The highest numbers that may be known outside: to stations, gateways, operators, queues and
-- readers of events. Rows come from the database that is replaced, from the note of earlier
-- restores, and from the backup.
CREATE TEMPORARY TABLE given_out (transaction_id bigint NOT NULL, counter bigint NOT NULL)
    ON COMMIT DROP;

CREATE FUNCTION pg_temp.note_given_out() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF to_regclass('session.transaction') IS NOT NULL THEN
        INSERT INTO pg_temp.given_out SELECT
            greatest(last_value, (SELECT max(id) FROM session.transaction)),
            coalesce((SELECT max(version) FROM session.id_token), 0)
        FROM session.transaction_id;
    END IF;
    IF to_regclass('registry.station') IS NOT NULL THEN
        INSERT INTO pg_temp.given_out
        SELECT 0, coalesce(max(greatest(epoch, boot_count)), 0) FROM registry.station
        UNION ALL
        -- What a station begins with that is created anew.
        SELECT 0, substring(column_default FROM '\d+')::bigint FROM information_schema.columns
        WHERE table_schema = 'registry' AND table_name = 'station' AND column_name = 'epoch';
    END IF;
    IF to_regclass('command.users') IS NOT NULL THEN
        INSERT INTO pg_temp.given_out SELECT 0, coalesce(max(version), 0) FROM command.users;
    END IF;
END $$;

SELECT pg_temp.note_given_out();
DROP SCHEMA IF EXISTS registry, session, command CASCADE;
