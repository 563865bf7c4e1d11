"""Claims and releases against a real PostgreSQL, and batches of every kind."""

import asyncio

from driven_registry import Registry, content_of, registration_of

from csms_shared.contracts.control import Control
from csms_shared.contracts.ownership import ClaimReply, ReassertionReply
from csms_shared.service.inbox import Reply


def _outcomes(replies: list[Reply]) -> list[tuple[str, int]]:
    return [
        (str(content_of(reply, ClaimReply).outcome), content_of(reply, ClaimReply).epoch)
        for reply in replies
        if reply.type == "claim-replies.v1"
    ]


def _controls(replies: list[Reply]) -> list[tuple[str, str, int]]:
    return [
        (reply.key, str(content_of(reply, Control).kind), content_of(reply, Control).epoch)
        for reply in replies
        if reply.type == "controls.v1" and reply.exchange == "csms.gateways.v1"
    ]


async def test_a_first_claim_creates_the_station_and_owns_it(registry: Registry) -> None:
    replies = await registry.send([registry.claim("A", "c1")])
    assert _outcomes(replies) == [("accepted", 1)]
    reply = content_of(replies[0], ClaimReply)
    assert (reply.booted, reply.status_known) == (False, False)
    assert registration_of(replies[0]).registration_status == "pending"
    assert await registry.owner("A") == ("gw-1", "c1", 1)
    assert sorted(await registry.event_types()) == [
        "station.connected",
        "station.created",
        "station.online",
    ]


async def test_the_same_claim_again_gets_the_same_epoch_and_changes_nothing(
    registry: Registry,
) -> None:
    await registry.send([registry.claim("A", "c1")])
    events = await registry.events()
    assert _outcomes(await registry.send([registry.claim("A", "c1")])) == [("accepted", 1)]
    assert await registry.events() == events


async def test_a_claim_redelivered_after_a_newer_one_does_not_take_the_station_back(
    registry: Registry,
) -> None:
    await registry.send([registry.claim("A", "c1")])
    await registry.send([registry.claim("A", "c2", "gw-2")])
    assert _outcomes(await registry.send([registry.claim("A", "c1")])) == [("accepted", 1)]
    assert await registry.owner("A") == ("gw-2", "c2", 2)


async def test_a_claim_redelivered_after_its_release_leaves_the_station_offline(
    registry: Registry,
) -> None:
    await registry.send([registry.claim("A", "c1")])
    await registry.send([registry.release("A", "c1", 1)])
    await registry.send([registry.claim("A", "c1")])
    assert await registry.owner("A") is None


async def test_the_newest_connection_wins_and_the_old_gateway_is_told(registry: Registry) -> None:
    await registry.send([registry.claim("A", "c1")])
    replies = await registry.send([registry.claim("A", "c2", "gw-2")])
    assert _outcomes(replies) == [("accepted", 2)]
    assert _controls(replies) == [("gw-1", "superseded", 2)]
    assert (await registry.event_types()).count("station.online") == 1


async def test_of_two_claims_in_one_batch_the_later_wins(registry: Registry) -> None:
    replies = await registry.send([registry.claim("A", "c1"), registry.claim("A", "c2")])
    assert _outcomes(replies) == [("accepted", 1), ("accepted", 2)]
    assert _controls(replies) == [("gw-1", "superseded", 2)]
    assert await registry.owner("A") == ("gw-1", "c2", 2)


async def test_a_late_release_does_not_clear_a_newer_owner(registry: Registry) -> None:
    await registry.send([registry.claim("A", "c1")])
    await registry.send([registry.claim("A", "c2", "gw-2")])
    await registry.send([registry.release("A", "c1", 1), registry.release("A", "c1", 1)])
    assert await registry.owner("A") == ("gw-2", "c2", 2)
    assert "station.disconnected" not in await registry.event_types()


async def test_a_release_tells_once_that_the_station_is_gone(registry: Registry) -> None:
    await registry.send([registry.claim("A", "c1")])
    for _ in range(2):
        await registry.send([registry.release("A", "c1", 1)])
    types = await registry.event_types()
    assert types.count("station.disconnected") == types.count("station.offline") == 1


async def test_a_connection_whose_claim_was_never_answered_is_released_by_its_id(
    registry: Registry,
) -> None:
    await registry.send([registry.claim("A", "c1"), registry.claim("B", "c2")])
    await registry.send([registry.claim("B", "c3", "gw-2")])
    unanswered = [
        registry.release(station, name, 0) for station, name in (("B", "c2"), ("A", "c9"))
    ]
    await registry.send([registry.release("A", "c1", 0), *unanswered])
    assert await registry.owner("A") is None
    assert await registry.owner("B") == ("gw-2", "c3", 2)
    (offline,) = await registry.events("station.offline")
    assert (offline["subject"], offline["data"]["epoch"]) == ("A", 1)


async def test_a_release_of_an_epoch_that_another_connection_has_changes_nothing(
    registry: Registry,
) -> None:
    await registry.send([registry.claim("A", "c1")])
    # Of a connection from before the registry's data were restored from a backup.
    await registry.send([registry.release("A", "c0", 1)])
    (reply,) = await registry.send([registry.reassertion("A", "c1", 1)])
    assert content_of(reply, ReassertionReply).superseded == []
    assert await registry.owner("A") == ("gw-1", "c1", 1)


