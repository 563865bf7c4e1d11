"""What a restored suite goes on with, in a real database, without the services."""

from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from databases import (
    MILLION,
    ROLE_PASSWORD,
    START,
    STATION,
    Databases,
    ask,
    migrate,
    restore,
    run,
)

from csms_backup import SCHEMAS
from csms_backup.clients import Database
from csms_backup.dump import back_up
from csms_backup.given_out import GivenOut
from csms_local.services import ROLES


async def test_a_backup_restored_into_an_empty_database_and_migrated_is_a_working_suite(
    databases: Databases, tmp_path: Path
) -> None:
    source, target = await databases.migrated(), await databases.empty()
    await run(source, STATION, START, START)
    archive = tmp_path / "backup.dump"
    back_up(source, archive)
    restore(target, archive)
    migrate(target.url)
    assert await ask(target, "SELECT array_agg(id ORDER BY id) FROM session.transaction") == [1, 2]
    host = urlsplit(target.url).netloc.rpartition("@")[2]
    login = f"{ROLES['session-service']}:{ROLE_PASSWORD}@{host}"
    role = Database(urlunsplit(urlsplit(target.url)._replace(netloc=login)), "")
    await run(role, START)
    assert await ask(role, "SELECT session.make_meter_value_partitions(1, 30)") > 0
    assert await ask(target, "SELECT max(id) FROM session.transaction") == MILLION + 3
    open_to_all = (
        "SELECT count(*) FROM pg_proc JOIN pg_namespace n ON n.oid = pronamespace "
        "WHERE nspname = 'session' AND has_function_privilege('csms_command', pg_proc.oid, "
        "'EXECUTE')"
    )
    assert await ask(target, open_to_all) == 0


async def test_a_backup_of_a_place_with_other_roles_is_restored_and_secured_by_those_of_here(
    databases: Databases, tmp_path: Path
) -> None:
    source, target = await databases.migrated(), await databases.empty()
    await run(
        source,
        "CREATE ROLE of_elsewhere",
        "CREATE POLICY elsewhere ON command.user_session TO of_elsewhere USING (true)",
    )
    archive = tmp_path / "backup.dump"
    back_up(source, archive)
    await run(source, "DROP POLICY elsewhere ON command.user_session", "DROP ROLE of_elsewhere")
    restore(target, archive)
    migrate(target.url)
    policies = "SELECT array_agg(polname::text ORDER BY polname) FROM pg_policy"
    assert await ask(target, policies) == await ask(source, policies)


async def test_numbers_go_on_above_the_backup_the_replaced_database_and_earlier_restores(
    databases: Databases, tmp_path: Path
) -> None:
    database, elsewhere = await databases.migrated(), await databases.empty()
    archive = tmp_path / "backup.dump"
    await run(
        database,
        STATION,
        "SELECT setval('session.transaction_id', 500)",
        "UPDATE integration.event_head SET position = 90",
    )
    back_up(database, archive)
    assert restore(database, archive) == GivenOut(MILLION + 500, MILLION + 7, MILLION + 90)
    # What was given out after the backup and is lost with the database that is replaced now.
    await run(
        database,
        "SELECT setval('session.transaction_id', 1500000)",
        "UPDATE registry.station SET boot_count = 2000000",
        "UPDATE integration.event_head SET position = 7000000",
    )
    assert restore(database, archive) == GivenOut(2_500_000, 3 * MILLION, 8 * MILLION)
    # A third restore, on a new disk.
    assert restore(elsewhere, archive) == GivenOut(3_500_000, 4 * MILLION, 9 * MILLION)


async def test_a_note_of_before_there_were_positions_still_counts(
    databases: Databases, tmp_path: Path
) -> None:
    database = await databases.migrated()
    archive = tmp_path / "backup.dump"
    back_up(database, archive)
    (tmp_path / "given-out.json").write_text('{"transaction_id": 40, "counter": 50}')
    assert restore(database, archive) == GivenOut(MILLION + 40, MILLION + 50, MILLION)


