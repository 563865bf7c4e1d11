from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from bench.capacity import FLEETS, Fleet, needs
from bench.lines import LINES
from bench.publish import PAGE, generated_parts, measured, with_parts
from bench.report import row_title
from bench.unit_costs import PARTS, UnitCosts, read_measured, unit_costs

COSTS = UnitCosts(
    message_cpu_s=dict.fromkeys(PARTS, 50e-6),
    connect_cpu_s=dict.fromkeys(PARTS, 200e-6),
    idle_cpu_share=dict.fromkeys(PARTS, 1e-6),
    connects_per_s=1000,
    connection_bytes=16_000,
    meter_value_bytes=250,
    transaction_bytes=1000,
    event_bytes=500,
    wal_bytes_per_message=2000,
)


def rounds() -> dict[str, list[dict[str, Any]]]:
    by_name = {"gateway-1": 10.0, "gateway-2": 20.0, "station-registry": 5.0, "driver": 99.0}
    loaded = {"cpu_us_per_unit": by_name, "wal_bytes": 4000, "answered": {"Heartbeat": 2}}
    row_bytes = {"meter_value": 400, "transaction": 600, "stop": 400, "event": 500}
    return {
        "sessions": [{**loaded, "row_bytes": row_bytes}],
        "connect": [{**loaded, "stations_per_s": 900.0}],
        "idle": [
            {
                "cpu_share": {"gateway-1": 0.3, "station-registry": 0.01},
                "cpu_share_alone": {"gateway-1": 0.1, "station-registry": 0.02},
                "held": 1000,
            }
        ],
        "memory": [{"bytes_per_connection": 16_000.0}],
        "queries": [{"row_bytes": {**row_bytes, "meter_value": 250}}],
    }


def test_gateways_are_added_up_and_the_driver_is_left_out() -> None:
    costs = UnitCosts(**unit_costs(rounds()))
    assert costs.message_cpu_s["gateway"] == pytest.approx(30e-6)
    assert sum(costs.message_cpu_s.values()) == pytest.approx(35e-6)
    assert costs.wal_bytes_per_message == 2000
    assert costs.transaction_bytes == 1000
    assert costs.meter_value_bytes == 250


def test_a_silent_station_costs_what_the_suite_alone_does_not_and_never_less_than_nothing() -> None:
    share = unit_costs(rounds())["idle_cpu_share"]
    assert share["gateway"] == pytest.approx(0.0002)
    assert share["registry"] == 0


def test_a_quick_run_is_not_published() -> None:
    with pytest.raises(ValueError, match="quick"):
        measured([{"settings": {"quick": True}}], read_measured())


def test_each_row_of_a_case_has_a_name_of_its_own() -> None:
    named = Counter((line.case, row_title(line)) for line in LINES)
    assert [name for name, times in named.items() if times > 1] == []


def test_what_a_run_did_not_measure_stays_as_it_was_published() -> None:
    before = read_measured()
    idle = {**rounds()["idle"][0], "idle_cost": 0.19}
    run = {
        "at": "2030-01-02T03:04:05+00:00",
        "settings": {"quick": False},
        "rounds": {"suite": {"idle": [idle] * 2}, "baseline": {}},
    }
    after = measured([run], before)
    assert after["cases"]["idle"] == {"on": "2030-01-02", "rounds": 2}
    assert after["cases"]["sessions"] == before["cases"]["sessions"]
    rows = zip(before["table"], after["table"], strict=True)
    changed = [new for old, new in rows if new != old]
    assert changed == [
        ["idle", "idle cost of 10,000 stations (% of a core)", "19", "", "", "<= 5", "MISSED"]
    ]
    assert after["unit_costs"]["connects_per_s"] == before["unit_costs"]["connects_per_s"]
    assert after["unit_costs"]["idle_cpu_share"] != before["unit_costs"]["idle_cpu_share"]
    said = generated_parts(after)["measured"]
    assert "Measured 2030-01-02, rounds: idle 2." in said


def test_a_number_of_gateways_that_a_run_did_not_measure_keeps_its_row() -> None:
    before = {**read_measured(), "gateways": [["2", "kept"], ["8", "replaced"]]}
    of_eight = {
        "messages_per_s": 4000.0,
        "p50_ms": 1.0,
        "p99_ms": 2.0,
        "cpu_us_per_unit": {"gateway-1": 1.0, "driver": 1.0},
        "batches": {"size": {}, "per_s": {}},
    }
    run = {
        "at": "2030-01-02T03:04:05+00:00",
        "settings": {"quick": False},
        "rounds": {"suite": {"sessions-over-8": [of_eight]}, "baseline": {}},
    }
    rows = measured([run], before)["gateways"]
    assert rows[0] == ["2", "kept"]
    assert rows[1][:2] == ["8", "4,000"]
    assert len(rows) == 2


def test_parts_replace_what_stood_between_their_marks() -> None:
    begin, end = "<!-- a: python -m bench.publish -->\n", "<!-- /a -->"
    page = f"before\n{begin}old{end}\nafter\n"
    new = with_parts(page, {"a": "new"})
    assert new == f"before\n{begin}\nnew\n{end}\nafter\n"
    assert with_parts(new, {"a": "new"}) == new


def test_a_page_without_a_place_for_a_part_is_an_error() -> None:
    with pytest.raises(ValueError, match="no place"):
        with_parts("page", {"a": "new"})


def test_the_page_is_what_was_measured() -> None:
    page = PAGE.read_text()
    assert with_parts(page, generated_parts(read_measured())) == page


def test_needs_grow_with_the_fleet() -> None:
    small, _, big = (needs(stations, COSTS, Fleet()) for stations in FLEETS)
    assert (small.cells, big.cells) == (1, 10)
    assert big.disk_per_year == pytest.approx(100 * small.disk_per_year)
    assert big.messages_per_s == pytest.approx(100 * small.messages_per_s)
    assert big.gateways >= 110


def test_needs_of_ten_thousand_stations_by_hand() -> None:
    found = needs(10_000, COSTS, Fleet())
    # 3 sessions of 60 + 6 messages a day, three times as many at the busiest hour
    assert found.messages_per_s == pytest.approx(10_000 * 198 / 86_400 * 3)
    assert found.cores["gateway"] == pytest.approx(found.messages_per_s * 50e-6 + 0.01)
    assert found.disk_per_year == pytest.approx(10_000 * 365 * (720 * 250 + 3 * 1000))
    assert found.gateway_memory == 160e6


def test_a_part_has_two_processes_in_each_cell_at_least() -> None:
    assert needs(1_000_000, COSTS, Fleet()).processes("registry") == 20
    busy = replace(COSTS, message_cpu_s=dict.fromkeys(PARTS, 0.1))
    found = needs(10_000, busy, Fleet())
    assert found.processes("sessions") == 12
