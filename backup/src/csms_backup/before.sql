-- Sent before the content of a backup, after what the services say.
DO $$
DECLARE
    connected text;
    owned record;
BEGIN
    SELECT string_agg(format('%s (%s connections)', client, number), ', ' ORDER BY client)
    INTO connected FROM (
        SELECT split_part(application_name, ' ', 1) AS client, count(*) AS number
        FROM pg_stat_activity WHERE datname = current_database() GROUP BY 1
    ) AS clients
    WHERE client IN (SELECT service FROM pg_temp.owned_schema);
    IF connected IS NOT NULL THEN
        RAISE EXCEPTION 'services are connected: %. Stop them, and restore again', connected;
    END IF;
    FOR owned IN SELECT schema FROM pg_temp.owned_schema LOOP
        EXECUTE format('SELECT pg_temp.note_%s()', owned.schema);
    END LOOP;
    FOR owned IN SELECT schema FROM pg_temp.owned_schema LOOP
        EXECUTE format('DROP SCHEMA IF EXISTS %I CASCADE', owned.schema);
    END LOOP;
END $$;
