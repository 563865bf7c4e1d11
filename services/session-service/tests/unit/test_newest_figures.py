"""The newest figures of a transaction, of values in any order."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms_shared.values.station_clocks import BUILD_DATE
from session_service.metering.domain import MeterReport, Sample
from session_service.transactions.domain.live_figures import Figures, Reading, figures_of
from session_service.values.suspicion import PLAUSIBLE_POWER_W

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
METER_START = 1000
POWER = "Power.Active.Import"
REGISTER = "Energy.Active.Import.Register"


def sample(
    value: float | None,
    measurand: str | None = None,
    unit: str | None = None,
    *,
    phase: str | None = None,
    location: str | None = None,
    at: datetime = NOW,
) -> Sample:
    return Sample(at, b"", measurand, phase, None, location, None, unit, str(value), value)


def report(*samples: Sample, received_at: datetime = NOW) -> MeterReport:
    return MeterReport("S1", "default", 1, "1", True, "c", (1, 1), received_at, samples)


def figures(*samples: Sample, received_at: datetime = NOW) -> Figures:
    return figures_of(report(*samples, received_at=received_at), METER_START)


def values(found: Figures) -> tuple[float | None, ...]:
    return tuple(None if reading is None else reading.value for reading in found)


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        ([], (None, None, None)),
        ([sample(1500)], (500, None, None)),
        ([sample(1500, REGISTER, "Wh", location="Outlet")], (500, None, None)),
        ([sample(1.5, REGISTER, "kWh")], (500, None, None)),
        ([sample(7200, POWER)], (None, 7200, None)),
        ([sample(11.04, POWER, "kW")], (None, 11040, None)),
        ([sample(-3, POWER, "W")], (None, -3, None)),
        ([sample(55.5, "SoC", "Percent", location="EV")], (None, None, 55.5)),
        (
            [sample(1500), sample(7.2, POWER, "kW"), sample(80, "SoC"), sample(230, "Voltage")],
            (500, 7200, 80),
        ),
        # Rounded down to a tenth of a kWh, as much has been charged as nothing.
        ([sample(0.9, None, "kWh")], (0, None, None)),
    ],
)
def test_figures_are_in_wh_of_the_transaction_in_w_and_in_percent(
    samples: list[Sample], expected: tuple[float | None, ...]
) -> None:
    assert values(figures(*samples)) == expected


@pytest.mark.parametrize(
    "useless",
    [
        sample(None),
        sample(899),
        sample(1e308, None, "kWh"),
        sample(2.0**31 + METER_START),
        sample(1500, None, "varh"),
        sample(1500, REGISTER, "Wh", location="Inlet"),
        sample(1500, "Energy.Active.Import.Interval", "Wh"),
        sample(1500, "Energy.Active.Export.Register", "Wh"),
        sample(PLAUSIBLE_POWER_W + 1, POWER),
        sample(-PLAUSIBLE_POWER_W - 1, POWER),
        sample(1e308, POWER, "kW"),
        sample(7200, POWER, "VA"),
        sample(7200, "Power.Offered"),
        sample(101, "SoC"),
        sample(-1, "SoC"),
        sample(50, "SoC", phase="L1"),
    ],
)
def test_what_cannot_be_true_or_is_something_else_counts_for_nothing(useless: Sample) -> None:
    assert figures(useless) == Figures()
    other = sample(1200, at=NOW - timedelta(minutes=1))
    assert values(figures(useless, other)) == (200, None, None)


@pytest.mark.parametrize("names", [("L1", "L2", "L3"), ("L1-N", "L2-N", "L3-N")])
@pytest.mark.parametrize(("measurand", "field"), [(POWER, "power"), (None, "energy")])
def test_phases_are_summed_where_all_are_there_and_the_total_is_not(
    names: tuple[str, ...], measurand: str | None, field: str
) -> None:
    phases = [sample(1000 * n, measurand, phase=name) for n, name in enumerate(names, 1)]
    neutral = sample(7, measurand, phase="N")
    total = sample(5990, measurand)
    earlier = sample(5000, measurand, at=NOW - timedelta(minutes=1))
    start = METER_START if field == "energy" else 0

    def found(*samples: Sample) -> float | None:
        reading = getattr(figures(*samples), field)
        return None if reading is None else reading.value + start

    assert found(*phases) == 6000
    assert found(*phases, neutral, earlier) == 6000
    assert found(*phases, total) == found(total, *phases) == 5990
    assert found(*phases[:2]) is None
    assert found(*phases[:2], earlier) == 5000
    assert found(phases[0], phases[0], phases[1]) is None


@pytest.mark.parametrize(
    "said",
    [
        datetime(1970, 1, 1, tzinfo=UTC),
        BUILD_DATE - timedelta(seconds=1),
        NOW + timedelta(seconds=1),
        datetime(2099, 1, 1, tzinfo=UTC),
    ],
)
def test_a_clock_that_is_not_set_or_ahead_keeps_out_nothing_that_comes_after(
    said: datetime,
) -> None:
    odd = figures(sample(1500, at=said))
    assert odd.energy == Reading(NOW, 500)
    later = NOW + timedelta(minutes=1)
    following = figures(sample(1600, at=later), received_at=later)
    assert odd.with_others(following) == following.with_others(odd) == following


def test_values_of_calls_of_their_own_come_together_each_with_its_time() -> None:
    energy = figures(sample(1500, at=NOW - timedelta(minutes=1)))
    soc = figures(sample(40, "SoC"))
    assert energy.with_others(soc) == Figures(
        Reading(NOW - timedelta(minutes=1), 500), None, Reading(NOW, 40)
    )


_SAMPLES = st.builds(
    sample,
    value=st.sampled_from([0.0, 40.0, 950.0, 1000.0, 1500.0, 7200.0, 1e308]),
    measurand=st.sampled_from([None, REGISTER, POWER, "SoC", "Voltage"]),
    unit=st.sampled_from([None, "Wh", "kWh", "W", "kW", "Percent"]),
    at=st.integers(-3, 3).map(lambda minutes: NOW + timedelta(minutes=minutes)),
)
_REPORTS = st.lists(
    st.builds(
        lambda samples, seconds: report(*samples, received_at=NOW + timedelta(seconds=seconds)),
        st.lists(_SAMPLES, max_size=4),
        st.integers(0, 120),
    ),
    max_size=6,
)


@given(reports=_REPORTS, data=st.data())
def test_order_and_repetition_of_calls_change_nothing(
    reports: list[MeterReport], data: st.DataObject
) -> None:
    def newest(some: Sequence[MeterReport]) -> Figures:
        return reduce(
            Figures.with_others, (figures_of(one, METER_START) for one in some), Figures()
        )

    others = data.draw(st.permutations(reports))
    repeated = data.draw(st.lists(st.sampled_from(reports))) if reports else []
    assert newest([*others, *repeated]) == newest(reports)
    for before, after in zip(newest(reports[:-1]), newest(reports), strict=True):
        assert before is None or (after is not None and after >= before)
