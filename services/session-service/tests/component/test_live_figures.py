"""Live figures of open transactions: kept beside the meter values, told at a bounded rate."""

import asyncio
from datetime import timedelta
from typing import Any, cast
from uuid import uuid4

import pytest
from live_calls import POWER, SOC, started, told, values
from session_asker import Asker
from session_fakes import until
from session_records import BASE, Records
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from csms_shared.db.engine import in_transaction
from csms_shared.values.tenants import DEFAULT_TENANT
from csms_shared.values.times import format_time
from session_service.database.upkeep import upkeep_tasks
from session_service.transactions.domain.live_figures import Figures, Live, Reading
from session_service.transactions.store.live_figures import (
    ENDED_FOR_S,
    TOLD_EVERY_S,
    keep_live_figures,
)

NOTHING = {"energy_wh": None, "power_w": None, "soc_percent": None, "measured_at": None}


async def live(ask: Asker, transaction_id: int = 1) -> dict[str, Any] | None:
    (listed,) = [
        item["live"]
        for item in (await ask("transactions.list"))["items"]
        if item["transaction_id"] == transaction_id
    ]
    shown = await ask("transactions.get", transaction_id=transaction_id)
    assert shown["live"] == listed
    return cast("dict[str, Any] | None", listed)


async def test_active_transactions_show_what_is_newest_and_others_nothing(
    records: Records, ask: Asker
) -> None:
    await started(records)
    assert await live(ask) == NOTHING
    await records.report(
        values(records, 2, {"value": "1.6", "unit": "kWh"}),
        values(records, 3, {"value": "7.2", **POWER}, {"value": "40", **SOC}),
    )
    at = format_time(BASE + timedelta(minutes=3))
    newest = {"energy_wh": 1500, "power_w": 7200.0, "soc_percent": 40.0, "measured_at": at}
    assert await live(ask) == newest
    await records.report(records.stop(9))
    assert await live(ask) is None


async def test_no_figure_is_a_zero_with_a_sign(records: Records, ask: Asker) -> None:
    await started(records)
    await records.report(
        values(
            records, 2, {"value": "-0"}, {"value": "-0.0000004", **POWER}, {"value": "-0", **SOC}
        )
    )
    shown, (event,) = await live(ask), await told(records)
    assert shown is not None
    for figures in (shown, event):
        figure = [figures[name] for name in ("energy_wh", "power_w", "soc_percent")]
        assert str(figure) == "[0, 0.0, 0.0]"


async def test_figures_are_no_change_of_the_transaction(records: Records, ask: Asker) -> None:
    await started(records)
    before = await records.rows("SELECT xmin::text, xmax::text, * FROM transaction")
    changes = (await ask("transactions.list"))["changes"]
    await records.report(values(records, 2, {"value": "200"}))
    assert await records.rows("SELECT xmin::text, xmax::text, * FROM transaction") == before
    assert (await ask("transactions.list", changed_after=changes))["items"] == []


async def test_an_older_value_never_replaces_a_newer_one(records: Records, ask: Asker) -> None:
    await started(records)
    await records.report(values(records, 5, {"value": "700"}))
    await records.report(values(records, 6, {"value": "600"}, timestamp=format_time(BASE)))
    await records.report(values(records, 5, {"value": "700"}))
    shown = await live(ask)
    assert shown is not None
    assert (shown["energy_wh"], shown["measured_at"]) == (
        600,
        format_time(BASE + timedelta(minutes=5)),
    )


