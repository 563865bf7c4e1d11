"""Starts with one token at many stations: two replicas, any batches, exactly as many as it may."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from session_records import Records
from sqlalchemy.ext.asyncio import AsyncEngine

from csms_local.pytest_scale import scaled
from csms_shared.db.engine import create_engine
from csms_shared.service.inbox import Work
from session_service.database import SCHEMA

STATIONS = 8
LIMITS = {"ONE": 1, "TWO": 2, "THREE": 3, "ANY": None}

Drawn = TypeVar("Drawn")


async def replica(records: Records, batches: Sequence[list[Work]]) -> Counter[tuple[str, str]]:
    """Decide batches as one process does; count by token and what its starts were answered."""
    answered: Counter[tuple[str, str]] = Counter()
    for batch in batches:
        for work, reply in zip(batch, await records.answers(*batch), strict=True):
            answered[work.item["payload"]["idTag"], reply["idTagInfo"]["status"]] += 1
    return answered


@pytest.mark.scaled
def test_two_replicas_accept_exactly_as_many_starts_of_a_token_as_it_may_have(
    session_url: str,
    records_of: Callable[[AsyncEngine], Records],
    clear: Callable[[], Awaitable[None]],
) -> None:
    # Hypothesis calls a plain function, so each example has an event loop of its own.
    async def check(tokens: list[str], sides: list[bool], ends: list[bool]) -> None:
        await clear()
        engines = [create_engine(session_url, SCHEMA, name=f"r{n}", pool_size=2) for n in (1, 2)]
        one, other = map(records_of, engines)
        try:
            for name, limit in LIMITS.items():
                await one.token(name, max_concurrent=limit)
            batches: dict[bool, list[list[Work]]] = {True: [[]], False: [[]]}
            for number, (name, side, end) in enumerate(zip(tokens, sides, ends, strict=True)):
                batches[side][-1].append(one.start(1, station_id=f"S{number}", id_tag=name))
                if end:
                    batches[side].append([])
            answered = await asyncio.gather(
                replica(one, batches[True]), replica(other, batches[False])
            )
            asked = Counter(tokens)
            expected: Counter[tuple[str, str]] = Counter()
            for name, limit in LIMITS.items():
                accepted = asked[name] if limit is None else min(asked[name], limit)
                expected[name, "Accepted"] = accepted
                expected[name, "ConcurrentTx"] = asked[name] - accepted
            assert sum(answered, Counter()) == +expected
            assert len(await one.transactions()) == len(tokens)
        finally:
            for engine in engines:
                await engine.dispose()

    @settings(
        max_examples=scaled(25, 8),
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
        # A race that was lost once need not be lost again, so a failure is not made smaller.
        phases=[Phase.generate],
    )
    @given(data=st.data())
    def any_batches(data: st.DataObject) -> None:
        def drawn(one: st.SearchStrategy[Drawn]) -> list[Drawn]:
            return data.draw(st.lists(one, min_size=STATIONS, max_size=STATIONS))

        tokens = drawn(st.sampled_from(sorted(LIMITS)))
        sides, ends = drawn(st.booleans()), drawn(st.booleans())
        asyncio.run(check(tokens, sides, ends))

    any_batches()
