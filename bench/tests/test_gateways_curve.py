from typing import Any

from bench.cases import CASES, GATEWAYS_CURVE, chosen, sittings
from bench.gateways_curve import HEAD, curve_rows


def a_round(messages_per_s: float) -> dict[str, Any]:
    return {
        "messages_per_s": messages_per_s,
        "p50_ms": 20.0,
        "p99_ms": 300.0,
        "cpu_us_per_unit": {"gateway-1": 30.0, "gateway-2": 40.0, "broker": 5.0, "driver": 19.0},
        "batches": {
            "size": {"ocpp16.MeterValues": 12.0, "session-service.reports.v1": 3.0},
            "per_s": {
                "ocpp16.MeterValues": 50.0,
                "ocpp16.Authorize": 25.0,
                "liveness": 1.0,
                "session-service.reports.v1": 9.0,
            },
        },
    }


def test_a_row_adds_up_gateways_and_lanes_of_the_median_round() -> None:
    rounds = [a_round(rate) for rate in (1000.0, 5000.0, 4000.0)]
    [row] = curve_rows({"sessions-over-2": rounds})
    found = dict(zip(HEAD, row, strict=True))
    assert found["gateways"] == "2"
    assert found["msg/s"] == "4,000"
    assert found["batches/s"] == "75"
    assert found["items: MeterValues"] == "12.0"
    assert found["us: gateway"] == "70"
    assert found["us: driver"] == "19"


def test_numbers_of_gateways_that_were_not_measured_have_no_row() -> None:
    assert curve_rows({"sessions": [a_round(1.0)]}) == []


def test_a_round_without_a_message_has_no_row() -> None:
    empty = {name: value for name, value in a_round(0.0).items() if name != "cpu_us_per_unit"}
    assert curve_rows({"sessions-over-2": [empty]}) == []


def test_each_number_of_gateways_has_a_suite_of_its_own_and_the_rounds_alternate() -> None:
    cases = chosen([GATEWAYS_CURVE], quick=False)
    sat = sittings(cases, 2, quick=False)
    assert all(len(turns) == 1 for turns in sat)
    # Whoever went first goes last the next time.
    assert [turns[0].case.gateways for turns in sat] == [1, 2, 3, 4, 6, 8, 8, 6, 4, 3, 2, 1]
    assert [turns[0].number for turns in sat] == [1] * 6 + [2] * 6


def test_what_shares_a_suite_asks_for_the_same_gateways() -> None:
    for turns in sittings(list(CASES), 2, quick=False):
        assert len({turn.case.gateways for turn in turns}) == 1
