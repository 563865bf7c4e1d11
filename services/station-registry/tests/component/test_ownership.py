"""Claims, releases, re-assertions and leases against a real PostgreSQL."""

import asyncio
from typing import Any

import orjson
from sqlalchemy import text

from station_registry.handlers.leases import sweep_leases


def _outcomes(replies: list[Any]) -> list[tuple[str, int]]:
    return [
        (reply.content.outcome.value, reply.content.epoch)
        for reply in replies
        if reply.type == "claim-replies.v1"
    ]


def _controls(replies: list[Any]) -> list[tuple[str, str, int]]:
    return [
        (reply.key, reply.content.kind.value, reply.content.epoch)
        for reply in replies
        if reply.type == "controls.v1" and reply.exchange == "csms.gateways.v1"
    ]


async def _sweep(registry: Any) -> None:
    async with registry.engine.begin() as connection:
        await sweep_leases(connection)


async def _types(registry: Any) -> list[str]:
    return [event["type"].split(".", 1)[1].rsplit(".", 1)[0] for event in await registry.events()]


async def test_a_first_claim_creates_the_station_and_owns_it(registry: Any) -> None:
    replies = await registry.send([registry.claim("A", "c1")])
    assert _outcomes(replies) == [("accepted", 1)]
    reply = replies[0].content
    assert (reply.booted, reply.status_known) == (False, False)
    assert reply.registration.registration_status == "pending"
    assert await registry.owner("A") == ("gw-1", "c1", 1)
    assert sorted(await _types(registry)) == [
        "station.connected",
        "station.created",
        "station.online",
    ]


async def test_the_same_claim_again_gets_the_same_epoch_and_changes_nothing(registry: Any) -> None:
    await registry.send([registry.claim("A", "c1")])
    events = await registry.events()
    assert _outcomes(await registry.send([registry.claim("A", "c1")])) == [("accepted", 1)]
    assert await registry.events() == events


async def test_a_claim_redelivered_after_a_newer_one_does_not_take_the_station_back(
    registry: Any,
) -> None:
    await registry.send([registry.claim("A", "c1")])
    await registry.send([registry.claim("A", "c2", "gw-2")])
    assert _outcomes(await registry.send([registry.claim("A", "c1")])) == [("accepted", 1)]
    assert await registry.owner("A") == ("gw-2", "c2", 2)


async def test_a_claim_redelivered_after_its_release_leaves_the_station_offline(
    registry: Any,
) -> None:
    await registry.send([registry.claim("A", "c1")])
    await registry.send([registry.release("A", "c1", 1)])
    await registry.send([registry.claim("A", "c1")])
    assert await registry.owner("A") is None


async def test_the_newest_connection_wins_and_the_old_gateway_is_told(registry: Any) -> None:
    await registry.send([registry.claim("A", "c1")])
    replies = await registry.send([registry.claim("A", "c2", "gw-2")])
    assert _outcomes(replies) == [("accepted", 2)]
    assert _controls(replies) == [("gw-1", "superseded", 2)]
    assert (await _types(registry)).count("station.online") == 1


async def test_of_two_claims_in_one_batch_the_later_wins(registry: Any) -> None:
    replies = await registry.send([registry.claim("A", "c1"), registry.claim("A", "c2")])
    assert _outcomes(replies) == [("accepted", 1), ("accepted", 2)]
    assert _controls(replies) == [("gw-1", "superseded", 2)]
    assert await registry.owner("A") == ("gw-1", "c2", 2)


async def test_a_late_release_does_not_clear_a_newer_owner(registry: Any) -> None:
    await registry.send([registry.claim("A", "c1")])
    await registry.send([registry.claim("A", "c2", "gw-2")])
    await registry.send([registry.release("A", "c1", 1), registry.release("A", "c1", 1)])
    assert await registry.owner("A") == ("gw-2", "c2", 2)
    assert "station.disconnected" not in await _types(registry)


async def test_a_release_tells_once_that_the_station_is_gone(registry: Any) -> None:
    await registry.send([registry.claim("A", "c1")])
    for _ in range(2):
        await registry.send([registry.release("A", "c1", 1)])
    types = await _types(registry)
    assert types.count("station.disconnected") == types.count("station.offline") == 1


