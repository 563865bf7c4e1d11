"""Starts are stored and answered, whatever happens beside them."""

import asyncio

import pytest
from prometheus_client import REGISTRY
from session_records import Records
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.db.engine import in_transaction
from session_service.batches import decisions
from session_service.quarantine.handlers.reconciling import reconcile_due


async def test_a_side_feature_that_fails_keeps_no_start_from_its_answer(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(connection: AsyncConnection, _: object) -> None:
        await connection.execute(text("UPDATE transaction SET status = 'lost'"))
        await connection.execute(text("SELECT 1 / 0"))

    def failures() -> list[float]:
        name = "csms_session_side_feature_failures_total"
        found = [
            REGISTRY.get_sample_value(name, {"feature": feature})
            for feature in ("quarantine", "reservations")
        ]
        return [value for value in found if value is not None]

    await records.token("T1")
    await records.report(records.stop(9, 0, idTag="T1"))
    before = failures()
    for name in ("reconcile_started", "judge_started"):
        monkeypatch.setattr(decisions, name, broken)
    start = records.start(1)
    start.item["payload"]["reservationId"] = 5
    (reply,) = await records.answers(start)
    assert reply["idTagInfo"]["status"] == "Accepted"
    assert [now - then for now, then in zip(failures(), before, strict=True)] == [1, 1]
    (row,) = await records.transactions()
    assert row["status"] == "active"
    monkeypatch.undo()
    await records.execute("UPDATE quarantine SET next_at = now()")
    await in_transaction(records.engine, reconcile_due)
    assert [row["status"] for row in await records.transactions()] == ["completed"]


async def test_a_side_feature_that_waits_for_a_lock_keeps_no_start_waiting(
    records: Records,
) -> None:
    await records.token("T1")
    await records.execute(
        "INSERT INTO reservation (station_id, wire_id, connector_id, id_token, token_key, "
        "created_at, expires_at, created_by, command_id) VALUES ('S1', 5, 1, 'T1', 't1', now(), "
        "now() + interval '1 hour', 'admin', gen_random_uuid())"
    )
    async with records.engine.begin() as other:
        await other.execute(text("SELECT * FROM reservation FOR UPDATE"))
        (reply,) = await asyncio.wait_for(records.answers(records.start(1)), 60)
    assert reply["transactionId"] == 1
    assert len(await records.transactions()) == 1
