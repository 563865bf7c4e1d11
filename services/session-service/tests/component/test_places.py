"""Where stations stand is kept as it was told, and transactions are found by where they began."""

import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from session_asker import Asker
from session_records import BASE, Records

from csms_local.pytest_scale import scaled
from csms_shared.contracts.events import CloudEvent, event_type
from csms_shared.contracts.places import StationPlace
from csms_shared.db.engine import in_transaction
from csms_shared.service.dispatch import dispatching
from csms_shared.service.inbox import Work
from csms_shared.values.times import format_time
from session_service.routes import place_routes


def _placed(station_id: str, version: int, site_id: str | None, *tags: str) -> dict[str, Any]:
    place = StationPlace(station_id=station_id, site_id=site_id, tags=list(tags), version=version)
    return CloudEvent(
        id=f"{station_id}-{version}",
        source="station-registry",
        type=event_type("station.placed"),
        subject=station_id,
        time=format_time(BASE),
        data=place.model_dump(),
    ).model_dump()


async def _keep(records: Records, *events: dict[str, Any]) -> None:
    apply = dispatching(place_routes())
    works = [Work("events.v1", {}, [event]) for event in events]
    await in_transaction(records.engine, lambda connection: apply(connection, works))


async def _kept(records: Records) -> list[tuple[str, str | None, list[str]]]:
    rows = await records.rows("SELECT * FROM station_place ORDER BY station_id")
    return [(row["station_id"], row["site_id"], row["tags"]) for row in rows]


async def _listed(ask: Asker, **query: Any) -> list[int]:
    """Return the ids of all pages, two on each."""
    ids: list[int] = []
    page = await ask("transactions.list", limit=2, **query)
    while True:
        ids += [item["transaction_id"] for item in page["items"]]
        if page["next_cursor"] is None:
            return ids
        page = await ask("transactions.list", limit=2, cursor=page["next_cursor"], **query)


@pytest.mark.scaled
@settings(
    max_examples=scaled(25, 8),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(), batches=st.integers(1, 4))
async def test_the_newest_place_counts_in_any_order_and_however_often(
    records: Records, seed: int, batches: int
) -> None:
    await records.execute("DELETE FROM station_place")
    drawn = random.Random(seed)
    events = [
        _placed(station, version, drawn.choice([None, "a", "b"]), *"xyz"[: drawn.randint(0, 3)])
        for station in ("S1", "S2")
        for version in range(1, 6)
    ]
    last = [
        (event["subject"], event["data"]["site_id"], event["data"]["tags"])
        for event in (events[4], events[9])
    ]
    sent = drawn.choices(events, k=8) + events
    drawn.shuffle(sent)
    for at in range(batches):
        await _keep(records, *sent[at::batches])
    assert await _kept(records) == last


async def test_a_transaction_keeps_the_place_where_it_began(records: Records, ask: Asker) -> None:
    await records.token("T1", max_concurrent=None)
    await _keep(records, _placed("S1", 1, "harbour", "fast", "public"))
    await records.decide(records.start(station_id="S1"))
    await _keep(records, _placed("S1", 2, "station-square", "slow"))
    await records.report(records.stop(9, station_id="S1"))
    assert (await ask("transactions.get", transaction_id=1))["site_id"] == "harbour"
    assert await _listed(ask, site_id="harbour") == [1]
    assert await _listed(ask, tag="fast") == await _listed(ask, tag="public") == [1]
    assert await _listed(ask, site_id="station-square") == await _listed(ask, tag="slow") == []


async def test_a_start_that_comes_again_keeps_its_first_place(records: Records, ask: Asker) -> None:
    await records.token("T1", max_concurrent=None)
    await _keep(records, _placed("S1", 1, "harbour", "fast"))
    await records.decide(records.start(station_id="S1"))
    await _keep(records, _placed("S1", 2, "elsewhere", "slow"))
    await records.decide(records.start(seq=3, station_id="S1"))
    assert await _listed(ask) == await _listed(ask, site_id="harbour", tag="fast") == [1]
    assert await _listed(ask, tag="slow") == []


async def test_pages_by_site_and_tag_are_whole(records: Records, ask: Asker) -> None:
    await records.token("T1", max_concurrent=None)
    await _keep(
        records,
        *(_placed(f"S{n}", 1, f"site-{n % 2}", "all", f"third-{n % 3}") for n in range(12)),
    )
    changes = (await ask("transactions.list"))["changes"]
    await records.decide(*(records.start(station_id=f"S{n}") for n in range(12)))
    every = await _listed(ask)
    assert len(every) == 12
    of = {
        row["id"]: int(row["station_id"][1:])
        for row in await records.rows("SELECT id, station_id FROM transaction")
    }
    assert await _listed(ask, tag="all") == every
    even_thirds = [number for number in every if of[number] % 2 == 0 and of[number] % 3 == 0]
    assert await _listed(ask, site_id="site-0", tag="third-0") == even_thirds
    changed = await _listed(ask, site_id="site-0", tag="third-0", changed_after=changes)
    assert sorted(changed) == sorted(even_thirds)
    with_other_filters = await _listed(ask, tag="all", station_id="S3", status="active")
    assert [of[number] for number in with_other_filters] == [3]


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("site_id = 'site-1' ORDER BY started_at DESC, id DESC", "transaction_of_tenant_by_site"),
        (
            "transaction_tag.tenant_id = 'default' AND tag = 'tag-1' "
            "ORDER BY transaction_tag.started_at DESC, transaction_id DESC",
            "transaction_tag_by_start",
        ),
    ],
)
async def test_a_page_reads_what_it_shows_however_many_there_are(
    records: Records, analyze: Callable[[str], Awaitable[None]], query: str, index: str
) -> None:
    await records.execute(
        "INSERT INTO transaction (key, station_id, connector_id, id_token, token_key, status, "
        "authorization_status, started_at, started_raw, meter_start, epoch, seq, received_at, "
        "site_id) SELECT decode(md5(n::text), 'hex'), 'S' || n % 100, 1, 'T', 't', 'completed', "
        "'accepted', now() - n * interval '1 minute', '', 0, 1, n, now(), 'site-' || n % 10 "
        "FROM generate_series(1, 20000) AS n"
    )
    await records.execute(
        "INSERT INTO transaction_tag (tag, started_at, transaction_id) "
        "SELECT 'tag-' || id % 10, started_at, id FROM transaction"
    )
    for table in ("transaction", "transaction_tag"):
        await analyze(table)
    joined = (
        "JOIN transaction_tag ON transaction_id = id" if index.startswith("transaction_tag") else ""
    )
    lines = await records.rows(
        "EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF, SUMMARY OFF) SELECT transaction.* "
        f"FROM transaction {joined} WHERE transaction.tenant_id = 'default' "
        f"AND {query} LIMIT 51"
    )
    plan = "\n".join(line["QUERY PLAN"] for line in lines)
    assert index in plan, plan
    assert "Sort" not in plan, plan


async def test_who_charges_is_told_of_site_and_tags_at_the_start(
    records: Records, ask: Asker
) -> None:
    await records.token("T1")
    await _keep(records, _placed("S1", 1, "harbour", "slow", "fast"))
    await records.decide(records.start(1))
    await _keep(records, _placed("S1", 2, "pier", "dear"))
    (one,) = (await ask("sessions.facts", transaction_ids=[1]))["items"]
    assert (one["site_id"], one["tags"]) == ("harbour", ["fast", "slow"])
