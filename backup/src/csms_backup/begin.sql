-- Sent before everything else; nothing is visible to anybody until the COMMIT in after.sql.
BEGIN;
SET LOCAL lock_timeout = '10s';
-- The lock of the migrations: none runs meanwhile, and no second restore.
SELECT pg_advisory_xact_lock(hashtextextended('csms.migrate', 0));

-- The highest numbers that may be known outside: to stations, gateways, operators, queues and
-- readers of events. Rows come from the note of earlier restores, and from `note_<schema>` of each
-- service, which is asked about the database that is replaced and again about the backup.
CREATE TEMPORARY TABLE given_out (
    transaction_id bigint NOT NULL DEFAULT 0,
    counter bigint NOT NULL DEFAULT 0,
    position bigint NOT NULL DEFAULT 0
) ON COMMIT DROP;
CREATE TEMPORARY TABLE owned_schema (service text NOT NULL, schema text NOT NULL) ON COMMIT DROP;
