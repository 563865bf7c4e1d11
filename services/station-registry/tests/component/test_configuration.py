"""Configuration against a real PostgreSQL: kept from ended commands, refreshed, templates."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from driven_registry import Registry
from sqlalchemy import text

from csms_shared.contracts.events import CloudEvent
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.service.inbox import Work
from csms_shared.values.times import format_time

BEGIN = datetime.now(UTC)


def ended(
    number: int,
    action: str,
    payload: dict[str, Any],
    response: dict[str, Any] | None,
    *,
    command_id: str | None = None,
) -> Work:
    at = format_time(BEGIN + timedelta(seconds=number))
    data = {
        "command_id": command_id or str(UUID(int=number)),
        "station_id": "S1",
        "action": action,
        "payload": payload,
        "status": "completed" if response is not None else "expired",
        "accepted": True,
        "response": response,
        "created_by": "admin",
        "created_at": at,
        "sent_at": at,
        "completed_at": at,
        "deadline": at,
    }
    event = CloudEvent(
        id=str(number),
        source="/csms/command-api",
        type="csms.command.completed.v1",
        subject="S1",
        time=at,
        data=data,
    )
    return Work(MessageType.EVENTS, {}, [event.model_dump()])


def read(number: int, unknown: tuple[str, ...] = (), **values: str) -> Work:
    shown = [{"key": key, "readonly": False, "value": value} for key, value in values.items()]
    response = {"configurationKey": shown, "unknownKey": list(unknown)}
    return ended(number, "GetConfiguration", {}, response)


def changed(number: int, key: str, value: str, status: str) -> Work:
    payload = {"key": key, "value": value}
    return ended(number, "ChangeConfiguration", payload, {"status": status})


@pytest.fixture
async def station(registry: Registry) -> Registry:
    await registry.send([registry.claim("S1", "c1")])
    await registry.send([registry.call("BootNotification", "S1", registry.boot())])
    await registry.query("UPDATE station SET vendor = 'ACME'")
    return registry


async def known(registry: Registry) -> dict[str, tuple[str | None, str | None, bool]]:
    view = await registry.request("configuration.get", station_id="S1")
    return {each.key: (each.value, each.last_change, each.reboot_required) for each in view.items}


async def orders(registry: Registry) -> list[tuple[str, dict[str, Any]]]:
    return [
        (each["action"], each["payload"]) for each in await registry.events("command-api.orders")
    ]


async def test_the_newest_answer_counts_whatever_arrives_first(station: Registry) -> None:
    await station.send([read(5, HeartbeatInterval="300")])
    await station.send([read(3, HeartbeatInterval="60", AuthorizationKey="secret")])
    await station.send([changed(4, "heartbeatinterval", "120", "Accepted")])
    assert await known(station) == {
        "AuthorizationKey": ("***", None, False),
        "HeartbeatInterval": ("300", "Accepted", False),
    }


async def test_refused_changes_are_kept_and_change_no_value(station: Registry) -> None:
    await station.send([read(1, A="1", unknown=("B",))])
    await station.send([changed(2, "A", "2", "Rejected"), changed(3, "C", "x", "NotSupported")])
    assert await known(station) == {
        "A": ("1", "Rejected", False),
        "B": (None, None, False),
        "C": (None, "NotSupported", False),
    }
    assert await station.events("configuration.changed") == []


async def test_a_reboot_is_required_until_the_station_boots(station: Registry) -> None:
    await station.send([changed(3600, "A", "2", "RebootRequired")])
    assert (await known(station))["A"] == ("2", "RebootRequired", True)
    await station.query("UPDATE station SET last_boot_at = now() + interval '2 hours'")
    assert (await known(station))["A"] == ("2", "RebootRequired", False)
    (event,) = await station.events("configuration.changed")
    assert event["data"]["status"] == "RebootRequired"


async def test_answers_of_a_station_that_was_deleted_are_dropped(station: Registry) -> None:
    await station.request("stations.delete", station_id="S1")
    await station.send([read(1, A="1")])
    assert await station.query("SELECT * FROM configuration_value") == []


async def test_a_refresh_asks_for_everything_or_in_the_pieces_a_station_takes(
    station: Registry,
) -> None:
    ask = {"station_id": "S1", "created_by": "admin"}
    await station.request("configuration.refresh", **ask, keys=["A", "B", "C"])
    await station.send([read(1, GetConfigurationMaxKeys="2")])
    await station.request("configuration.refresh", **ask, keys=["A", "B", "C"])
    assert await orders(station) == [
        ("GetConfiguration", {}),
        ("GetConfiguration", {"key": ["A", "B"]}),
        ("GetConfiguration", {"key": ["C"]}),
    ]


async def test_a_template_shows_drift_and_sends_only_what_differs_once(station: Registry) -> None:
    template = await station.request(
        "configuration_templates.create",
        name="all",
        values={"A": "1", "B": "2", "C": "3"},
        vendor="ACME",
    )
    named = {"template_id": template.template_id}
    apply = {**named, "created_by": "admin"}

    async def drift() -> dict[str, str]:
        page = await station.request("configuration_templates.drift", **named)
        (only,) = page.items
        return {each.key: each.state.value for each in only.drift}

    assert await drift() == {"A": "unread", "B": "unread", "C": "unread"}
    applied = await station.request("configuration_templates.apply", **apply)
    assert (applied.unread, await orders(station)) == (["S1"], [("GetConfiguration", {})])
    await station.send([read(1, A="1", B="9", unknown=("C",))])
    assert await drift() == {"B": "differs", "C": "not_supported"}
    applied = await station.request("configuration_templates.apply", **apply)
    again = await station.request("configuration_templates.apply", **apply)
    change = {"key": "B", "value": "2"}
    assert (await orders(station))[1:] == [("ChangeConfiguration", change)]
    assert (len(applied.command_ids), again.command_ids) == (1, [])
    assert await drift() == {"B": "ordered", "C": "not_supported"}
    (order_id,) = applied.command_ids
    accepted = {"status": "Accepted"}
    await station.send([ended(2, "ChangeConfiguration", change, accepted, command_id=order_id)])
    assert await drift() == {"C": "not_supported"}


async def test_a_key_that_a_station_leaves_out_is_asked_for_by_name(station: Registry) -> None:
    template = await station.request(
        "configuration_templates.create",
        name="two",
        values={"A": "1", "B": "2", "C": "3"},
        vendor="ACME",
    )
    apply = {"template_id": template.template_id, "created_by": "admin"}
    await station.request("configuration_templates.apply", **apply)
    await station.send([read(1, A="1")])
    await station.request("configuration_templates.apply", **apply)
    await station.send([read(2, GetConfigurationMaxKeys="2")])
    applied = await station.request("configuration_templates.apply", **apply)
    assert applied.unread == ["S1"]
    assert await orders(station) == [
        ("GetConfiguration", {}),
        ("GetConfiguration", {"key": ["B"]}),
        ("GetConfiguration", {"key": ["C"]}),
        ("GetConfiguration", {"key": ["B", "C"]}),
    ]
    await station.send([read(3, B="2", unknown=("C",))])
    assert (await station.request("configuration_templates.apply", **apply)).unread == []


async def test_a_change_that_never_left_can_be_applied_again(station: Registry) -> None:
    template = await station.request(
        "configuration_templates.create", name="one", values={"B": "2"}, station_ids=["S1"]
    )
    apply = {"template_id": template.template_id, "created_by": "admin"}
    await station.send([read(1, B="9")])
    (order_id,) = (await station.request("configuration_templates.apply", **apply)).command_ids
    change = {"key": "B", "value": "2"}
    await station.send([ended(2, "ChangeConfiguration", change, None, command_id=order_id)])
    assert len((await station.request("configuration_templates.apply", **apply)).command_ids) == 1


async def test_a_template_is_for_sites_and_tags_too(registry: Registry) -> None:
    await registry.request("sites.create", site_id="H", name="Harbour")
    for station_id, described in (
        ("A", {"site_id": "H", "tags": ["fast"]}),
        ("B", {"tags": ["fast", "new"]}),
        ("C", {"site_id": "H"}),
        ("D", {"tags": ["slow"]}),
        ("E", {}),
    ):
        await registry.request("stations.create", station_id=station_id, **described)

    async def meant(**stations: Any) -> list[str]:
        content = {"name": "t", "values": {"A": "1"}, **stations}
        template = await registry.request("configuration_templates.create", **content)
        named = {"template_id": template.template_id}
        found, cursor = [], None
        while True:
            page = await registry.request(
                "configuration_templates.drift", **named, limit=2, cursor=cursor
            )
            found += [one.station_id for one in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        await registry.request("configuration_templates.delete", **named)
        return found

    assert await meant(site_ids=["H"]) == ["A", "C"]
    assert await meant(tags=["fast", "slow"]) == ["A", "B", "D"]
    assert await meant(site_ids=["H"], tags=["new"], station_ids=["E", "C"]) == ["A", "B", "C", "E"]
    assert await meant() == []
    await registry.request("stations.delete", station_id="A")
    assert await meant(site_ids=["H"], tags=["fast"]) == ["B", "C"]
    with pytest.raises(ProblemRaised) as refused:
        await meant(site_ids=["H", "nowhere"])
    assert [error.field for error in refused.value.problem.errors] == ["site_ids"]


async def test_a_station_with_several_tags_of_a_template_keeps_no_other_out(
    registry: Registry,
) -> None:
    tags = ["fast", "new", "public"]
    for station_id in "ABCDEF":
        await registry.request("stations.create", station_id=station_id, tags=tags)
    template = await registry.request(
        "configuration_templates.create", name="t", values={"A": "1"}, tags=tags
    )
    named = {"template_id": template.template_id, "limit": 2}
    pages: list[str] = []
    cursor = None
    while cursor is not None or not pages:
        page = await registry.request("configuration_templates.drift", **named, cursor=cursor)
        pages.append("".join(one.station_id for one in page.items))
        cursor = page.next_cursor
    assert pages == ["AB", "CD", "EF"]
    applied = await registry.request(
        "configuration_templates.apply", template_id=template.template_id, limit=5,
        created_by="admin",
    )  # fmt: skip
    assert (applied.stations, applied.next_cursor is None) == (5, False)


async def test_templates_are_listed_replaced_and_deleted(registry: Registry) -> None:
    async def problem(operation: str, **parameters: Any) -> tuple[int, list[str]]:
        with pytest.raises(ProblemRaised) as raised:
            await registry.request(f"configuration_templates.{operation}", **parameters)
        found = raised.value.problem
        return found.status, [error.field for error in found.errors]

    made = await registry.request("configuration_templates.create", name="a", values={"A": "1"})
    other = await registry.request("configuration_templates.create", name="b", values={"A": "1"})
    assert await problem("create", name="a", values={"A": "1"}) == (409, ["name"])
    assert await problem("create", name="c", values={"AuthorizationKey": "x"}) == (
        422,
        ["values.AuthorizationKey"],
    )
    assert await problem("create", name="c", values={"A": "1", "a": "2"}) == (
        422,
        ["values.A", "values.a"],
    )
    assert await problem("create", name="c", values={"A": "1"}, station_ids=["nobody"]) == (
        422,
        ["station_ids"],
    )
    assert await problem("replace", template_id=other.template_id, name="a", values={"A": "1"}) == (
        409,
        ["name"],
    )
    changed = await registry.request(
        "configuration_templates.replace",
        template_id=made.template_id,
        name="z",
        values={"B": "2"},
    )
    assert (changed.name, changed.values) == ("z", {"B": "2"})
    page = await registry.request("configuration_templates.list", limit=1)
    rest = await registry.request("configuration_templates.list", limit=1, cursor=page.next_cursor)
    assert [each.name for each in (*page.items, *rest.items)] == ["b", "z"]
    await registry.request("configuration_templates.delete", template_id=made.template_id)
    assert await problem("delete", template_id=made.template_id) == (404, [])


async def test_of_two_templates_that_get_one_name_at_once_one_is_refused(
    registry: Registry,
) -> None:
    content = {"values": {"A": "1"}}
    made = await registry.request("configuration_templates.create", name="a", **content)
    await registry.request("configuration_templates.create", name="b", **content)
    async with registry.engine.connect() as other:
        await other.execute(text("UPDATE configuration_template SET name = 'c' WHERE name = 'b'"))
        replacing = asyncio.create_task(
            registry.request(
                "configuration_templates.replace",
                template_id=made.template_id,
                name="c",
                **content,
            )
        )
        async with asyncio.timeout(10):
            while not await registry.query("SELECT pid FROM pg_locks WHERE NOT granted"):
                await asyncio.sleep(0.01)
        await other.commit()
    with pytest.raises(ProblemRaised) as refused:
        await replacing
    assert (refused.value.problem.status, refused.value.problem.code) == (409, "template_exists")
