"""Boots, statuses, data transfers, liveness and refusals against a real PostgreSQL."""

import random

import pytest
from driven_registry import Registry, answer_of, content_of, registration_of

from csms_shared.contracts.calls import CallReply
from csms_shared.contracts.ownership import ClaimReply, ProbeReply
from csms_shared.contracts.stations import StationDetail
from csms_shared.service.inbox import Work


@pytest.fixture
async def known(registry: Registry) -> Registry:
    await registry.send([registry.claim("A", "c1")])
    return registry


async def _station(registry: Registry) -> StationDetail:
    view: StationDetail = await registry.request("stations.get", station_id="A")
    return view


async def test_an_accepted_boot_is_answered_with_time_interval_and_registration(
    known: Registry,
) -> None:
    (reply,) = await known.send([known.call("BootNotification", "A", known.boot())])
    answer = content_of(reply, CallReply)
    assert (reply.key, answer.connection_id, answer.seq) == ("gw-1.calls", "c1", 1)
    payload, registration = answer_of(reply), registration_of(reply)
    assert (payload["status"], payload["interval"]) == ("Accepted", 300)
    assert payload["currentTime"][-5:-4] == "."
    assert payload["currentTime"].endswith("Z")
    assert registration.registration_status == "accepted"
    assert registration.boot_count == 1
    view = await _station(known)
    assert (view.vendor, view.model, view.registration_status) == ("Vendor", "Model", "accepted")
    assert view.last_boot_at is not None
    assert len(await known.events("station.booted")) == 1


async def test_a_boot_delivered_twice_counts_once(known: Registry) -> None:
    boot = known.call("BootNotification", "A", known.boot())
    replies = [await known.send([boot]), await known.send([boot, boot])]
    assert {registration_of(r).boot_count for each in replies for r in each} == {1}
    assert len(await known.events("station.booted")) == 1


async def test_an_older_boot_does_not_replace_what_a_newer_one_said(known: Registry) -> None:
    await known.send([known.call("BootNotification", "A", known.boot(model="new"), epoch=2)])
    await known.send([known.call("BootNotification", "A", known.boot(model="old"), epoch=1)])
    assert (await _station(known)).model == "new"
    assert len(await known.events("station.booted")) == 2


async def test_a_boot_past_its_deadline_is_applied_without_an_answer(known: Registry) -> None:
    boot = known.call("BootNotification", "A", known.boot(), deadline_ms=1)
    assert await known.send([boot]) == []
    assert (await _station(known)).registration_status == "accepted"


async def test_over_long_and_unstorable_text_is_cut(known: Registry) -> None:
    boot = known.boot(model="x" * 30 + "\0", firmware_version="1\0.2")
    (reply,) = await known.send([known.call("BootNotification", "A", boot)])
    assert answer_of(reply)["status"] == "Accepted"
    view = await _station(known)
    assert (view.model, view.firmware_version) == ("x" * 20, "1.2")


async def test_a_pending_boot_is_asked_to_come_again_soon(registry: Registry) -> None:
    registry.unknown("pending")
    await registry.send([registry.claim("A", "c1")])
    (reply,) = await registry.send([registry.call("BootNotification", "A", registry.boot())])
    assert (answer_of(reply)["status"], answer_of(reply)["interval"]) == ("Pending", 60)
    await registry.request(
        "stations.change",
        station_id="A",
        set=["registration_status"],
        registration_status="accepted",
    )
    (reply,) = await registry.send([registry.call("BootNotification", "A", registry.boot(), seq=2)])
    assert answer_of(reply)["status"] == "Accepted"


async def test_a_boot_of_a_deleted_station_is_rejected(known: Registry) -> None:
    await known.request("stations.delete", station_id="A")
    (reply,) = await known.send([known.call("BootNotification", "A", known.boot())])
    assert answer_of(reply)["status"] == "Rejected"


def _heard(epoch: int, at_ms: int, **tolerated: int) -> Work:
    item = {
        "station_id": "A",
        "connection_id": f"c{epoch}",
        "epoch": epoch,
        "last_seen_ms": at_ms,
        "tolerated": tolerated,
    }
    return Work("liveness.v1", {"gateway_id": "gw-1"}, item)


def _statuses(registry: Registry) -> list[Work]:
    shown = ["Available", "Preparing", "Preparing", "Charging", "Finishing", "Available"]
    return [
        registry.call(
            "StatusNotification",
            "A",
            {"connectorId": connector, "status": status, "errorCode": "NoError"},
            connection_id=f"c{epoch}",
            epoch=epoch,
            seq=seq + connector,
        )
        for epoch in (1, 2)
        for connector in (0, 1)
        for seq, status in enumerate(shown)
    ]


@pytest.mark.parametrize("seed", range(4))
async def test_statuses_in_any_order_and_number_give_the_same_connectors(
    known: Registry, seed: int
) -> None:
    statuses = _statuses(known)
    await known.send(statuses)
    expected = await known.query("SELECT status, epoch, seq FROM connector ORDER BY connector_id")
    await known.query("DELETE FROM connector")
    shuffled = statuses * 2
    random.Random(seed).shuffle(shuffled)
    for start in range(0, len(shuffled), 5):
        await known.send(shuffled[start : start + 5])
    rows = await known.query("SELECT status, epoch, seq FROM connector ORDER BY connector_id")
    assert rows == expected