async def test_a_connection_whose_claim_was_never_answered_is_released_by_its_id(
    registry: Any,
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
    registry: Any,
) -> None:
    await registry.send([registry.claim("A", "c1")])
    # Of a connection from before the registry's data were restored from a backup.
    await registry.send([registry.release("A", "c0", 1)])
    (reply,) = await registry.send([registry.reassertion("A", "c1", 1)])
    assert reply.content.superseded == []
    assert await registry.owner("A") == ("gw-1", "c1", 1)


async def test_a_claim_past_its_deadline_is_dropped(registry: Any) -> None:
    assert await registry.send([registry.claim("A", "c1", deadline_ms=1)]) == []
    assert await registry.query("SELECT * FROM station") == []


async def test_an_unknown_station_is_refused_where_none_are_admitted(registry: Any) -> None:
    registry.unknown("reject")
    assert _outcomes(await registry.send([registry.claim("A", "c1")])) == [("unknown_station", 0)]
    assert await registry.query("SELECT * FROM station") == []


async def test_no_more_unknown_stations_are_created_than_the_limit(registry: Any) -> None:
    registry.unknown("pending", 3)
    batches = [[registry.claim(f"S{n}{m}", f"c{n}{m}") for m in range(4)] for n in range(3)]
    replies = await asyncio.gather(*(registry.send(batch) for batch in batches))
    outcomes = [outcome for each in replies for outcome, _ in _outcomes(each)]
    assert sorted(outcomes) == ["accepted"] * 3 + ["too_many_unknown_stations"] * 9


async def test_a_station_id_that_no_table_can_hold_is_unknown(registry: Any) -> None:
    replies = await registry.send([registry.claim("A\0", "c1"), registry.claim("B", "c2")])
    assert [outcome for outcome, _ in _outcomes(replies)] == [
        "too_many_unknown_stations",
        "accepted",
    ]


async def test_a_station_with_a_password_never_connects_without_it(registry: Any) -> None:
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


async def test_the_previous_password_counts_until_the_new_one_is_used(registry: Any) -> None:
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
        assert replies[0].content.outcome == outcome


async def test_another_security_profile_than_the_stations_is_refused(registry: Any) -> None:
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
    registry: Any,
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


async def test_a_lease_that_had_run_out_is_not_confirmed(registry: Any) -> None:
    (first,) = await registry.send([registry.lease()])
    (second,) = await registry.send([registry.lease()])
    await registry.end_lease("gw-1")
    (third,) = await registry.send([registry.lease()])
    assert [reply.content.confirmed for reply in (first, second, third)] == [False, True, False]
    assert (first.key, first.batched) == ("gw-1.reply.2", False)


async def test_stations_of_an_expired_lease_read_as_offline_at_once(registry: Any) -> None:
    await registry.send([registry.claim("A", "c1")])
    assert (await registry.request("stations.get", station_id="A")).online
    await registry.end_lease("gw-1")
    view = await registry.request("stations.get", station_id="A")
    assert (view.online, view.connection) == (False, None)
    (owner,) = await registry.request("owners.look_up", station_ids=["A"])
    assert (owner.known, owner.gateway_id) == (True, None)
    assert (await registry.request("connections.list")).items == []
    assert (await registry.request("fleet.status")).stations_online == 0


async def test_an_expired_lease_is_told_once_and_can_be_reasserted(registry: Any) -> None:
    await registry.send([registry.claim("A", "c1")])
    await _sweep(registry)  # nobody had looked before: one lease of grace
    await registry.end_lease("gw-1")
    await asyncio.gather(*(_sweep(registry) for _ in range(3)))
    types = await _types(registry)
    assert types.count("station.offline") == types.count("station.disconnected") == 1
    assert await registry.owner("A") is None
    (reply,) = await registry.send([registry.reassertion("A", "c1", 1, "gw-1")])
    assert reply.content.superseded == []
    assert await registry.owner("A") == ("gw-1", "c1", 1)
    assert (await _types(registry)).count("station.online") == 2


