"""Live figures are the same in whatever order, batches and repetition their values come."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from live_calls import POWER, SOC, started, told, values
from session_records import Records
from sqlalchemy.ext.asyncio import AsyncEngine

from csms_local.pytest_scale import scaled
from csms_shared.db.engine import create_engine
from csms_shared.service.inbox import Work
from session_service.database import SCHEMA

_READINGS = ("150", "160", "170", "90000000000", "-5", "no number")
_SAMPLED = st.one_of(
    st.sampled_from(_READINGS).map(lambda value: {"value": value}),
    st.sampled_from(("3.6", "7.2")).map(lambda value: {"value": value, **POWER}),
    st.sampled_from(("40", "41", "500")).map(lambda value: {"value": value, **SOC}),
)
_CALLS = st.lists(
    st.tuples(
        st.integers(1, 2),
        st.sampled_from(
            ["2026-11-20T08:01:00Z", "2026-11-20T08:02:00Z", "2099-01-01T00:00:00Z", ""]
        ),
        st.lists(_SAMPLED, min_size=1, max_size=3),
    ),
    min_size=1,
    max_size=6,
)


@pytest.mark.scaled
def test_order_batches_and_repetition_of_calls_make_no_difference(
    session_url: str,
    records_of: Callable[[AsyncEngine], Records],
    clear: Callable[[], Awaitable[None]],
) -> None:
    async def outcome(batches: list[list[int]], calls: list[Any]) -> list[dict[str, Any]]:
        await clear()
        engine = create_engine(session_url, SCHEMA, name="live", pool_size=6)
        records = records_of(engine)
        try:
            await started(records, 2)
            works = [
                values(
                    records,
                    seq,
                    *sampled,
                    transaction_id=n,
                    station_id=f"S{n}",
                    timestamp=timestamp,
                )
                for seq, (n, timestamp, sampled) in enumerate(calls, 2)
            ]
            # At once, as consumers do; those of one transaction wait for each other.
            await asyncio.gather(
                *(records.report(*(works[index] for index in batch)) for batch in batches)
            )
            events = await told(records)
            assert len(events) == len({event["transaction_id"] for event in events})
            return await records.rows(
                "SELECT transaction_id, energy_wh, energy_at, power_w, power_at, soc_percent, "
                "soc_at, ended FROM live_figures ORDER BY 1"
            )
        finally:
            await engine.dispose()

    @settings(
        max_examples=scaled(25, 8),
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(calls=_CALLS, data=st.data())
    def any_order(calls: list[Any], data: st.DataObject) -> None:
        numbers = list(range(len(calls)))
        repeated = data.draw(st.lists(st.sampled_from(numbers), max_size=4))
        order = data.draw(st.permutations([*numbers, *repeated]))
        size = data.draw(st.integers(1, len(order)))
        batches = [order[first : first + size] for first in range(0, len(order), size)]
        expected = asyncio.run(outcome([numbers], calls))
        assert asyncio.run(outcome(batches, calls)) == expected

    any_order()


async def test_batches_that_end_and_measure_the_same_transactions_wait_for_each_other_once(
    records: Records,
) -> None:
    number = 12
    await started(records, number)
    first, second = range(1, number // 2 + 1), range(number // 2 + 1, number + 1)

    def batch(measured: range, ended: range) -> list[Work]:
        return [
            *(
                values(records, 2, {"value": "200"}, transaction_id=n, station_id=f"S{n}")
                for n in measured
            ),
            *(records.stop(9, n, station_id=f"S{n}") for n in ended),
        ]

    await asyncio.gather(
        records.report(*batch(first, second)), records.report(*batch(second, first))
    )
    assert await records.rows("SELECT count(*) AS n FROM live_figures WHERE ended") == [
        {"n": number}
    ]