async def test_a_repeated_status_is_no_change(known: Registry) -> None:
    await known.send(_statuses(known)[:3])
    changed = await known.events("connector.status_changed")
    assert [event["data"]["status"] for event in changed] == ["Available", "Preparing"]
    (connector,) = (await _station(known)).connectors
    assert (connector.connector_id, connector.status) == (0, "Preparing")


async def test_the_first_word_of_each_connector_is_told_once(known: Registry) -> None:
    await known.send(_statuses(known))
    await known.send(_statuses(known))
    (added,) = await known.events("connector.added")
    assert (added["subject"], added["data"]["connector_id"]) == ("A", 1)
    assert added["data"]["evse_id"] == 1


async def test_the_first_word_of_a_station_that_was_made_anew_is_another_event(
    known: Registry,
) -> None:
    await known.send(_statuses(known))
    await known.request("stations.delete", station_id="A")
    await known.request("stations.create", station_id="A")
    await known.send([known.claim("A", "c2")])
    payload = {"connectorId": 1, "status": "Available", "errorCode": "NoError"}
    await known.send([known.call("StatusNotification", "A", payload, connection_id="c2", epoch=2)])
    assert len({event["id"] for event in await known.events("connector.added")}) == 2


async def test_a_connector_that_serves_nobody_any_more_is_told_once(known: Registry) -> None:
    shown = ["Reserved", "Faulted", "Faulted", "Available"]
    works = [
        known.call(
            "StatusNotification",
            "A",
            {"connectorId": 1, "status": status, "errorCode": f"Code{seq}"},
            seq=seq,
        )
        for seq, status in enumerate(shown, start=1)
    ]
    for work in [*works, *works]:
        await known.send([work])
    (told,) = await known.events("connector.out_of_service")
    assert told["data"] == {
        "station_id": "A",
        "evse_id": 1,
        "connector_id": 1,
        "status": "Faulted",
    }


async def test_a_connector_that_the_version_before_wrote_is_an_evse_of_its_own(
    known: Registry,
) -> None:
    status = {"connectorId": 2, "status": "Available", "errorCode": "NoError"}
    await known.send([known.call("StatusNotification", "A", status)])
    # Its statement does not name the column.
    await known.query("UPDATE connector SET evse_id = NULL")
    (connector,) = (await _station(known)).connectors
    assert (connector.evse_id, connector.connector_id) == (2, 2)
    await known.send(
        [known.call("StatusNotification", "A", {**status, "status": "Preparing"}, seq=2)]
    )
    assert await known.query("SELECT evse_id FROM connector") == [(2,)]
    told = await known.events("connector.status_changed")
    assert [event["data"]["evse_id"] for event in told] == [2, 2]


async def test_tolerated_deviations_are_counted_per_station(known: Registry) -> None:
    await known.send([_heard(1, 5_000, enum_case=1), _heard(1, 6_000, enum_case=1, null_field=3)])
    await known.send([_heard(1, 7_000), _heard(1, 8_000, null_field=1)])
    assert (await _station(known)).tolerated == {"enum_case": 2, "null_field": 4}


async def test_a_claim_after_a_status_says_that_the_status_is_known(known: Registry) -> None:
    await known.send(_statuses(known)[:1])
    replies = await known.send([known.claim("A", "c2")])
    assert [
        content_of(r, ClaimReply).status_known for r in replies if r.type == "claim-replies.v1"
    ] == [True]


async def test_a_data_transfer_is_kept_once_and_answered(known: Registry) -> None:
    transfer = known.call("DataTransfer", "A", {"vendorId": "V", "data": "x\0y"})
    for _ in range(2):
        (reply,) = await known.send([transfer])
        assert answer_of(reply) == {"status": "UnknownVendorId"}
    assert await known.query("SELECT vendor_id, data FROM data_transfer") == [("V", "xy")]
    assert len(await known.events("station.data_transferred")) == 1


async def test_liveness_is_later_wins_by_epoch(known: Registry) -> None:
    await known.send([_heard(3, 5_000), _heard(3, 6_000), _heard(2, 9_000)])
    await known.send([_heard(2, 10_000)])
    assert (await _station(known)).last_seen_at == "1970-01-01T00:00:06.000Z"


async def test_a_refusal_is_kept_once(registry: Registry) -> None:
    item = {
        "station_id": "A\0",
        "remote_address": "192.0.2.1",
        "reason": "bad_credentials",
        "detail": "wrong password",
        "http_status": 401,
        "refused_ms": 1_000,
    }
    work = Work("refusals.v1", {"gateway_id": "gw-1"}, item)
    await registry.send([work, work])
    await registry.send([work])
    assert await registry.query("SELECT station_id, reason FROM refusal") == [
        ("A", "bad_credentials")
    ]


async def test_a_bad_item_is_parked_and_its_neighbours_are_applied(known: Registry) -> None:
    good = known.call("BootNotification", "A", known.boot())
    bad = known.call("StatusNotification", "A", {"connectorId": "no number"})
    unknown = Work("nonsense.v1", {}, {})
    replies = await known.send([bad, good, unknown, known.claim("B", "c7")])
    assert len(known.parked) == 2
    assert sorted(reply.type for reply in replies) == ["call-replies.v1", "claim-replies.v1"]


async def test_a_probe_is_answered_without_a_batch_around_it(registry: Registry) -> None:
    probe = Work("probe.v1", {"reply_key": "gw-1.reply.3"}, {"sent_ms": 1})
    (reply,) = await registry.send([probe])
    assert (reply.key, reply.batched) == ("gw-1.reply.3", False)
    assert content_of(reply, ProbeReply).service == "station-registry"
