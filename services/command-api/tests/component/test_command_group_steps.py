"""From a group to its commands: by several replicas, through deaths, for large fleets."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import pytest_asyncio
from migrated_database import migrated_database
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine

from command_api.command_groups.domain import (
    STEP,
    UNDER_WAY,
    Addressed,
    CommandGroup,
    CommandGroupStatus,
)
from command_api.command_groups.handlers import (
    CommandGroups,
    complete_command_groups,
    end_cancelled,
)
from command_api.command_groups.store import add_group, count_commands, counts_of, get_group
from command_api.database import SCHEMA
from command_api.ocpp.preparations import Preparations
from command_api.ports import ServiceAway, ServiceFailed
from csms_shared.contracts.command_ids import new_command_id
from csms_shared.contracts.stations import OwnerView
from csms_shared.db.engine import create_engine, in_transaction
from csms_shared.ocpp.versions import OCPP16
from csms_shared.runtime.clock import now_ms
from csms_shared.values.tenants import DEFAULT_TENANT

pytestmark = pytest.mark.asyncio(loop_scope="package")


class Registry:
    """Knows stations by id, all with the tag `t`, and where they are; sends nothing."""

    def __init__(self, station_ids: Sequence[str], gateway_id: str | None = None) -> None:
        self.station_ids = sorted(station_ids)
        self.gateway_id = gateway_id
        self.is_away = False
        self.asked = 0
        self.fails_over = ""
        self.failed = 0
        self.sent: list[str] = []

    async def ask(self, service: str, operation: str, parameters: dict[str, Any]) -> Any:
        assert operation == "stations.list"
        self.asked += 1
        if parameters.get("tag") == self.fails_over:
            self.failed += 1
            raise ServiceFailed("for this test")
        if self.is_away:
            raise ServiceAway("for this test")
        after = parameters.get("cursor", "")
        found = [one for one in self.station_ids if one > after]
        shown = found[: parameters["limit"]]
        return {
            "items": [{"station_id": one, "tags": ["t"]} for one in shown],
            "next_cursor": shown[-1] if len(found) > len(shown) else None,
        }

    async def find(self, station_id: str) -> OwnerView:
        return (await self.find_fresh([station_id]))[station_id]

    async def find_fresh(self, station_ids: Sequence[str]) -> dict[str, OwnerView]:
        return {
            one: OwnerView(
                station_id=one,
                known=one in self.station_ids,
                ocpp_version=OCPP16,
                gateway_id=self.gateway_id,
                registration_status="accepted",
            )
            for one in station_ids
        }

    async def send_held(self, station_ids: Sequence[str]) -> None:
        self.sent += station_ids

    def wake_held(self, station_ids: Sequence[str]) -> None:
        self.sent += station_ids


@pytest_asyncio.fixture(loop_scope="package")
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """Connect to a database that no running service looks at."""
    async with migrated_database(database_url) as database:
        engine = create_engine(database.service_url, SCHEMA, name="test", pool_size=5)
        yield engine
        await engine.dispose()


def replica(engine: AsyncEngine, registry: Registry) -> CommandGroups:
    return CommandGroups(
        engine=engine,
        owners=registry,
        services=registry,
        edge=Preparations(registry, 16),
        sending=registry,
        wake_relay=lambda: None,
    )


async def new_group(engine: AsyncEngine, to: Addressed) -> CommandGroup:
    now = now_ms()
    group = CommandGroup(
        command_group_id=new_command_id(now),
        tenant_id=DEFAULT_TENANT,
        action="Reset",
        ocpp_version=OCPP16,
        payload={"type": "Soft"},
        to=to,
        hold_until_ms=None,
        timeout_ms=30_000,
        created_by="somebody",
        created_ms=now,
    )
    await in_transaction(engine, lambda connection: add_group(connection, group))
    return group


async def stored(engine: AsyncEngine, group: CommandGroup) -> CommandGroup:
    found = await in_transaction(
        engine, lambda connection: get_group(connection, group.tenant_id, group.command_group_id)
    )
    assert found is not None
    return found


async def counts(engine: AsyncEngine, group: CommandGroup) -> dict[str, int]:
    id = group.command_group_id
    found = await in_transaction(engine, lambda connection: count_commands(connection, [id]))
    return found[id]


async def test_replicas_at_once_make_one_command_for_each_station(engine: AsyncEngine) -> None:
    names = [f"S{number:04}" for number in range(5 * STEP + 1)]
    registry = Registry(names)
    group = await new_group(engine, Addressed(tag="t"))
    await asyncio.gather(*(replica(engine, registry).expand() for _ in range(4)))
    # Whoever lost a step leaves the group to the other, or to the next turn.
    while not (await stored(engine, group)).is_expanded:
        await replica(engine, registry).expand()
    assert await counts(engine, group) == {"station_offline": len(names)}


async def test_the_same_step_taken_again_makes_nothing(engine: AsyncEngine) -> None:
    registry = Registry([f"S{number:04}" for number in range(STEP + 1)])
    group = await new_group(engine, Addressed(tag="t"))
    taken = [await replica(engine, registry).take_step(group) for _ in range(2)]
    assert taken == [True, False]
    assert await counts(engine, group) == {"station_offline": STEP}


async def test_a_process_that_dies_in_a_step_leaves_it_to_another(engine: AsyncEngine) -> None:
    registry = Registry([f"S{number:04}" for number in range(STEP + 1)])
    group = await new_group(engine, Addressed(tag="t"))

    def die(_: Any, __: Any, statement: str, *___: Any) -> None:
        if statement.startswith("UPDATE command_group"):
            raise asyncio.CancelledError

    event.listen(engine.sync_engine, "before_cursor_execute", die)
    try:
        with pytest.raises(asyncio.CancelledError):
            await replica(engine, registry).take_step(group)
    finally:
        event.remove(engine.sync_engine, "before_cursor_execute", die)
    assert await counts(engine, group) == {}
    await replica(engine, registry).expand()
    assert await counts(engine, group) == {"station_offline": STEP + 1}


async def test_a_registry_that_does_not_answer_is_asked_again_from_the_same_place(
    engine: AsyncEngine,
) -> None:
    registry = Registry([f"S{number:04}" for number in range(STEP + 1)])
    group = await new_group(engine, Addressed(tag="t"))
    assert await replica(engine, registry).take_step(group)
    registry.is_away = True
    with pytest.raises(ServiceAway):
        await replica(engine, registry).expand()
    registry.is_away = False
    await replica(engine, registry).expand()
    assert await counts(engine, group) == {"station_offline": STEP + 1}


async def test_a_group_that_the_registry_fails_over_holds_up_no_other_and_ends_some_day(
    engine: AsyncEngine,
) -> None:
    registry = Registry(["S1"])
    failing = await new_group(engine, Addressed(tag="fails"))
    other = await new_group(engine, Addressed(tag="t"))
    registry.fails_over = "fails"
    taking = replica(engine, registry)
    for _ in range(2):
        await taking.expand()
    assert await counts(engine, other) == {"station_offline": 1}
    assert not (await stored(engine, failing)).is_expanded
    # Left alone for a while: it was asked for once.
    assert registry.failed == 1
    await in_transaction(
        engine,
        lambda connection: connection.execute(
            text(
                "UPDATE command_group SET created_at = now() - interval '8 days' "
                "WHERE command_group_id = :id"
            ),
            {"id": failing.command_group_id},
        ),
    )
    for task in (end_cancelled(lambda: None), complete_command_groups()):
        await in_transaction(engine, task.work)
    assert (await stored(engine, failing)).status is CommandGroupStatus.CANCELLED


async def test_a_step_waits_until_few_commands_are_under_way(engine: AsyncEngine) -> None:
    names = [f"S{number:04}" for number in range(5 * STEP)]
    registry = Registry(names, gateway_id="gateway")
    group = await new_group(engine, Addressed(station_ids=tuple(names)))
    await replica(engine, registry).expand()
    assert await counts(engine, group) == {"waiting": UNDER_WAY + STEP}
    assert registry.sent == names[: UNDER_WAY + STEP]


async def test_a_group_without_open_commands_ends_once(engine: AsyncEngine) -> None:
    registry = Registry(["S1"])
    group = await new_group(engine, Addressed(tag="t"))
    task = complete_command_groups()
    await in_transaction(engine, task.work)
    assert (await stored(engine, group)).completed_ms is None
    await replica(engine, registry).expand()
    for _ in range(2):
        await in_transaction(engine, task.work)
    ended = await stored(engine, group)
    assert (ended.completed_ms is not None, ended.counts) == (True, {"station_offline": 1})
    # Nobody counts them again, and they outlive the commands.
    await in_transaction(
        engine, lambda connection: connection.execute(text("DELETE FROM commands"))
    )
    kept = await in_transaction(engine, lambda connection: counts_of(connection, [ended]))
    assert kept == {group.command_group_id: {"station_offline": 1}}
    told = await in_transaction(
        engine,
        lambda connection: connection.scalar(
            text("SELECT count(*) FROM outbox WHERE routing_key = 'command_group.completed'")
        ),
    )
    assert told == 1


async def test_ten_thousand_stations_take_a_few_statements_for_each_hundred(
    engine: AsyncEngine,
) -> None:
    registry = Registry([f"S{number:05}" for number in range(10_000)])
    group = await new_group(engine, Addressed(tag="t"))
    statements = 0

    def count(*_: Any) -> None:
        nonlocal statements
        statements += 1

    event.listen(engine.sync_engine, "before_cursor_execute", count)
    try:
        await replica(engine, registry).expand()
    finally:
        event.remove(engine.sync_engine, "before_cursor_execute", count)
    assert await counts(engine, group) == {"station_offline": 10_000}
    steps = 10_000 // STEP
    assert registry.asked == steps
    assert statements <= 7 * steps
