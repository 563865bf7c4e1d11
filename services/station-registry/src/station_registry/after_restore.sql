-- What a restore does in this schema (docs/adr/0013-restore.md). `csms-restore` calls both functions
-- in its own transaction, and says what they are given.
CREATE FUNCTION pg_temp.note_registry() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF to_regclass('registry.station') IS NOT NULL THEN
        INSERT INTO pg_temp.given_out (counter)
        SELECT coalesce(max(greatest(epoch, boot_count)), 0) FROM registry.station
        UNION ALL
        -- What a station begins with that is created anew.
        SELECT substring(column_default FROM '\d+')::bigint FROM information_schema.columns
        WHERE table_schema = 'registry' AND table_name = 'station' AND column_name = 'epoch';
    END IF;
END $$;

CREATE FUNCTION pg_temp.after_restore_of_registry(last_id bigint, counter bigint)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
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

    -- Others may know a place of after the backup: that of every station is told, under a version
    -- that is above those of before.
    IF to_regclass('registry.station_place') IS NOT NULL THEN
        INSERT INTO registry.station_place AS place (station_id, version)
        SELECT station_id, extract(epoch FROM clock_timestamp()) * 1000000 FROM registry.station
        ON CONFLICT (station_id) DO UPDATE
        SET version = greatest(place.version + 1, excluded.version), told = false;
    END IF;

    -- Connections of before belong to a gateway that has ended: their leases run out, and that is
    -- told. A gateway that is still there is not known, and is asked for all that it holds.
    DELETE FROM registry.gateway;
    UPDATE registry.station_connection SET gateway_id = 'before-the-restore';
    INSERT INTO registry.gateway (gateway_id, name, lease_expires_at)
    VALUES ('before-the-restore', 'before-the-restore', now());
END $$;
