"""Composite schedules against a naive reading of the specification, second by second."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from session_service.charging.domain.composite_schedule import (
    Charging,
    composite_schedule,
    converted,
    rounded_down,
)
from session_service.charging.domain.profiles import (
    Kind,
    Limit,
    Profile,
    Purpose,
    RateUnit,
    Recurrence,
    Schedule,
)

MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
# Small numbers, so that edges meet; half seconds, so that they fall between samples.
_moments = st.integers(-120, 240).map(lambda half: MIDNIGHT + timedelta(seconds=half / 2))


@st.composite
def _schedules(draw: st.DrawFn) -> Schedule:
    starts = (0, *sorted(draw(st.sets(st.integers(1, 60), max_size=3))))
    tenths = draw(st.lists(st.integers(0, 9), min_size=len(starts), max_size=len(starts)))
    phases = draw(
        st.lists(st.sampled_from([None, 1, 3]), min_size=len(starts), max_size=len(starts))
    )
    return Schedule(
        draw(st.sampled_from(RateUnit)),
        starts,
        tuple(
            Limit(Decimal(tenth).scaleb(-1), phase)
            for tenth, phase in zip(tenths, phases, strict=True)
        ),
        draw(st.none() | _moments),
        draw(st.none() | st.integers(0, 90)),
    )


@st.composite
def _profiles(draw: st.DrawFn) -> Profile:
    kind = draw(st.sampled_from(Kind))
    purpose = draw(st.sampled_from(Purpose))
    return Profile(
        draw(st.integers(1, 99)),
        0 if purpose is Purpose.STATION_MAX else draw(st.integers(0, 2)),
        purpose,
        kind,
        draw(st.integers(0, 3)),
        draw(_schedules()),
        draw(st.sampled_from(Recurrence)) if kind is Kind.RECURRING else None,
        draw(st.none() | _moments),
        draw(st.none() | _moments),
        draw(st.sampled_from([7, 8])) if purpose is Purpose.TX else None,
    )


def _one_per_place(profiles: list[Profile]) -> list[Profile]:
    places = {
        (each.purpose, each.stack_level, each.connector_id, each.transaction_id): each
        for each in profiles
    }
    return list(places.values())


def _naive_limit(
    profiles: list[Profile], purpose: Purpose, at: datetime, since: datetime, charging: Charging
) -> Profile | None:
    """The prevailing profile, read off the text one condition after the other."""
    best: Profile | None = None
    for each in profiles:
        if each.purpose is not purpose:
            continue
        if purpose is Purpose.TX and (
            charging.transaction_id is None or each.transaction_id != charging.transaction_id
        ):
            continue
        if purpose is not Purpose.STATION_MAX:
            if charging.connector_id == 0 or each.connector_id not in (0, charging.connector_id):
                continue
            shadowed = each.connector_id == 0 and any(
                other.purpose is purpose
                and other.stack_level == each.stack_level
                and other.connector_id == charging.connector_id
                and (purpose is not Purpose.TX or other.transaction_id == each.transaction_id)
                for other in profiles
            )
            if shadowed:
                continue
        if _naive_value(each, at, since) is None:
            continue
        if best is None or each.stack_level > best.stack_level:
            best = each
    return best


def _naive_value(each: Profile, at: datetime, since: datetime) -> Limit | None:
    if (each.valid_from and at < each.valid_from) or (each.valid_to and at >= each.valid_to):
        return None
    begin = each.schedule.start_at
    if begin is None or each.kind is Kind.RELATIVE:
        begin = since
    if at < begin:
        return None
    elapsed = (at - begin).total_seconds()
    if each.recurrence is Recurrence.DAILY:
        elapsed %= 24 * 60 * 60
    if each.recurrence is Recurrence.WEEKLY:
        elapsed %= 7 * 24 * 60 * 60
    if each.schedule.duration_s is not None and elapsed >= each.schedule.duration_s:
        return None
    found = None
    for start, limit in zip(each.schedule.starts, each.schedule.limits, strict=True):
        if elapsed >= start:
            found = limit
    return found


@given(
    st.lists(_profiles(), max_size=5).map(_one_per_place),
    st.integers(0, 2),
    st.sampled_from([None, 7]),
    st.none() | _moments,
    _moments,
    st.integers(0, 12),
    st.sampled_from(RateUnit),
)
def test_the_composite_schedule_says_at_every_second_what_a_naive_reading_says(
    profiles: list[Profile],
    connector_id: int,
    transaction_id: int | None,
    since: datetime | None,
    start: datetime,
    recurrences: int,
    unit: RateUnit,
) -> None:
    # Also a few recurrences later, where only the rounds' edges are near.
    start += timedelta(days=recurrences)
    charging = Charging(connector_id, transaction_id, since)
    duration = 100
    found = composite_schedule(profiles, charging, start, duration, unit)
    for second in range(duration):
        at = start + timedelta(seconds=second)
        began = since or start
        provided = transaction_id is not None and any(
            each.purpose is Purpose.TX
            and each.transaction_id == transaction_id
            and each.connector_id in (0, connector_id)
            for each in profiles
        )
        of_transaction = Purpose.TX if provided else Purpose.TX_DEFAULT
        own = _naive_limit(profiles, of_transaction, at, began, charging)
        whole = _naive_limit(profiles, Purpose.STATION_MAX, at, began, charging)
        expected: list[tuple[Fraction, int | None]] = []
        for each in (own, whole):
            if each is None:
                continue
            limit = _naive_value(each, at, began)
            assert limit is not None
            expected.append(
                (
                    converted(limit.value, each.schedule.unit, unit, limit.phases, 230),
                    limit.phases,
                )
            )
        period = [p for p in found.periods if p.start_s <= second][-1]
        if not expected:
            assert (period.limit, period.phases) == (None, None)
        else:
            assert period.limit == rounded_down(min(rate for rate, _ in expected))
            assert period.phases == min((p for _, p in expected if p is not None), default=None)
    assert all(
        (one.limit, one.phases) != (next_.limit, next_.phases)
        for one, next_ in zip(found.periods, found.periods[1:], strict=False)
    )
