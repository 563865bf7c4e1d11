"""Task: messages could not be processed; mend the cause, put them back, clear the list.

The defect is a rule of the database that the services know nothing of. It goes, as a release would
mend it, and what was parked is processed as if it had just come.
"""

import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg
import pytest
from playwright.async_api import Page, expect

from csms_local.run_state import RunState
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Outgoing, Publisher
from csms_shared.broker.topology import CALLS
from csms_shared.contracts.message_types import MessageType
from csms_shared.runtime.clock import now_ms
from csms_simulator.operator import Operator
from csms_simulator.station import SimulatedStation
from csms_simulator.wire import Payload
from tests.console.conftest import Viewing
from tests.console.tasks.conftest import Hands
from tests.console.tasks.hands import Hand
from tests.console.tasks.steps import title_is
from tests.integration.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

_TYPE = "TamperDetectionActivated"
_NOTICED = "security_event_console_test"


@asynccontextmanager
async def _defect(run: RunState, mark: str) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Let no security event be stored that tells of `mark`; yields what mends that."""
    owner = await asyncpg.connect(run.database_url)

    async def mend() -> None:
        await owner.execute(
            f"ALTER TABLE registry.security_event DROP CONSTRAINT IF EXISTS {_NOTICED}"
        )

    try:
        await owner.execute(
            f"ALTER TABLE registry.security_event ADD CONSTRAINT {_NOTICED} "
            f"CHECK (detail NOT LIKE '%{mark}%') NOT VALID"
        )
        yield mend
    finally:
        await mend()
        await owner.close()


async def _report(station: SimulatedStation, detail: str) -> None:
    event = {"type": _TYPE, "timestamp": station.timestamp(), "techInfo": detail}
    await station.call("SecurityEventNotification", event)


async def _parked(
    operator: Operator, station_id: str, holds: Callable[[list[Payload]], bool]
) -> list[Payload]:
    return await eventually(lambda: operator.items("/parked", station_id=station_id), holds)


async def _read_again(hand: Hand, page: Page) -> None:
    await hand.press(page.get_by_role("button", name="Read again"))


async def test_what_was_parked_is_put_back_when_its_cause_is_gone_and_then_deleted(
    as_role: Viewing, hands: Hands, operator: Operator, run: RunState
) -> None:
    mark = secrets.token_hex(5)
    station_id = f"parked-{mark}"
    told = [f"{mark} door {n}" for n in range(3)]
    async with (
        SimulatedStation(station_id, run.ocpp_url) as station,
        _defect(run, mark) as mend,
        as_role("admin") as viewer,
    ):
        await station.wait_accepted(60)
        for detail in told:
            await _report(station, detail)
        await _parked(operator, station_id, lambda items: len(items) == 3)

        page = viewer.page
        hand = hands(page)
        main = page.get_by_role("main")
        await viewer.open()
        await hand.press(main.get_by_role("link", name="could not be processed"))
        await title_is(page, "Parked messages")
        await hand.search(main.get_by_role("searchbox", name="Station"), station_id)
        rows = main.get_by_role("row", name=station_id)
        await expect(rows).to_have_count(3)
        await expect(rows.first).to_contain_text("station-registry")
        await viewer.require_accessible()

        # Too early: it comes again, newer, and is open again.
        before = await operator.items("/parked", station_id=station_id)
        await hand.press(rows.first.get_by_role("button", name="calls.v1"))
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_contain_text(_NOTICED)
        await expect(dialog).to_contain_text("SecurityEventNotification")
        await viewer.require_accessible()
        await hand.press(dialog.get_by_role("button", name="Put back"))
        await expect(page.get_by_text("The message is back in its queue.")).to_be_visible()
        first = before[0]
        await _parked(
            operator,
            station_id,
            lambda items: any(
                one["id"] == first["id"]
                and one["parked_at"] > first["parked_at"]
                and one["replayed_at"] is None
                for one in items
            ),
        )
        await _read_again(hand, page)
        await expect(rows).to_have_count(3)
        assert await operator.items("/security-events", station_id=station_id) == []

        await mend()
        await hand.press(rows.first.get_by_role("button", name="calls.v1"))
        await hand.press(dialog.get_by_role("button", name="Put back"))
        # The list of those that wait does not hold it any more.
        await expect(rows).to_have_count(2)
        await hand.tick(rows.nth(0).get_by_role("checkbox"))
        await hand.press(main.get_by_role("button", name="Put back selected (1)"))
        await hand.press(dialog.get_by_role("button", name="Put one message back"))
        await expect(dialog).to_contain_text("Done: 1. Left as they are: 0.")
        await viewer.require_accessible()
        await hand.press(dialog.get_by_role("button", name="Close"))
        await expect(rows).to_have_count(1)
        await hand.press(main.get_by_role("button", name="Put back all that fit"))
        await expect(dialog).to_contain_text("One item matches.")
        await hand.press(dialog.get_by_role("button", name="Put one message back"))
        await expect(dialog).to_contain_text("Done: 1. Left as they are: 0.")
        await hand.press(dialog.get_by_role("button", name="Close"))
        await expect(rows).to_have_count(0)

        # What became of them: all three are stored as if they had just come.
        await viewer.open(f"security-events?station_id={station_id}")
        for detail in told:
            await expect(main.get_by_role("row", name=detail)).to_be_visible()

        await viewer.open(f"parked?station_id={station_id}")
        await expect(rows).to_have_count(3)
        await hand.press(rows.nth(0).get_by_role("button", name="calls.v1"))
        await hand.press(dialog.get_by_role("button", name="Delete for good"))
        sure = page.get_by_role("dialog", name="Delete this message?")
        await hand.press(sure.get_by_role("button", name="Delete for good"))
        await expect(rows).to_have_count(2)
        await hand.press(main.get_by_role("button", name="Delete all that fit"))
        await expect(dialog).to_contain_text("2 items match.")
        delete = dialog.get_by_role("button", name="Delete 2 messages for good")
        await expect(delete).to_be_disabled()
        await hand.write(dialog.get_by_role("textbox"), "2")
        await viewer.require_accessible()
        await hand.press(delete)
        await expect(dialog).to_contain_text("Done: 2. Left as they are: 0.")
        await hand.press(dialog.get_by_role("button", name="Close"))
        await expect(main).to_contain_text("No message is parked.")
        assert await operator.items("/parked", station_id=station_id) == []


async def test_what_no_service_can_read_is_shown_as_it_is_and_deleted_by_selection(
    as_role: Viewing, hands: Hands, operator: Operator, run: RunState
) -> None:
    station_id = f"unreadable-{secrets.token_hex(5)}"
    item = {
        "station_id": station_id,
        "connection_id": secrets.token_hex(16),
        "epoch": 1,
        "seq": 1,
        "boot_count": 1,
        "received_ms": now_ms(),
        "deadline_ms": now_ms() + 10_000,
        "payload": {"connectorId": "no number", "meterValue": "no list"},
        "tolerated": [],
    }
    body = {
        "gateway_id": "console-tests",
        "reply_key": "console-tests.calls",
        "version": "ocpp16",
        "action": "MeterValues",
        "items": [item, {**item, "seq": 2}],
    }
    async with Link(run.broker_url, "console tests") as link:
        await Publisher(link).publish(
            Outgoing(CALLS, "ocpp16.MeterValues", MessageType.CALLS, json.dumps(body).encode())
        )
    await _parked(operator, station_id, lambda items: len(items) == 2)
    async with as_role("admin") as viewer:
        page = viewer.page
        hand = hands(page)
        main = page.get_by_role("main")
        await viewer.open(f"parked?station_id={station_id}&service=session-service")
        rows = main.get_by_role("row", name=station_id)
        await expect(rows).to_have_count(2)
        await hand.press(rows.first.get_by_role("button", name="calls.v1"))
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_contain_text("no number")
        await viewer.require_accessible()
        await hand.press(dialog.get_by_role("button", name="Close"))
        for n in range(2):
            await hand.tick(rows.nth(n).get_by_role("checkbox"))
        await hand.press(main.get_by_role("button", name="Delete selected (2)"))
        await hand.write(dialog.get_by_role("textbox"), "2")
        await hand.press(dialog.get_by_role("button", name="Delete 2 messages for good"))
        await expect(dialog).to_contain_text("Done: 2. Left as they are: 0.")
        await hand.press(dialog.get_by_role("button", name="Close"))
        await expect(main).to_contain_text("No message is parked.")
    async with as_role("viewer") as viewer:
        await viewer.open("parked")
        await expect(viewer.page.get_by_role("main")).to_contain_text("This page needs the role")
