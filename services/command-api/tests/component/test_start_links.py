"""Remote starts and the transactions they caused, found by transactions that overlap."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from command_api.commands.domain.remote_starts import WINDOW_MS, AwaitedStart, SeenStart
from command_api.commands.domain.states import CommandRecord, CommandStatus, ended
from command_api.commands.store.changes import lock_commands, write_changes
from command_api.commands.store.inserts import NewCommand, insert_commands
from command_api.commands.store.transaction_starts import link_starts, store_starts
from command_api.database import SCHEMA
from csms_shared.contracts.command_ids import new_command_id
from csms_shared.db.engine import create_engine, in_transaction
from csms_shared.runtime.clock import now_ms

pytestmark = pytest.mark.asyncio(loop_scope="package")

HOUR_MS = 3_600_000


@pytest.fixture
async def engine(service_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(service_url, SCHEMA, name="test", pool_size=4)
    yield engine
    await engine.dispose()


async def pending(engine: AsyncEngine, *, age_ms: int = 0) -> CommandRecord:
    """Store a remote start that is on its way."""
    created_ms = now_ms() - age_ms
    command = CommandRecord(
        command_id=new_command_id(created_ms),
        station_id=f"S-{secrets.token_hex(6)}",
        action="RemoteStartTransaction",
        ocpp_version="ocpp1.6",
        payload={"idTag": "Tag"},
        status=CommandStatus.PENDING,
        created_by="test",
        created_ms=created_ms,
        deadline_ms=now_ms() + 30_000,
        held=age_ms > 0,
        attempts=1,
        awaited_start=AwaitedStart("tag", None),
    )
    await in_transaction(engine, lambda c: insert_commands(c, [NewCommand(command, None)]))
    return command


def start_of(command: CommandRecord) -> SeenStart:
    return SeenStart(secrets.randbelow(2**31), command.station_id, "TAG", 1, now_ms())


async def accept(connection: AsyncConnection, command: CommandRecord) -> None:
    (locked,) = (await lock_commands(connection, [command.command_id])).values()
    done = replace(ended(locked, CommandStatus.COMPLETED, now_ms()), accepted=True)
    await write_changes(connection, [replace(done, sent_ms=now_ms())])


async def take_start(connection: AsyncConnection, start: SeenStart) -> None:
    await link_starts(connection, await store_starts(connection, [start]))


async def linked(engine: AsyncEngine, command: CommandRecord) -> int | None:
    found = await in_transaction(engine, lambda c: lock_commands(c, [command.command_id]))
    return found[command.command_id].transaction_id


async def waits_for_a_lock(engine: AsyncEngine) -> None:
    # Each look in a transaction of its own: within one, pg_stat_activity does not change.
    watcher = engine.execution_options(isolation_level="AUTOCOMMIT")
    async with asyncio.timeout(10), watcher.connect() as connection:
        while not (
            await connection.exec_driver_sql(
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
        ).scalar():
            await asyncio.sleep(0.01)


async def test_a_start_that_comes_while_the_answer_is_being_stored_finds_it(
    engine: AsyncEngine,
) -> None:
    command = await pending(engine)
    start = start_of(command)
    async with asyncio.TaskGroup() as group, engine.begin() as answer:
        await accept(answer, command)
        group.create_task(in_transaction(engine, lambda c: take_start(c, start)))
        await waits_for_a_lock(engine)
        # Not there yet for this transaction.
        assert await link_starts(answer, [command.station_id]) == []
        await answer.commit()
    assert await linked(engine, command) == start.transaction_id


async def test_an_answer_that_comes_while_the_start_is_being_stored_finds_it(
    engine: AsyncEngine,
) -> None:
    command = await pending(engine)
    start = start_of(command)

    async def answered(connection: AsyncConnection) -> None:
        await accept(connection, command)
        await link_starts(connection, [command.station_id])

    async with asyncio.TaskGroup() as group, engine.begin() as taking:
        await take_start(taking, start)
        group.create_task(in_transaction(engine, answered))
        await waits_for_a_lock(engine)
        await taking.commit()
    assert await linked(engine, command) == start.transaction_id


@pytest.mark.parametrize("answered_first", [True, False])
async def test_the_window_of_a_held_command_begins_when_it_was_written(
    engine: AsyncEngine, answered_first: bool
) -> None:
    command = await pending(engine, age_ms=2 * HOUR_MS)
    start = start_of(command)
    if answered_first:
        await in_transaction(engine, lambda c: accept(c, command))
        await in_transaction(engine, lambda c: take_start(c, start))
    else:
        await in_transaction(engine, lambda c: take_start(c, start))
        await in_transaction(engine, lambda c: accept(c, command))
        await in_transaction(engine, lambda c: link_starts(c, [command.station_id]))
    assert await linked(engine, command) == start.transaction_id


async def test_a_start_long_after_the_command_is_not_kept(engine: AsyncEngine) -> None:
    command = await pending(engine)
    await in_transaction(engine, lambda c: accept(c, command))
    late = replace(start_of(command), seen_ms=now_ms() + WINDOW_MS + 60_000)
    assert await in_transaction(engine, lambda c: store_starts(c, [late])) == []
