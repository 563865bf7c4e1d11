"""Marks of suspect data: stored beside it, for people to judge; nothing is dropped for them."""

from datetime import datetime
from enum import StrEnum

from csms_shared.values.station_clocks import BUILD_DATE, ClockFlag, clock_flag

# More than any station or vehicle can take; a register that jumped looks like it.
PLAUSIBLE_POWER_W = 1_500_000.0


class Flag(StrEnum):
    """What is odd about a transaction."""

    CLOCK_NOT_SET = ClockFlag.CLOCK_NOT_SET.value
    CLOCK_AHEAD = ClockFlag.CLOCK_AHEAD.value
    UNREADABLE_TIME = ClockFlag.UNREADABLE_TIME.value
    NEGATIVE_METER = "negative_meter"
    NO_CONNECTOR = "no_connector"
    NEGATIVE_ENERGY = "negative_energy"
    METER_BACKWARDS = "meter_backwards"
    IMPLAUSIBLE_POWER = "implausible_power"
    STOP_BEFORE_START = "stop_before_start"
    FOREIGN_STOP_TOKEN = "foreign_stop_token"  # noqa: S105 - no password
    CONFLICTING_STOPS = "conflicting_stops"
    CLOSED_BY_HAND = "closed_by_hand"
    STOP_AFTER_CLOSE = "stop_after_close"
    MATCHED_WITHOUT_ID = "matched_without_id"
    VALUES_MATCHED_WITHOUT_ID = "values_matched_without_id"
    RESERVATION_CONFLICT = "reservation_conflict"


# What makes a station's times no measure of what came before what.
CLOCK_FLAGS = frozenset({Flag.CLOCK_NOT_SET, Flag.CLOCK_AHEAD, Flag.UNREADABLE_TIME})


def clock_flags(said: datetime | None, received_at: datetime) -> set[Flag]:
    """Judge a time that a station sent, of any year; None where its text is no time."""
    found = clock_flag(said, received_at)
    return set() if found is None else {Flag(found.value)}


def energy_flags(meter_start: int, meter_stop: int) -> set[Flag]:
    """Judge what a whole transaction is said to have taken."""
    return {Flag.NEGATIVE_ENERGY} if meter_stop < meter_start else set()


def duration_flags(
    started_at: datetime, stopped_at: datetime, meter_start: int, meter_stop: int
) -> set[Flag]:
    """Judge how long a transaction is said to have taken for its energy."""
    seconds = (stopped_at - started_at).total_seconds()
    # Clocks that were set in between are one thing, a stop before its start is another.
    if seconds < 0:
        return {Flag.STOP_BEFORE_START}
    energy = meter_stop - meter_start
    if started_at >= BUILD_DATE and energy * 3600 > PLAUSIBLE_POWER_W * max(seconds, 60.0):
        return {Flag.IMPLAUSIBLE_POWER}
    return set()
