"""What is odd about a time that a station said: marked beside it, for people to judge."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum

from csms_shared.values.times import LATEST

# Before this date no clock of a station can be set: the software did not exist.
BUILD_DATE = datetime(2025, 1, 1, tzinfo=UTC)
CLOCK_TOLERANCE = timedelta(minutes=5)


class ClockFlag(StrEnum):
    """Why a station's time is no measure of what came before what."""

    CLOCK_NOT_SET = "clock_not_set"
    CLOCK_AHEAD = "clock_ahead"
    UNREADABLE_TIME = "unreadable_time"


def clock_flag(said: datetime | None, received_at: datetime) -> ClockFlag | None:
    """Judge a time that a station sent, of any year; None where its text is no time."""
    if said is None or said > LATEST:
        return ClockFlag.UNREADABLE_TIME
    if said < BUILD_DATE:
        return ClockFlag.CLOCK_NOT_SET
    if said > received_at + CLOCK_TOLERANCE:
        return ClockFlag.CLOCK_AHEAD
    return None
