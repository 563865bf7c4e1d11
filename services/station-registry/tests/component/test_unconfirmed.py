"""What is shown of stations whose gateway may be gone: that it is not known."""

from collections.abc import Iterable

from driven_registry import Registry, content_of
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.ownership import LeaseReply
from csms_shared.db.upkeep import UpkeepTask
from station_registry.ownership.handlers.leases import doubt_gateways, sweep_leases
from station_registry.ownership.store.leases import LEASE_S, RENEWED_WITHIN_S


async def _do(registry: Registry, task: UpkeepTask) -> None:
    async with registry.engine.begin() as connection:
        await task.work(connection)


async def _renewed_ago(registry: Registry, gateway_id: str, seconds: float) -> None:
    await registry.query(
        "UPDATE gateway SET lease_expires_at = now() + make_interval(secs => :left) "
        "WHERE gateway_id = :id",
        id=gateway_id,
        left=LEASE_S - seconds,
    )


async def _figures(registry: Registry) -> tuple[int, int]:
    """Return how many stations are online and of how many it is not known, shown alike by all."""
    fleet = await registry.request("fleet.status")
    for view in (await registry.request("stations.list", online=True)).items:
        alone = await registry.request("stations.get", station_id=view.station_id)
        assert alone.online_unconfirmed is view.online_unconfirmed
        assert view.connection.unconfirmed is view.online_unconfirmed
    connections = (await registry.request("connections.list")).items
    unconfirmed = sum(one.unconfirmed for one in connections)
    shown = (fleet.stations_online, fleet.stations_unconfirmed)
    assert shown == (len(connections) - unconfirmed, unconfirmed)
    gateways = {gateway.gateway_id: gateway.unconfirmed for gateway in fleet.gateways}
    assert all(gateways[one.gateway_id] is one.unconfirmed for one in connections)
    return shown


async def _three_stations(registry: Registry) -> None:
    await registry.send([registry.lease("gw-1"), registry.lease("gw-2")])
    await registry.send(
        [
            registry.claim("A", "c1", "gw-1"),
            registry.claim("B", "c2", "gw-1"),
            registry.claim("C", "c3", "gw-2"),
        ]
    )


async def test_of_stations_whose_gateway_is_late_with_its_lease_it_is_not_known(
    registry: Registry,
) -> None:
    await _three_stations(registry)
    assert await _figures(registry) == (3, 0)
    await _renewed_ago(registry, "gw-1", RENEWED_WITHIN_S - 2)
    assert await _figures(registry) == (3, 0)
    await _renewed_ago(registry, "gw-1", RENEWED_WITHIN_S + 1)
    assert await _figures(registry) == (1, 2)
    # Nothing else follows from it: commands go there, and whoever asks for online gets them.
    (owner,) = await registry.request("owners.look_up", station_ids=["A"])
    assert owner.gateway_id == "gw-1"
    online = await registry.request("stations.list", online=True)
    assert [(view.station_id, view.online) for view in online.items] == [
        ("A", True),
        ("B", True),
        ("C", True),
    ]
    await registry.send([registry.lease("gw-1")])
    assert await _figures(registry) == (3, 0)


async def test_what_a_gateway_gave_up_or_lost_is_offline_for_certain(registry: Registry) -> None:
    await _three_stations(registry)
    await registry.send([registry.lease("gw-1", final=True)])
    assert await _figures(registry) == (1, 0)
    view = await registry.request("stations.get", station_id="A")
    assert (view.online, view.online_unconfirmed) == (False, False)
    await registry.end_lease("gw-2")
    assert await _figures(registry) == (0, 0)


async def test_a_gateway_without_a_consumer_at_the_broker_is_doubted_until_it_renews(
    registry: Registry,
) -> None:
    await _three_stations(registry)
    asked: list[list[str]] = []

    async def absent(gateway_ids: Iterable[str]) -> set[str]:
        asked.append(sorted(gateway_ids))
        return {"gw-1"} & set(gateway_ids)

    await _do(registry, doubt_gateways(absent))
    assert await _figures(registry) == (1, 2)
    # Its connections are nobody else's, and its lease runs on.
    assert await registry.owner("A") == ("gw-1", "c1", 1)
    await _do(registry, doubt_gateways(absent))
    assert asked == [["gw-1", "gw-2"], ["gw-2"]]
    (reply,) = await registry.send([registry.lease("gw-1")])
    assert content_of(reply, LeaseReply).confirmed
    assert await _figures(registry) == (3, 0)


async def test_a_renewal_during_the_look_at_the_broker_says_more_than_the_look(
    registry: Registry,
) -> None:
    await _three_stations(registry)

    async def absent(gateway_ids: Iterable[str]) -> set[str]:
        await registry.send([registry.lease("gw-1")])
        return set(gateway_ids)

    await _do(registry, doubt_gateways(absent))
    assert await _figures(registry) == (2, 1)


async def test_a_lease_that_was_granted_after_an_outage_is_no_sign_of_its_gateway(
    registry: Registry,
) -> None:
    async def watch(connection: AsyncConnection) -> None:
        await sweep_leases(connection, "registry-1")

    await _three_stations(registry)
    watched = UpkeepTask("watch", 1.0, watch)
    await _do(registry, watched)
    await registry.end_lease("gw-1")
    await registry.end_lease("gw-2")
    await registry.query("UPDATE lease_watch SET looked_at = now() - interval '1 minute'")
    await _do(registry, watched)
    assert await _figures(registry) == (0, 3)
    await registry.send([registry.lease("gw-2")])
    assert await _figures(registry) == (1, 2)
    fleet = await registry.request("fleet.status")
    assert [gateway.renewed_at is None for gateway in fleet.gateways] == [True, False]