async def test_every_end_of_a_lease_has_event_ids_of_its_own(registry: Any) -> None:
    await registry.send([registry.claim("A", "c1")])
    await _sweep(registry)
    for _ in range(2):
        await registry.end_lease("gw-1")
        await _sweep(registry)
        await registry.send([registry.reassertion("A", "c1", 1), registry.lease()])
    events = await registry.events()
    assert len({event["id"] for event in events}) == len(events)


async def test_leases_have_one_lease_of_grace_after_an_outage(registry: Any) -> None:
    await registry.send([registry.claim("A", "c1")])
    await _sweep(registry)
    await registry.end_lease("gw-1")
    await registry.query("UPDATE lease_watch SET looked_at = now() - interval '1 minute'")
    await _sweep(registry)
    await _sweep(registry)
    assert "station.offline" not in await _types(registry)
    assert (await registry.request("stations.get", station_id="A")).online


async def test_a_renewal_that_waited_for_the_end_of_its_lease_is_not_confirmed(
    registry: Any,
) -> None:
    await registry.send([registry.claim("A", "c1"), registry.lease()])
    await _sweep(registry)
    await registry.query("UPDATE gateway SET lease_expires_at = now() + interval '0.5 seconds'")
    async with registry.engine.begin() as connection:
        await connection.execute(text("SELECT pg_sleep(0.6)"))
    async with registry.engine.begin() as sweeping:
        await sweep_leases(sweeping)
        renewal = asyncio.create_task(registry.send([registry.lease()]))
        async with asyncio.timeout(10):
            while not await registry.query(
                "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                "AND datname = current_database()"
            ):
                await asyncio.sleep(0.01)
    (reply,) = await renewal
    assert reply.content.confirmed is False


async def test_reassertion_moves_the_connection_to_the_new_incarnation(registry: Any) -> None:
    await registry.send([registry.claim("A", "c1")])
    await registry.send([registry.reassertion("A", "c1", 1, "gw-1b")])
    assert await registry.owner("A") == ("gw-1b", "c1", 1)
    connected = await registry.events("station.connected")
    assert [event["data"]["gateway_id"] for event in connected] == ["gw-1", "gw-1b"]


async def test_reassertion_of_an_older_connection_is_returned(registry: Any) -> None:
    await registry.send([registry.claim("A", "c1"), registry.claim("B", "c3")])
    await registry.send([registry.claim("A", "c2", "gw-2")])
    (reply,) = await registry.send(
        [registry.reassertion("A", "c1", 1), registry.reassertion("B", "c3", 1)]
    )
    assert reply.content.superseded == ["c1"]
    assert await registry.owner("A") == ("gw-2", "c2", 2)


async def test_a_wrong_epoch_is_returned_beside_the_right_one_of_the_same_connection(
    registry: Any,
) -> None:
    await registry.send([registry.claim("A", "c1")])
    replies = await registry.send(
        [registry.reassertion("A", "c1", 2, "gw-1b"), registry.reassertion("A", "c1", 1)]
    )
    returned = {reply.key: reply.content.superseded for reply in replies}
    assert returned == {"gw-1b.reply.1": ["c1"], "gw-1.reply.1": []}
    assert await registry.owner("A") == ("gw-1", "c1", 1)


async def test_of_two_incarnations_in_one_batch_the_later_holds_the_connection(
    registry: Any,
) -> None:
    await registry.send([registry.claim("A", "c1")])
    both = [registry.reassertion("A", "c1", 1, "gw-1b"), registry.reassertion("A", "c1", 1)]
    await registry.send(both)
    assert await registry.owner("A") == ("gw-1", "c1", 1)
    await registry.send(both[::-1])
    assert await registry.owner("A") == ("gw-1b", "c1", 1)


async def test_reassertion_never_revives_a_released_or_unknown_connection(registry: Any) -> None:
    await registry.send([registry.claim("A", "c1")])
    await registry.send([registry.release("A", "c1", 1)])
    (reply,) = await registry.send(
        [registry.reassertion("A", "c1", 1), registry.reassertion("A", "c9", 7)]
    )
    assert reply.content.superseded == ["c1", "c9"]
    assert await registry.query("SELECT epoch FROM station") == [(1,)]


