from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from bench.preload import ROWS_PER_TRANSACTION, Stored
from bench.queries import query_plan

BEGAN = datetime(2026, 9, 1, tzinfo=UTC)
STORED = Stored(
    "stored-", first_id=101, transactions=4080, began_at=BEGAN, spacing=timedelta(0, 720)
)


def test_every_kind_of_query_is_asked_as_often() -> None:
    kinds = [query.kind for query in query_plan(STORED, 7)]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "page": 7,
        "meter-values": 7,
        "month": 7,
    }


def test_a_months_query_expects_the_stations_own_transactions_of_30_days() -> None:
    # 4,080 transactions of 1,000 stations, one each 12 minutes: 3,600 of them in 30 days.
    expected = {"00000": 4, "00599": 4, "00600": 3, "00999": 3}
    found = {}
    for query in query_plan(STORED, 3000):
        if query.kind == "month":
            station_id = parse_qs(urlsplit(query.path).query)["station_id"][0]
            found[station_id.removeprefix("stored-")] = query.items
    assert {station: found[station] for station in expected} == expected


def test_a_transactions_meter_values_are_all_asked_for() -> None:
    query = next(query for query in query_plan(STORED, 1) if query.kind == "meter-values")
    assert query.items == ROWS_PER_TRANSACTION
    assert "limit=500" in query.path


def test_a_page_is_of_what_started_before_a_time() -> None:
    for query in query_plan(STORED, 50):
        if query.kind == "page":
            before = parse_qs(urlsplit(query.path).query)["to"][0]
            earlier = (datetime.fromisoformat(before) - BEGAN) // STORED.spacing
            assert query.items == min(earlier, 50)
