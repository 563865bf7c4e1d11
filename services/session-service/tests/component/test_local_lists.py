"""Local lists on a real database: what is ordered, and what a station that applies it holds."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import orjson
import pytest
from session_records import Records
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.local_lists import KeepLocalList, LocalListName, LocalListView
from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.db.engine import in_transaction
from csms_shared.ocpp.schemas import validate_request
from csms_shared.service.inbox import Work
from csms_shared.values.times import format_time
from session_service.local_lists import store as local_lists
from session_service.local_lists.handlers.requests import (
    get_local_list,
    keep_local_list,
    leave_local_list,
    sync_local_list,
)
from session_service.local_lists.handlers.synchronizing import forget_contents, look_at_due

Order = dict[str, Any]


class Station:
    """Answers orders as a station does (5.10, 5.15)."""

    def __init__(self, records: Records, **limits: int) -> None:
        self.records = records
        self.limits = limits
        self.entries: dict[str, Any] = {}
        self.version = 0
        self.seen: list[Order] = []
        self._read = 0

    async def orders(self) -> list[Order]:
        """Return the orders since the last time."""
        rows = await self.records.rows(
            "SELECT id, events FROM outbox WHERE routing_key = 'command-api.orders' "
            "AND id > :read ORDER BY id",
            read=self._read,
        )
        self._read = max([self._read, *(row["id"] for row in rows)])
        orders = [order for row in rows for order in orjson.loads(row["events"])]
        for order in orders:
            assert validate_request("ocpp16", order["action"], order["payload"]) is None
        self.seen += orders
        return orders

    def answer(self, order: Order) -> dict[str, Any]:
        payload = order["payload"]
        if order["action"] == "GetConfiguration":
            known = [
                {"key": key, "readonly": True, "value": str(value)}
                for key, value in self.limits.items()
            ]
            return {"configurationKey": known}
        if order["action"] == "GetLocalListVersion":
            return {"listVersion": self.version}
        if payload["updateType"] == "Full":
            self.entries = {}
        elif payload["listVersion"] <= self.version:
            return {"status": "VersionMismatch"}
        for entry in payload["localAuthorizationList"]:
            if "idTagInfo" in entry:
                self.entries[entry["idTag"]] = entry["idTagInfo"]
            else:
                self.entries.pop(entry["idTag"], None)
        self.version = payload["listVersion"]
        return {"status": "Accepted"}

    async def serve(self) -> None:
        """Answer until nothing more is ordered."""
        while orders := await self.orders():
            await self.records.report(*(ended(order, self.answer(order)) for order in orders))


def ended(order: Order, response: dict[str, Any] | None, **changes: Any) -> Work:
    now = format_time(datetime.now(UTC))
    data = {
        "command_id": order.get("order_id", str(uuid4())),
        "station_id": "S1",
        "action": order["action"],
        "payload": order["payload"],
        "status": "completed",
        "response": response,
        "created_by": order.get("created_by", "admin"),
        "created_at": now,
        "completed_at": now,
        "deadline": now,
    } | changes
    return event("command.completed", data)


def event(key: str, data: dict[str, Any], station_id: str = "S1") -> Work:
    item = {
        "id": str(uuid4()),
        "source": "/csms/tests",
        "type": f"csms.{key}.v1",
        "subject": station_id,
        "time": format_time(datetime.now(UTC)),
        "data": data,
    }
    return Work("events.v1", {}, [item])


async def keep(records: Records, **selection: Sequence[str] | None) -> LocalListView:
    request = KeepLocalList.model_validate({"station_id": "S1", **selection})
    return await in_transaction(records.engine, lambda c: keep_local_list(c, request))


async def ask(
    records: Records, handler: Callable[[AsyncConnection, LocalListName], Awaitable[LocalListView]]
) -> LocalListView:
    return await in_transaction(
        records.engine, lambda c: handler(c, LocalListName(station_id="S1"))
    )


async def later(records: Records) -> None:
    """Let the waiting time of the list pass, and look at it."""
    await records.execute("UPDATE local_list SET next_at = now()")
    await in_transaction(records.engine, look_at_due)


def actions(station: Station) -> list[str]:
    return [order["payload"].get("updateType", order["action"]) for order in station.seen]


async def test_a_list_is_sent_in_full_once_and_changes_as_differences(records: Records) -> None:
    station = Station(records)
    for name in ("A", "B"):
        await records.token(name, group_id="G" if name == "A" else None)
    await records.token("blocked", status="blocked")
    await records.token("gone", expires_at=datetime(2020, 1, 1, tzinfo=UTC))
    await records.token("X" * 21)
    await keep(records)
    await station.serve()
    assert station.entries == {
        "A": {"status": "Accepted", "parentIdTag": "G"},
        "B": {"status": "Accepted"},
    }
    assert actions(station) == ["GetConfiguration", "GetLocalListVersion", "Full"]
    await later(records)
    assert await station.orders() == []
    assert (await ask(records, get_local_list)).status == "in_sync"
    await records.execute("DELETE FROM id_token WHERE key = 'a'")
    await records.token("C")
    await records.token("D")
    await later(records)
    await station.serve()
    assert set(station.entries) == {"B", "C", "D"}
    assert actions(station)[3:] == ["Differential"]
    view = await ask(records, get_local_list)
    assert (view.status, view.known_version, view.wanted_entries) == ("in_sync", 2, 3)


async def test_limits_of_the_station_are_kept_and_shown(records: Records) -> None:
    station = Station(records, LocalAuthListMaxLength=5, SendLocalListMaxLength=2)
    for number in range(8):
        await records.token(f"T{number}")
    await keep(records)
    await station.serve()
    assert set(station.entries) == {f"T{number}" for number in range(5)}
    assert actions(station)[2:] == ["Full", "Differential", "Differential"]
    view = await ask(records, get_local_list)
    assert (view.wanted_entries, view.left_out, view.max_entries) == (5, 3, 5)
    assert view.max_entries_per_message == 2


@pytest.mark.parametrize(
    ("written", "chosen"),
    [
        ("Straße", "STRASSE"),
        ("STRASSE", "straße"),
        (" fleet\t", "Fleet"),
        ("fleet", " FLEET "),
        ("\u0130zmir", "i\u0307ZMIR"),
        ("ΣΑΣ", "σας"),
    ],
)
async def test_a_group_is_the_same_one_as_its_tokens_are(
    records: Records, written: str, chosen: str
) -> None:
    station = Station(records)
    await records.token("A", group_id=written)
    await records.token("B", group_id="other")
    await keep(records, group_ids=[chosen], id_tokens=[])
    await station.serve()
    assert list(station.entries) == ["A"]


async def test_a_selection_takes_groups_and_single_tokens(records: Records) -> None:
    station = Station(records)
    await records.token("A", group_id="Fleet")
    await records.token("B", group_id="other")
    await records.token("C")
    await keep(records, group_ids=["fleet"], id_tokens=["c"])
    await station.serve()
    assert set(station.entries) == {"A", "C"}
    await keep(records, id_tokens=[])
    await station.serve()
    assert station.entries == {}


async def test_a_station_that_lost_its_list_gets_it_again_after_it_connected(
    records: Records,
) -> None:
    station = Station(records)
    await records.token("A")
    await keep(records)
    await station.serve()
    station.entries, station.version = {}, 0
    await records.execute("UPDATE local_list SET checked_at = now() - interval '1 hour'")
    await records.report(event("station.connected", {"epoch": 2}), event("station.connected", {}))
    await station.serve()
    assert set(station.entries) == {"A"}


async def test_a_list_that_an_operator_sent_is_replaced(records: Records) -> None:
    station = Station(records)
    await records.token("A")
    await keep(records)
    await station.serve()
    payload = {"listVersion": 40, "updateType": "Full", "localAuthorizationList": []}
    sent: Order = {"action": "SendLocalList", "payload": payload}
    await records.report(ended(sent, station.answer(sent)))
    await later(records)
    await station.serve()
    assert (set(station.entries), station.version) == ({"A"}, 41)


@pytest.mark.parametrize(
    ("end", "status"),
    [
        ({"response": {"status": "NotSupported"}}, "unsupported"),
        ({"status": "error", "error": {"code": "NotImplemented"}}, "unsupported"),
        ({"response": {"status": "Failed"}}, "retrying"),
        ({"response": {"status": "VersionMismatch"}}, "retrying"),
        ({"status": "error", "error": {"code": "InternalError"}}, "retrying"),
        ({"status": "error", "error": {"code": "BUSY"}}, "retrying"),
        ({"status": "outcome_unknown"}, "retrying"),
        ({"status": "expired"}, "waiting"),
        ({"status": "station_offline"}, "waiting"),
        ({"status": "error", "error": {"code": "STATION_PENDING"}}, "waiting"),
    ],
)
async def test_every_end_of_an_update_shows_and_the_list_arrives_after_a_sync(
    records: Records, end: dict[str, Any], status: str
) -> None:
    station = Station(records)
    await records.token("A")
    await keep(records)
    for _ in range(2):
        (order,) = await station.orders()
        await records.report(ended(order, station.answer(order)))
    (order,) = await station.orders()
    await records.report(ended(order, **({"response": None} | end)))
    shown = (await ask(records, get_local_list)).status
    assert shown == status
    await station.serve()
    await ask(records, sync_local_list)
    await station.serve()
    assert set(station.entries) == {"A"}
    assert (await ask(records, get_local_list)).status == "in_sync"


@pytest.mark.parametrize("status", [{"word": "Accepted"}, ["Accepted"], 1, None])
@pytest.mark.parametrize("kept", [False, True])
async def test_an_answer_with_a_status_that_has_none_costs_nobody_else_anything(
    records: Records, kept: bool, status: object
) -> None:
    if kept:
        await keep(records)
    asked = {"action": "GetConfiguration", "payload": {}}
    limits = [{"key": "SendLocalListMaxLength", "readonly": True, "value": "7"}]
    odd = ended(asked, {"configurationKey": limits, "status": status})
    version = ended({"action": "GetLocalListVersion", "payload": {}}, {"status": status})

    await records.report(odd, version)

    rows = await records.rows("SELECT max_per_message FROM local_list")
    assert [row["max_per_message"] for row in rows] == ([7] if kept else [])


async def test_a_list_left_alone_changes_no_more(records: Records) -> None:
    station = Station(records)
    await keep(records)
    await station.serve()
    assert (await ask(records, leave_local_list)).status == "off"
    await records.token("A")
    await later(records)
    assert await station.orders() == []
    with pytest.raises(ProblemRaised) as refused:
        await ask(records, sync_local_list)
    assert refused.value.problem.status == 409
    await keep(records)
    await station.serve()
    assert set(station.entries) == {"A"}


async def test_a_command_that_never_ends_is_given_up(records: Records) -> None:
    station = Station(records)
    await keep(records)
    await station.orders()
    await later(records)
    (again,) = await station.orders()
    assert again["action"] == "GetConfiguration"


async def test_contents_that_nobody_holds_are_forgotten(records: Records) -> None:
    station = Station(records)
    for name in ("A", "B"):
        await records.token(name)
        await keep(records)
        await station.serve()
    counted = "SELECT count(*) FROM local_list_content"
    assert (await records.rows(counted))[0]["count"] == 2
    await records.execute("UPDATE local_list_content SET touched_at = now() - interval '2 hours'")
    await in_transaction(records.engine, forget_contents)
    assert (await records.rows(counted))[0]["count"] == 1


async def test_contents_are_not_compared_with_each_list(
    records: Records, analyze: Callable[[str], Awaitable[None]]
) -> None:
    await records.execute(
        "INSERT INTO local_list_content (digest, entries, touched_at) "
        "SELECT 'd' || n, '[]', now() - interval '2 hours' FROM generate_series(1, 20000) AS n"
    )
    await keep(records)
    await records.execute("UPDATE local_list SET known_digest = 'd1', doubtful_digest = NULL")
    await analyze("local_list_content")
    plan = await records.rows(f"EXPLAIN {local_lists._DROP_CONTENTS.text}")
    assert any("hashed SubPlan" in row["QUERY PLAN"] for row in plan), plan
    await in_transaction(records.engine, forget_contents)
    assert {
        row["digest"] for row in await records.rows("SELECT digest FROM local_list_content")
    } == {"d1"}


async def test_unknown_lists_are_not_found(records: Records) -> None:
    for handler in (get_local_list, sync_local_list, leave_local_list):
        with pytest.raises(ProblemRaised) as refused:
            await ask(records, handler)
        assert refused.value.problem.status == 404