async def test_events_stored_after_a_restore_have_positions_that_nobody_has_seen(
    databases: Databases, tmp_path: Path
) -> None:
    database = await databases.migrated()
    await run(
        database,
        "UPDATE integration.event_head SET position = 90",
        "INSERT INTO integration.replay (id, tenant_id, queue, status, types, of_stations, "
        "position, until, created_by) VALUES (gen_random_uuid(), 'default', 'q', 'running', '{}', "
        "false, 0, 90, 'user:admin')",
    )
    archive = tmp_path / "backup.dump"
    back_up(database, archive)
    await run(database, "UPDATE integration.event_head SET position = 7000000")
    start = restore(database, archive).position
    assert await ask(database, "SELECT position FROM integration.event_head") == start
    assert await ask(database, "SELECT status FROM integration.replay") == "failed"
    stored = (
        "INSERT INTO integration.event_segment (kept, position, first_position, tenant_id, keys, "
        f"ids, events) VALUES ('facts', {start + 1}, {start + 1}, 'default', '{{}}', '', '[]') "
        "RETURNING position"
    )
    assert await ask(database, stored) == start + 1


async def test_everything_that_is_counted_starts_anew_for_what_is_restored_and_what_is_new(
    databases: Databases, tmp_path: Path
) -> None:
    database = await databases.migrated()
    await run(
        database,
        STATION,
        "INSERT INTO session.id_token (key, id_token, status) VALUES ('a', 'A', 'accepted')",
        "INSERT INTO command.users (username, password_hash, role) VALUES ('eve', '', 'admin')",
    )
    archive = tmp_path / "backup.dump"
    back_up(database, archive)
    start = restore(database, archive).counter
    await run(
        database,
        "INSERT INTO registry.station (station_id, registration_status) VALUES ('NEW', 'pending')",
        "INSERT INTO command.users (username, password_hash, role) VALUES ('new', '', 'viewer')",
    )
    assert start == MILLION + 7
    stations = "SELECT array_agg(DISTINCT (epoch, boot_count, recent_connections)::text) FROM "
    assert await ask(database, stations + "registry.station") == [f"({start},{start},{{}})"]
    versions = "SELECT array_agg(DISTINCT version) FROM "
    assert await ask(database, versions + "command.users") == [start]
    assert await ask(database, versions + "session.id_token") == [start]
    # The next restore knows what new stations begin with, even where there is no station.
    await run(database, "DELETE FROM registry.station", "DELETE FROM command.users")
    await run(database, "DELETE FROM session.id_token")
    second = tmp_path / "elsewhere" / "second.dump"
    back_up(database, second)
    assert restore(database, second).counter == start + MILLION


async def test_a_command_that_was_open_is_left_to_the_sweeper_and_never_sent_again(
    databases: Databases, tmp_path: Path
) -> None:
    database = await databases.migrated()
    columns = (
        "(command_id, station_id, action, ocpp_version, payload, status, created_by, created_at, "
        "deadline, held, attempts, lookup_again)"
    )
    for status, lookup_again in (("waiting", False), ("pending", True), ("completed", False)):
        await run(
            database,
            f"INSERT INTO command.commands {columns} VALUES (gen_random_uuid(), 'CS-1', 'Reset', "
            f"'ocpp16', '{{}}', '{status}', 'user:admin', now(), now() + interval '1 day', "
            f"{status == 'waiting'}, 1, {lookup_again})",
        )
    archive = tmp_path / "backup.dump"
    back_up(database, archive)
    restore(database, archive)
    found = await ask(
        database,
        "SELECT array_agg((status, held, lookup_again, deadline < now() - interval '35 s')::text "
        "ORDER BY status) FROM command.commands",
    )
    assert found == ["(completed,f,f,f)", "(pending,f,f,t)", "(pending,f,f,t)"]


async def test_a_command_group_that_was_under_way_goes_to_no_further_station(
    databases: Databases, tmp_path: Path
) -> None:
    database = await databases.migrated()
    for ended in ("NULL", "now()"):
        await run(
            database,
            "INSERT INTO command.command_group (command_group_id, action, ocpp_version, payload, "
            "tag, timeout_ms, created_by, created_at, completed_at) VALUES (gen_random_uuid(), "
            f"'Reset', 'ocpp16', '{{}}', 't', 1000, 'user:admin', now(), {ended})",
        )
    archive = tmp_path / "backup.dump"
    back_up(database, archive)
    restore(database, archive)
    cancelled = (
        "SELECT array_agg((completed_at IS NULL, cancelled_at IS NOT NULL)::text ORDER BY 1) "
        "FROM command.command_group"
    )
    assert await ask(database, cancelled) == ["(f,f)", "(t,t)"]