@pytest.mark.parametrize("said", ["2099-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "no time"])
async def test_a_wrong_clock_keeps_no_later_value_out(
    records: Records, ask: Asker, said: str
) -> None:
    await started(records)
    await records.report(values(records, 2, {"value": "200"}, timestamp=said))
    received_ms = int((BASE + timedelta(minutes=20)).timestamp() * 1000)
    later = format_time(BASE + timedelta(minutes=19))
    await records.report(
        values(records, 3, {"value": "300"}, timestamp=later, received_ms=received_ms)
    )
    assert await live(ask) == NOTHING | {"energy_wh": 200, "measured_at": later}


async def test_at_most_one_event_is_told_in_a_while_whoever_stores_the_values(
    records: Records,
) -> None:
    await started(records, 2)
    await asyncio.gather(
        *(records.report(values(records, seq, {"value": str(100 * seq)})) for seq in range(2, 7))
    )
    assert len(await told(records)) == 1
    await records.report(values(records, 2, {"value": "150"}, transaction_id=2, station_id="S2"))
    assert len(await told(records)) == 2
    await records.execute(
        "UPDATE live_figures SET told_at = told_at - make_interval(secs => :s)", s=TOLD_EVERY_S
    )
    # What is known already is no news.
    await records.report(values(records, 6, {"value": "600"}))
    assert len(await told(records)) == 2
    await records.report(values(records, 7, {"value": "700"}), values(records, 8, {"value": "800"}))
    await records.report(values(records, 9, {"value": "900"}))
    *_, last = await told(records)
    assert len(await told(records)) == 3
    assert last == {
        "transaction_id": 1,
        "station_transaction_id": "1",
        "station_id": "S1",
        "evse_id": 1,
        "connector_id": 1,
        "energy_wh": 700,
        "power_w": None,
        "soc_percent": None,
        "measured_at": format_time(BASE + timedelta(minutes=8)),
    }
    assert len({event["id"] for event in await records.events()}) == len(await records.events())


async def test_what_is_told_while_a_batch_waits_is_not_told_again_by_it(
    records: Records, engine: AsyncEngine
) -> None:
    await started(records, 2)

    def energy(wh: int) -> Figures:
        return Figures(energy=Reading(BASE, wh))

    async def keep(figures: dict[int, Figures]) -> dict[int, Live]:
        tenants = dict.fromkeys(figures, DEFAULT_TENANT)
        return await in_transaction(
            engine, lambda one: keep_live_figures(one, figures, (), tenants)
        )

    await keep({1: energy(10)})
    async with engine.connect() as holding:
        await holding.execute(text("SELECT FROM live_figures WHERE transaction_id = 1 FOR UPDATE"))
        waiting = asyncio.create_task(keep({1: energy(30), 2: energy(30)}))

        async def waits() -> bool:
            return await records.rows("SELECT pid FROM pg_locks WHERE NOT granted") != []

        await until(waits)
        assert list(await keep({2: energy(20)})) == [2]
    assert await waiting == {}


async def test_a_clock_of_the_database_that_was_set_back_keeps_nothing_untold(
    records: Records,
) -> None:
    await started(records)
    await records.report(values(records, 2, {"value": "200"}))
    await records.execute("UPDATE live_figures SET told_at = told_at + interval '1 day'")
    await records.report(values(records, 3, {"value": "300"}))
    assert len(await told(records)) == 2


async def test_values_that_were_under_way_at_the_end_do_not_bring_figures_back(
    records: Records, ask: Asker
) -> None:
    await started(records)
    async with records.engine.connect() as blocking:
        # Whoever stores values has read the transaction, and waits before it stores them.
        await blocking.execute(text("LOCK TABLE meter_value IN SHARE MODE"))
        storing = asyncio.create_task(records.report(values(records, 2, {"value": "200"})))

        async def waits() -> bool:
            return await records.rows("SELECT pid FROM pg_locks WHERE NOT granted") != []

        await until(waits)
        await records.report(records.stop(9))
    await storing
    assert len(await records.rows("SELECT raw FROM meter_value")) == 1
    assert await records.rows("SELECT energy_wh, ended FROM live_figures") == [
        {"energy_wh": None, "ended": True}
    ]
    assert await told(records) == []
    assert await live(ask) is None


async def test_a_transaction_that_is_closed_by_hand_has_no_live_figures(
    records: Records, ask: Asker
) -> None:
    await started(records, 2)
    await records.report(
        *(
            values(records, 2, {"value": "200"}, transaction_id=n, station_id=f"S{n}")
            for n in (1, 2)
        )
    )
    closed = await ask(
        "transactions.close", transaction_id=1, meter_stop=200, reason="r", closed_by="admin"
    )
    assert closed["live"] is None
    await records.report(values(records, 3, {"value": "300"}))
    assert await live(ask) is None
    assert (await live(ask, 2) or {})["energy_wh"] == 100
    done = await ask(
        "transactions.close_many",
        action_id=str(uuid4()),
        limit=10,
        status="active",
        reason="r",
        closed_by="admin",
    )
    assert done["done"] == 1
    assert await live(ask, 2) is None
    ended = await records.rows("SELECT ended FROM live_figures")
    assert ended == [{"ended": True}, {"ended": True}]


async def test_a_transaction_without_a_stop_has_no_live_figures(
    records: Records, ask: Asker
) -> None:
    await started(records)
    await records.report(values(records, 2, {"value": "200"}))
    await records.decide(
        records.start(3, meter_start=300, timestamp=format_time(BASE + timedelta(minutes=3)))
    )
    assert await live(ask) is None
    await records.report(values(records, 4, {"value": "400"}))
    assert await live(ask) is None
    assert await live(ask, 2) == NOTHING


async def test_figures_go_after_an_end_and_where_nobody_renews_them(
    records: Records, engine: AsyncEngine
) -> None:
    """A program of the version before ends a transaction and knows nothing of its figures."""
    await started(records, 4)
    await records.report(
        *(
            values(records, 2, {"value": "200"}, transaction_id=n, station_id=f"S{n}")
            for n in range(1, 5)
        )
    )
    await records.report(*(records.stop(9, n, station_id=f"S{n}") for n in (1, 2)))
    (purge,) = [
        task
        for task in upkeep_tasks(meter_value_days=1, stop_days=1, quarantine_days=1)
        if task.name == "purge_live_figures"
    ]
    assert not await in_transaction(engine, purge.work)
    await records.execute(
        "UPDATE live_figures SET kept_until = kept_until - make_interval(secs => :s) "
        "WHERE transaction_id IN (1, 3)",
        s=ENDED_FOR_S,
    )
    await records.execute(
        "UPDATE live_figures SET kept_until = now() - interval '1 s' WHERE transaction_id = 4"
    )
    while await in_transaction(engine, purge.work):
        pass
    left = await records.rows("SELECT transaction_id FROM live_figures ORDER BY 1")
    assert [row["transaction_id"] for row in left] == [2, 3]
