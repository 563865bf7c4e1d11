"""What REST asks of session-service, over its requests inbox."""

from datetime import UTC, datetime, timedelta
from typing import Any

from session_asker import Asker
from session_records import Records

from csms_shared.broker.link import Link
from csms_shared.broker.topology import SESSION_SERVICE, parking_queue
from csms_shared.values.times import format_time

BASE = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


async def test_id_tokens_are_made_changed_listed_and_deleted(ask: Asker, records: Records) -> None:
    made = await ask("id_tokens.create", id_token="Card-1", group_id="G", max_concurrent=None)
    assert (made["id_token"], made["status"], made["max_concurrent"]) == (
        "Card-1",
        "accepted",
        None,
    )
    assert await ask("id_tokens.create", id_token="cARD-1") == (
        409,
        "id_token_exists",
        ["id_token"],
    )
    changed = await ask(
        "id_tokens.change", id_token="card-1", set=["status", "group_id"], status="blocked"
    )
    assert (changed["id_token"], changed["status"], changed["group_id"]) == (
        "Card-1",
        "blocked",
        None,
    )
    await ask("id_tokens.create", id_token="old", expires_at="2020-01-01T00:00:00Z")
    expired = await ask("id_tokens.list", status="expired")
    assert [token["id_token"] for token in expired["items"]] == ["old"]
    assert (await ask("id_tokens.list", status="accepted"))["items"] == []
    assert len((await ask("id_tokens.list", q="CARD"))["items"]) == 1
    assert await ask("id_tokens.delete", id_token="OLD") is None
    assert await ask("id_tokens.get", id_token="old") == (404, "not_found", [])
    events = await records.events()
    assert [event["data"]["change"] for event in events] == [
        "created",
        "changed",
        "created",
        "deleted",
    ]
    assert len({event["id"] for event in events}) == 4


async def test_wrong_parameters_name_their_fields(ask: Asker) -> None:
    assert await ask("id_tokens.create", id_token="", max_concurrent=0) == (
        422,
        "invalid_request",
        ["id_token", "max_concurrent"],
    )
    assert await ask("transactions.list", cursor="rubbish") == (422, "bad_cursor", ["cursor"])
    assert await ask("transactions.list", limit=501) == (422, "invalid_request", ["limit"])
    assert await ask("id_tokens.create", id_token="  ") == (422, "invalid_request", ["id_token"])
    assert (await ask("id_tokens.change", id_token="x", set=["version"]))[0] == 422
    assert await ask("no.such") == (404, "unknown_operation", [])