async def test_readers_of_changes_begin_anew_and_see_every_change_of_after_the_restore(
    databases: Databases, tmp_path: Path
) -> None:
    database = await databases.migrated()
    # As from another cluster, whose transactions had higher ids.
    await run(database, START, START)
    columns = "changed_xid = CASE id WHEN 1 THEN changed_xid ELSE xid8 '9000000000000000000' END"
    await run(
        database,
        "ALTER TABLE session.transaction DISABLE TRIGGER transaction_changed",
        f"UPDATE session.transaction SET {columns}",
        "ALTER TABLE session.transaction ENABLE TRIGGER transaction_changed",
    )
    history = "SELECT id FROM session.change_history"
    before = await ask(database, history)
    archive = tmp_path / "backup.dump"
    back_up(database, archive)
    restore(database, archive)
    assert await ask(database, history) != before
    ahead = "SELECT count(*) FROM session.transaction WHERE changed_xid >= pg_current_xact_id()"
    assert await ask(database, ahead) == 0
    await run(database, "UPDATE session.transaction SET status = 'completed' WHERE id = 1")
    newest = "SELECT id FROM session.transaction ORDER BY changed_xid DESC LIMIT 1"
    assert await ask(database, newest) == 1
    assert await ask(database, "SELECT max(changed_xid)::text FROM session.transaction") != "0"


async def test_connections_of_before_belong_to_a_gateway_that_has_ended(
    databases: Databases, tmp_path: Path
) -> None:
    database = await databases.migrated()
    await run(
        database,
        STATION,
        "INSERT INTO registry.gateway (gateway_id, name, lease_expires_at) VALUES "
        "('gateway-1-a', 'gateway-1', now() + interval '20 s')",
        "INSERT INTO registry.station_connection VALUES "
        "('CS-1', 'gateway-1-a', 'c7', 7, 'ocpp16', '127.0.0.1', now())",
    )
    archive = tmp_path / "backup.dump"
    back_up(database, archive)
    restore(database, archive)
    held = (
        "SELECT array_agg((station_id, connection_id, c.epoch, gateway_id, "
        "lease_expires_at < now())::text) FROM registry.station_connection c "
        "FULL JOIN registry.gateway USING (gateway_id)"
    )
    assert await ask(database, held) == ["(CS-1,c7,7,before-the-restore,t)"]


async def test_the_places_of_all_stations_are_told_again(
    databases: Databases, tmp_path: Path
) -> None:
    database = await databases.migrated()
    # Of the second one others may know a place that the backup does not have.
    await run(
        database,
        STATION,
        STATION.replace("CS-1", "CS-2"),
        "UPDATE registry.station SET tags = '{fast}' WHERE station_id = 'CS-1'",
        "UPDATE registry.station_place SET told = true",
    )
    of_before = await ask(database, "SELECT version FROM registry.station_place")
    archive = tmp_path / "backup.dump"
    back_up(database, archive)
    restore(database, archive)
    assert await ask(
        database,
        "SELECT array_agg((station_id, told)::text ORDER BY station_id) "
        f"FROM registry.station_place WHERE version > {of_before}",
    ) == ["(CS-1,f)", "(CS-2,f)"]


async def test_every_sequence_is_either_advanced_by_a_restore_or_never_leaves_the_database(
    databases: Databases,
) -> None:
    """One that leaves the database belongs into its service's `after_restore.sql`."""
    database = await databases.migrated()
    names = await ask(
        database,
        "SELECT array_agg(schemaname || '.' || sequencename) FROM pg_sequences "
        f"WHERE schemaname IN ({', '.join(repr(schema) for schema in SCHEMAS)})",
    )
    advanced = {
        "registry.station_job_request_id",
        "session.reservation_id",
        "session.transaction_id",
    }
    inside = {
        "registry.outbox_id_seq",
        "registry.refusal_id_seq",
        "registry.station_history_id",
        "session.outbox_id_seq",
        "command.audit_id_seq",
        "command.outbox_id_seq",
        "integration.outbox_id_seq",
        "billing.outbox_id_seq",
    }
    assert set(names) == advanced | inside
