"""What gateways re-assert, and what they are told in return, against a real PostgreSQL."""

import orjson
from driven_registry import Registry, content_of, registration_of

from csms_shared.contracts.calls import RegistrationChange
from csms_shared.contracts.ownership import ReassertionReply


async def test_reassertion_moves_the_connection_to_the_new_incarnation(registry: Registry) -> None:
    await registry.send([registry.claim("A", "c1")])
    await registry.send([registry.reassertion("A", "c1", 1, "gw-1b")])
    assert await registry.owner("A") == ("gw-1b", "c1", 1)
    connected = await registry.events("station.connected")
    assert [event["data"]["gateway_id"] for event in connected] == ["gw-1", "gw-1b"]


async def test_reassertion_of_an_older_connection_is_returned(registry: Registry) -> None:
    await registry.send([registry.claim("A", "c1"), registry.claim("B", "c3")])
    await registry.send([registry.claim("A", "c2", "gw-2")])
    (reply,) = await registry.send(
        [registry.reassertion("A", "c1", 1), registry.reassertion("B", "c3", 1)]
    )
    assert content_of(reply, ReassertionReply).superseded == ["c1"]
    assert await registry.owner("A") == ("gw-2", "c2", 2)


async def test_a_wrong_epoch_is_returned_beside_the_right_one_of_the_same_connection(
    registry: Registry,
) -> None:
    await registry.send([registry.claim("A", "c1")])
    replies = await registry.send(
        [registry.reassertion("A", "c1", 2, "gw-1b"), registry.reassertion("A", "c1", 1)]
    )
    returned = {reply.key: content_of(reply, ReassertionReply).superseded for reply in replies}
    assert returned == {"gw-1b.reply.1": ["c1"], "gw-1.reply.1": []}
    assert await registry.owner("A") == ("gw-1", "c1", 1)


async def test_of_two_incarnations_in_one_batch_the_later_holds_the_connection(
    registry: Registry,
) -> None:
    await registry.send([registry.claim("A", "c1")])
    both = [registry.reassertion("A", "c1", 1, "gw-1b"), registry.reassertion("A", "c1", 1)]
    await registry.send(both)
    assert await registry.owner("A") == ("gw-1", "c1", 1)
    await registry.send(both[::-1])
    assert await registry.owner("A") == ("gw-1b", "c1", 1)


async def test_reassertion_never_revives_a_released_or_unknown_connection(
    registry: Registry,
) -> None:
    await registry.send([registry.claim("A", "c1")])
    await registry.send([registry.release("A", "c1", 1)])
    (reply,) = await registry.send(
        [registry.reassertion("A", "c1", 1), registry.reassertion("A", "c9", 7)]
    )
    assert content_of(reply, ReassertionReply).superseded == ["c1", "c9"]
    assert await registry.query("SELECT epoch FROM station") == [(1,)]


async def test_an_answer_to_a_page_names_each_connection_once(registry: Registry) -> None:
    await registry.send([registry.claim("A", "c1"), registry.claim("B", "c2")])
    await registry.send([registry.claim("A", "c3", "gw-2")])
    asserted = [
        registry.reassertion("A", "c1", 1),
        registry.reassertion("B", "c2", 1),
        registry.reassertion("A\0", "c9", 1, registration_version=1),
    ]
    (reply,) = await registry.send(asserted)
    assert (
        content_of(reply, ReassertionReply).held,
        content_of(reply, ReassertionReply).superseded,
    ) == (["c2"], ["c1", "c9"])
    assert content_of(reply, ReassertionReply).changed == []


async def test_what_is_asserted_of_one_station_in_one_batch_counts_in_its_order(
    registry: Registry,
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


async def test_a_registration_that_the_gateway_does_not_know_is_returned(
    registry: Registry,
) -> None:
    (claimed,) = await registry.send([registry.claim("A", "c1")])
    known = registration_of(claimed).version
    assert known > 0

    async def returned(version: int | None) -> list[tuple[str, RegistrationChange]]:
        (reply,) = await registry.send(
            [registry.reassertion("A", "c1", 1, registration_version=version)]
        )
        assert content_of(reply, ReassertionReply).held == ["c1"]
        return [
            (each.connection_id, each.registration)
            for each in content_of(reply, ReassertionReply).changed
        ]

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


async def test_every_change_of_what_gateways_are_told_has_a_higher_version(
    registry: Registry,
) -> None:
    (claimed,) = await registry.send([registry.claim("A", "c1")])
    versions = [registration_of(claimed).version]
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
    versions.append(registration_of(booted).version)
    # The same boot again changes nothing.
    (again,) = await registry.send([registry.call("BootNotification", "A", registry.boot())])
    assert registration_of(again).version == versions[-1]
    assert versions == sorted(set(versions))
    await registry.request("stations.delete", station_id="A")
    (created,) = await registry.send([registry.claim("A", "c2")])
    assert registration_of(created).version > versions[-1]