async def test_a_claim_past_its_deadline_is_dropped(registry: Registry) -> None:
    assert await registry.send([registry.claim("A", "c1", deadline_ms=1)]) == []
    assert await registry.query("SELECT * FROM station") == []


async def test_an_unknown_station_is_refused_where_none_are_admitted(registry: Registry) -> None:
    registry.unknown("reject")
    assert _outcomes(await registry.send([registry.claim("A", "c1")])) == [("unknown_station", 0)]
    assert await registry.query("SELECT * FROM station") == []


async def test_no_more_unknown_stations_are_created_than_the_limit(registry: Registry) -> None:
    registry.unknown("pending", 3)
    batches = [[registry.claim(f"S{n}{m}", f"c{n}{m}") for m in range(4)] for n in range(3)]
    replies = await asyncio.gather(*(registry.send(batch) for batch in batches))
    outcomes = [outcome for each in replies for outcome, _ in _outcomes(each)]
    assert sorted(outcomes) == ["accepted"] * 3 + ["too_many_unknown_stations"] * 9


async def test_a_station_id_that_no_table_can_hold_is_unknown(registry: Registry) -> None:
    replies = await registry.send([registry.claim("A\0", "c1"), registry.claim("B", "c2")])
    assert [outcome for outcome, _ in _outcomes(replies)] == [
        "too_many_unknown_stations",
        "accepted",
    ]


async def test_a_station_with_a_password_never_connects_without_it(registry: Registry) -> None:
    await registry.request("stations.create", station_id="A", credential_proofs=["aa", "bb"])
    attempts = [(), ("cc",), ("bb",), ("xx", "aa")]
    replies = await registry.send(
        [registry.claim("A", f"c{n}", credential_proofs=p) for n, p in enumerate(attempts)]
    )
    assert _outcomes(replies) == [
        ("bad_credentials", 0),
        ("bad_credentials", 0),
        ("accepted", 1),
        ("accepted", 2),
    ]


async def test_the_previous_password_counts_until_the_new_one_is_used(registry: Registry) -> None:
    await registry.request("stations.create", station_id="A", credential_proofs=["01d"])
    await registry.request(
        "stations.set_password", station_id="A", credential_proofs=["new"], keep_previous=True
    )
    for number, (proof, outcome) in enumerate(
        [("01d", "accepted"), ("new", "accepted"), ("01d", "bad_credentials")]
    ):
        replies = await registry.send(
            [registry.claim("A", f"c{number}", credential_proofs=[proof])]
        )
        assert content_of(replies[0], ClaimReply).outcome == outcome


async def test_another_security_profile_than_the_stations_is_refused(registry: Registry) -> None:
    await registry.request(
        "stations.create", station_id="A", credential_proofs=["aa"], security_profile=2
    )
    replies = await registry.send(
        [
            registry.claim("A", "c1", credential_proofs=["aa"]),
            registry.claim("A", "c2", credential_proofs=["aa"], tls=True),
        ]
    )
    assert _outcomes(replies) == [("wrong_security_profile", 0), ("accepted", 1)]


async def test_a_strict_stations_claim_needs_a_subprotocol_and_the_refused_one_takes_nothing(
    registry: Registry,
) -> None:
    await registry.request("stations.create", station_id="A", strict=True)
    await registry.request("stations.create", station_id="B")
    replies = await registry.send(
        [
            registry.claim("A", "c1"),
            registry.claim("A", "c2", offers_subprotocol=False),
            registry.claim("B", "c3", offers_subprotocol=False),
        ]
    )
    assert _outcomes(replies) == [("accepted", 1), ("missing_subprotocol", 0), ("accepted", 1)]
    assert await registry.owner("A") == ("gw-1", "c1", 1)


async def test_what_came_too_late_to_be_waited_for_changes_nothing(registry: Registry) -> None:
    await registry.send([registry.claim("A", "c1")])
    late = [
        registry.reassertion("A", "c1", 1, "gw-2", deadline_ms=1),
        registry.lease("gw-3", deadline_ms=1),
    ]
    assert await registry.send(late) == []
    assert await registry.owner("A") == ("gw-1", "c1", 1)
    assert await registry.query("SELECT 1 FROM gateway WHERE gateway_id = 'gw-3'") == []


async def test_batches_of_every_kind_at_once_do_not_block_each_other_for_good(
    registry: Registry,
) -> None:
    names = [f"S{number}" for number in range(20)]
    await registry.send([registry.claim(name, f"{name}-0") for name in names])

    async def mixed(turn: int) -> None:
        order = names if turn % 2 else names[::-1]
        await registry.send(
            [
                *(registry.claim(name, f"{name}-{turn}") for name in order[:10]),
                *(
                    registry.call("BootNotification", name, registry.boot(), epoch=turn, seq=turn)
                    for name in order[5:]
                ),
                *(registry.reassertion(name, f"{name}-0", 1) for name in order[3:12]),
                registry.lease(),
            ]
        )

    async with asyncio.timeout(30):
        await asyncio.gather(*(mixed(turn) for turn in range(1, 7)))
    assert registry.parked == []
