"""What REST asks, against a real PostgreSQL."""

from typing import Any

import orjson
import pytest
from driven_registry import Registry, content_of, registration_of

from csms_shared.contracts.ownership import ClaimReply, ReassertionReply
from csms_shared.contracts.refusals import ProblemRaised


async def _problem(registry: Registry, operation: str, **parameters: Any) -> tuple[int, str]:
    with pytest.raises(ProblemRaised) as raised:
        await registry.request(operation, **parameters)
    return raised.value.problem.status, raised.value.problem.code


def _sent(registry: Registry) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (message.exchange, message.routing_key, item)
        for message in registry.publisher.sent
        for item in orjson.loads(message.body)["items"]
    ]


async def test_a_station_is_created_once(registry: Registry) -> None:
    view = await registry.request("stations.create", station_id="ESC/1 x", boot_policy="pending")
    assert (view.registration_status, view.online, view.has_password) == ("pending", False, False)
    problem = await _problem(registry, "stations.create", station_id="ESC/1 x")
    assert problem == (409, "station_exists")
    assert len(await registry.events("station.created")) == 1


async def test_what_does_not_exist_is_not_found(registry: Registry) -> None:
    for operation in ("get", "delete", "connectors"):
        assert await _problem(registry, f"stations.{operation}", station_id="x\0") == (
            404,
            "not_found",
        )
    assert (await registry.request("owners.look_up", station_ids=["x"]))[0].known is False


async def test_stations_are_listed_in_pages_by_any_filter(registry: Registry) -> None:
    await registry.send([registry.claim(f"S{n}", f"c{n}") for n in range(5)])
    await registry.send([registry.call("BootNotification", "S3", registry.boot(model="10%_off"))])
    await registry.send([registry.release("S0", "c0", 1)])
    seen, cursor = [], None
    while True:
        page = await registry.request("stations.list", limit=2, cursor=cursor)
        seen += [view.station_id for view in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == ["S0", "S1", "S2", "S3", "S4"]
    for filters, found in (
        ({"online": False}, ["S0"]),
        ({"vendor": "Vendor"}, ["S3"]),
        ({"registration_status": "accepted"}, ["S3"]),
        ({"q": "%_O"}, ["S3"]),
        ({"q": "s4"}, ["S4"]),
    ):
        page = await registry.request("stations.list", **filters)
        assert [view.station_id for view in page.items] == found


async def test_connections_are_listed_newest_first(registry: Registry) -> None:
    await registry.send(
        [registry.claim(f"S{n}", f"c{n}", connected_ms=1_000 * n) for n in range(3)]
    )
    first = await registry.request("connections.list", limit=2)
    rest = await registry.request("connections.list", limit=2, cursor=first.next_cursor)
    assert [view.station_id for view in (*first.items, *rest.items)] == ["S2", "S1", "S0"]
    assert rest.next_cursor is None


async def test_a_new_status_is_pushed_to_the_holding_gateway_and_told(registry: Registry) -> None:
    await registry.send([registry.claim("A", "c1")])
    await registry.request(
        "stations.change",
        station_id="A",
        set=["registration_status", "heartbeat_interval"],
        registration_status="rejected",
        heartbeat_interval=20,
    )
    ((exchange, key, control),) = _sent(registry)
    assert (exchange, key, control["kind"], control["epoch"]) == (
        "csms.gateways.v1",
        "gw-1",
        "registration",
        1,
    )
    assert control["registration"]["registration_status"] == "rejected"
    assert control["registration"]["heartbeat_interval_s"] == 20
    assert len(await registry.events("station.registration_changed")) == 1


async def test_an_exempt_station_is_so_at_every_gateway_until_it_is_not(registry: Registry) -> None:
    (claimed,) = await registry.send([registry.claim("A", "c1")])
    assert not registration_of(claimed).exempt_from_limits

    async def exempt(value: bool) -> tuple[str, int, bool]:
        view = await registry.request(
            "stations.change",
            station_id="A",
            set=["exempt_from_limits"],
            exempt_from_limits=value,
        )
        assert view.exempt_from_limits is value
        _, gateway, control = _sent(registry)[-1]
        return gateway, control["epoch"], control["registration"]["exempt_from_limits"]

    assert await exempt(True) == ("gw-1", 1, True)
    replies = await registry.send([registry.claim("A", "c2", "gw-2")])
    claims = [reply for reply in replies if reply.type == "claim-replies.v1"]
    assert [registration_of(reply).exempt_from_limits for reply in claims] == [True]
    (booted,) = await registry.send(
        [registry.call("BootNotification", "A", registry.boot(), epoch=2)]
    )
    assert registration_of(booted).exempt_from_limits
    assert await exempt(False) == ("gw-2", 2, False)


async def test_a_station_created_exempt_is_so_and_created_again_it_is_not(
    registry: Registry,
) -> None:
    view = await registry.request("stations.create", station_id="A", exempt_from_limits=True)
    assert view.exempt_from_limits
    await registry.request("stations.delete", station_id="A")
    assert not (await registry.request("stations.create", station_id="A")).exempt_from_limits


async def test_a_deleted_station_is_closed_and_its_epoch_goes_on_growing(
    registry: Registry,
) -> None:
    await registry.send([registry.claim("A", "c1")])
    await registry.request("stations.delete", station_id="A")
    assert [control["kind"] for _, _, control in _sent(registry)] == ["close"]
    (reply,) = await registry.send([registry.reassertion("A", "c1", 1)])
    assert content_of(reply, ReassertionReply).superseded == ["c1"]
    (reply, *_) = await registry.send([registry.claim("A", "c2")])
    assert content_of(reply, ClaimReply).epoch == 2
    types = [event["type"] for event in await registry.events()]
    assert types.count("csms.station.deleted.v1") == 1
    assert types.count("csms.station.created.v1") == 2
    assert len({event["id"] for event in await registry.events()}) == len(types)


async def test_a_station_created_again_has_nothing_of_the_old_one(registry: Registry) -> None:
    await registry.request("stations.create", station_id="A", credential_proofs=["aa"])
    await registry.send([registry.claim("A", "c1", credential_proofs=["aa"])])
    await registry.send([registry.call("BootNotification", "A", registry.boot())])
    await registry.request("stations.delete", station_id="A")
    view = await registry.request("stations.create", station_id="A")
    assert (view.has_password, view.vendor, view.last_boot_at) == (False, None, None)


async def test_the_fleet_shows_gateways_whose_lease_runs(registry: Registry) -> None:
    await registry.send([registry.lease("gw-1"), registry.lease("gw-2"), registry.claim("A", "c")])
    await registry.send([registry.lease("gw-2", final=True)])
    fleet = await registry.request("fleet.status")
    assert (fleet.stations, fleet.stations_online) == (1, 1)
    assert [view.gateway_id for view in fleet.gateways] == ["gw-1"]


async def test_connectors_are_shown_in_order(registry: Registry) -> None:
    await registry.send([registry.claim("A", "c1")])
    assert await registry.request("stations.connectors", station_id="A") == []
    await registry.send(
        [
            registry.call(
                "StatusNotification",
                "A",
                {"connectorId": n, "status": "Faulted", "errorCode": "GroundFailure", "info": "x"},
                seq=10 - n,
            )
            for n in (2, 0, 1)
        ]
    )
    shown = await registry.request("stations.connectors", station_id="A")
    assert [(view.connector_id, view.error_code, view.info) for view in shown] == [
        (number, "GroundFailure", "x") for number in range(3)
    ]
    assert [view.evse_id for view in shown] == [0, 1, 2]