async def test_an_answer_to_a_page_names_each_connection_once(registry: Any) -> None:
    await registry.send([registry.claim("A", "c1"), registry.claim("B", "c2")])
    await registry.send([registry.claim("A", "c3", "gw-2")])
    asserted = [
        registry.reassertion("A", "c1", 1),
        registry.reassertion("B", "c2", 1),
        registry.reassertion("A\0", "c9", 1, registration_version=1),
    ]
    (reply,) = await registry.send(asserted)
    assert (reply.content.held, reply.content.superseded) == (["c2"], ["c1", "c9"])
    assert reply.content.changed == []


async def test_what_is_asserted_of_one_station_in_one_batch_counts_in_its_order(
    registry: Any,
) -> None:
    await registry.send([registry.claim("A", "c1")])
    asserted = [
        registry.reassertion("A", "c1", 1, "gw-2"),
        registry.reassertion("A", "c1", 2, "gw-1"),
        registry.reassertion("A", "c1", 1, "gw-1"),
    ]
    await registry.send(asserted)
    assert await registry.owner("A") == ("gw-1", "c1", 1)
    await registry.send(asserted[::-1])
    assert await registry.owner("A") == ("gw-2", "c1", 1)


async def test_a_registration_that_the_gateway_does_not_know_is_returned(registry: Any) -> None:
    (claimed,) = await registry.send([registry.claim("A", "c1")])
    known = claimed.content.registration.version
    assert known > 0

    async def returned(version: int | None) -> list[Any]:
        (reply,) = await registry.send(
            [registry.reassertion("A", "c1", 1, registration_version=version)]
        )
        assert reply.content.held == ["c1"]
        return [(each.connection_id, each.registration) for each in reply.content.changed]

    assert await returned(known) == []
    await registry.request(
        "stations.change",
        station_id="A",
        set=["registration_status", "strict"],
        registration_status="rejected",
        strict=True,
    )
    ((connection_id, registration),) = await returned(known)
    assert connection_id == "c1"
    assert (registration.registration_status, registration.strict) == ("rejected", True)
    assert registration.version > known
    assert await returned(registration.version) == []
    # From a gateway of the version before.
    assert await returned(None) == []


async def test_every_change_of_what_gateways_are_told_has_a_higher_version(registry: Any) -> None:
    (claimed,) = await registry.send([registry.claim("A", "c1")])
    versions = [claimed.content.registration.version]
    for name, value in (
        ("registration_status", "accepted"),
        ("strict", True),
        ("exempt_from_limits", True),
    ):
        registry.publisher.sent.clear()
        await registry.request("stations.change", station_id="A", set=[name], **{name: value})
        (control,) = orjson.loads(registry.publisher.sent[-1].body)["items"]
        versions.append(control["registration"]["version"])
    (booted,) = await registry.send([registry.call("BootNotification", "A", registry.boot())])
    versions.append(booted.content.registration.version)
    # The same boot again changes nothing.
    (again,) = await registry.send([registry.call("BootNotification", "A", registry.boot())])
    assert again.content.registration.version == versions[-1]
    assert versions == sorted(set(versions))
    await registry.request("stations.delete", station_id="A")
    (created,) = await registry.send([registry.claim("A", "c2")])
    assert created.content.registration.version > versions[-1]


async def test_what_came_too_late_to_be_waited_for_changes_nothing(registry: Any) -> None:
    await registry.send([registry.claim("A", "c1")])
    late = [
        registry.reassertion("A", "c1", 1, "gw-2", deadline_ms=1),
        registry.lease("gw-3", deadline_ms=1),
    ]
    assert await registry.send(late) == []
    assert await registry.owner("A") == ("gw-1", "c1", 1)
    assert await registry.query("SELECT 1 FROM gateway WHERE gateway_id = 'gw-3'") == []


async def test_batches_of_every_kind_at_once_do_not_block_each_other_for_good(
    registry: Any,
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