async def test_transactions_are_paged_newest_first_under_every_filter(
    ask: Asker, records: Records
) -> None:
    await records.token("T1")
    for number in range(5):
        at = format_time(BASE + timedelta(hours=number))
        await records.decide(
            records.start(number, station_id=f"S{number % 2}", timestamp=at, connector_id=1)
        )
    seen: list[int] = []
    cursor = None
    while True:
        page = await ask("transactions.list", limit=2, cursor=cursor)
        seen += [item["transaction_id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [5, 4, 3, 2, 1]

    async def ids(**filters: Any) -> list[int]:
        page = await ask("transactions.list", **filters)
        return [item["transaction_id"] for item in page["items"]]

    assert await ids(station_id="S0") == [5, 3, 1]
    assert await ids(status="active") == [5, 4]
    assert await ids(status="stop_missing", station_id="S1") == [2]
    assert await ids(id_token="t1", started_from="2026-11-20T10:00:00Z") == [5, 4, 3]
    assert await ids(started_to="2026-11-20T09:00:00Z") == [1]
    assert await ask("transactions.open", station_id="S0") == {"1": 5}


async def test_transaction_shows_its_energy_and_its_meter_values(
    ask: Asker, records: Records
) -> None:
    await records.token("T1")
    await records.decide(records.start(1))
    await records.report(records.meter_values(2), records.meter_values(3), records.stop())
    shown = await ask("transactions.get", transaction_id=1)
    assert (shown["status"], shown["energy_wh"], shown["stopped_at"]) == (
        "completed",
        5000,
        "2026-11-20T08:09:00.000Z",
    )
    first = await ask("transactions.meter_values", transaction_id=1, limit=3)
    rest = await ask(
        "transactions.meter_values", transaction_id=1, limit=3, cursor=first["next_cursor"]
    )
    assert (len(first["items"]), len(rest["items"]), rest["next_cursor"]) == (3, 1, None)
    measurands = {item["measurand"] for item in first["items"] + rest["items"]}
    assert measurands == {"Energy.Active.Import.Register", "Power.Active.Import"}
    assert await ask("transactions.get", transaction_id=2**40) == (404, "not_found", [])


async def test_only_a_transaction_that_is_there_can_be_without_meter_values(
    ask: Asker, records: Records
) -> None:
    await records.token("T1")
    await records.decide(records.start(1))
    shown = await ask("transactions.meter_values", transaction_id=1)
    assert shown == {"items": [], "next_cursor": None}
    for nobody in (2, 2**40, -1):
        found = await ask("transactions.meter_values", transaction_id=nobody)
        assert found == (404, "not_found", [])


async def test_real_stop_after_a_close_by_hand_is_evidence_and_a_flag(
    ask: Asker, records: Records
) -> None:
    await records.token("T1")
    await records.decide(records.start(1))
    close = {"transaction_id": 1, "meter_stop": 300, "reason": "lost", "closed_by": "admin"}
    closed = await ask("transactions.close", **close)
    assert (closed["status"], closed["energy_wh"], closed["flags"]) == (
        "completed",
        200,
        ["closed_by_hand"],
    )
    assert await ask("transactions.close", **close) == (409, "transaction_completed", [])
    await records.report(records.stop())
    shown = await ask("transactions.get", transaction_id=1)
    assert (shown["meter_stop"], shown["stop_reason"]) == (300, "lost")
    assert shown["flags"] == ["closed_by_hand", "stop_after_close"]
    assert len(await records.rows("SELECT * FROM stop")) == 1


async def test_quarantined_items_are_reconciled_or_dismissed_once(
    ask: Asker, records: Records
) -> None:
    await records.token("T1")
    await records.report(records.stop(5, 77), records.meter_values(6, 78, connector_id=2))
    await records.decide(records.start(1, connector_id=3, timestamp="2026-11-20T09:00:00Z"))
    await records.decide(records.start(1, station_id="S2"))
    assert (await ask("quarantine.list", station_id="S2"))["items"] == []
    items = (await ask("quarantine.list", station_id="S1"))["items"]
    by_kind = {item["kind"]: item for item in items}
    stop_id = by_kind["stop"]["id"]
    assert by_kind["stop"]["wire_transaction_id"] == 77
    assert await ask("quarantine.reconcile", id=stop_id, transaction_id=2) == (
        422,
        "other_station",
        ["transaction_id"],
    )
    done = await ask("quarantine.reconcile", id=stop_id, transaction_id=1)
    assert (done["status"], done["transaction_id"]) == ("reconciled", 1)
    shown = await ask("transactions.get", transaction_id=1)
    assert shown["status"] == "completed"
    assert set(shown["flags"]) == {"clock_ahead", "matched_without_id", "stop_before_start"}
    assert await ask("quarantine.dismiss", id=stop_id) == (409, "not_open", [])
    dismissed = await ask("quarantine.dismiss", id=by_kind["meter_values"]["id"])
    assert dismissed["status"] == "dismissed"
    assert (await ask("quarantine.list"))["items"] == []
    assert len((await ask("quarantine.list", status=None))["items"]) == 2
    assert await ask("quarantine.dismiss", id="none") == (404, "not_found", [])


async def test_parked_items_are_listed_put_back_and_deleted(
    ask: Asker, records: Records, link: Link
) -> None:
    queue = parking_queue(SESSION_SERVICE)
    await link.declare(queue)
    await records.execute(
        "INSERT INTO parked (id, queue, type, body, error) "
        "VALUES (gen_random_uuid(), :queue, 'probe.v1', '{}', 'why')",
        queue=queue.name,
    )
    (item,) = (await ask("parked.list"))["items"]
    assert (item["service"], item["error"], item["replayed_at"]) == ("session-service", "why", None)
    assert await ask("parked.replay", id=item["id"]) is None
    (item,) = (await ask("parked.list"))["items"]
    assert item["replayed_at"] is not None
    assert await ask("parked.delete", id=item["id"]) is None
    assert await ask("parked.delete", id=item["id"]) == (404, "not_found", [])
    assert await ask("parked.replay", id="none") == (404, "not_found", [])
