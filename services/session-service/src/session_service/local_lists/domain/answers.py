"""Local authorization lists: what follows from a station's answers, silence and coming back."""

from dataclasses import replace
from datetime import datetime, timedelta

from session_service.local_lists.domain.lists import (
    EMPTY_DIGEST,
    EMPTY_VERSION,
    NO_LIST_VERSION,
    Ask,
    Limits,
    LocalList,
    Result,
    Stage,
)

LOOK_AGAIN = timedelta(minutes=1)
STATION_AWAY = timedelta(hours=6)
CHECKS_APART = timedelta(minutes=10)
_BACKOFF = timedelta(minutes=1)
_BACKOFF_MAX = timedelta(hours=1)


def told_limits(state: LocalList, result: Result, limits: Limits, now: datetime) -> LocalList:
    """Take over what a station says of its limits; one that says nothing has our defaults."""
    state = _answered(state, now)
    if result is Result.AWAY:
        return _away(state, now)
    if result is Result.BUSY:
        return _failed(state, now)
    return replace(with_limits(state, limits), stage=Stage.VERSION)


def with_limits(state: LocalList, limits: Limits) -> LocalList:
    """Return the state with limits that a station showed, whoever asked."""
    return replace(
        state,
        max_entries=limits.max_entries or state.max_entries,
        max_per_message=limits.max_per_message or state.max_per_message,
    )


def told_version(state: LocalList, result: Result, version: int | None, now: datetime) -> LocalList:
    """Compare the version that a station shows with what it should hold (5.10)."""
    state = _noted(_answered(state, now), f"version {result if version is None else version}", now)
    if result is Result.AWAY:
        return _away(state, now)
    if result is Result.NOT_SUPPORTED or version == NO_LIST_VERSION:
        return replace(state, supported=False, known_version=version, next_at=None)
    if result is not Result.ACCEPTED or version is None:
        return _failed(state, now)
    state = replace(state, stage=Stage.READY, checked_at=now)
    if version == state.known_version:
        return _certain(state)
    if version == state.doubtful_version:
        return _certain(replace(state, known_version=version, known_digest=state.doubtful_digest))
    return _certain(
        replace(
            state,
            known_version=version,
            # Where an update failed before, a version of 0 is no proof of an empty list.
            known_digest=EMPTY_DIGEST
            if version == EMPTY_VERSION and state.known_version is not None
            else None,
            last_version=max(state.last_version, version),
        )
    )


def told_result(state: LocalList, result: Result, now: datetime) -> LocalList:
    """Take over what a station says of an update (7.47)."""
    version, digest, completes = state.sent_version, state.sent_digest, state.sent_completes
    state = _noted(_answered(state, now), result.value, now)
    match result:
        case Result.ACCEPTED:
            # Changes of the next minute go together; what one message could not hold goes on now.
            return replace(
                _certain(state),
                known_version=version,
                known_digest=digest,
                failures=0,
                next_at=now + LOOK_AGAIN if completes else now,
            )
        case Result.BUSY:
            return _failed(state, now)
        case Result.AWAY:
            return _away(state, now)
        case Result.NOT_SUPPORTED:
            return replace(state, supported=False, next_at=None)
        case Result.UNKNOWN:
            # Asked at once for its version, the station tells which of the two it holds.
            doubtful = replace(state, doubtful_version=version, doubtful_digest=digest)
            return _failed(replace(doubtful, stage=Stage.VERSION), now)
        case Result.FAILED | Result.VERSION_MISMATCH:
            # Nobody knows what a failed update left behind, so a full list is next (5.15); its
            # version has to be above the one that the station holds.
            lost = replace(_certain(state), known_version=None, known_digest=None)
            return _failed(replace(lost, stage=Stage.VERSION), now)


def somebody_sent(state: LocalList, version: int | None) -> LocalList:
    """Forget what the station holds: an operator has sent a list by the command route."""
    return replace(
        _certain(state),
        known_version=None,
        known_digest=None,
        last_version=max(state.last_version, version or 0),
        stage=Stage.VERSION if state.stage is Stage.READY else state.stage,
        sent_version=None,
        sent_digest=None,
        sent_completes=False,
    )


def connected(state: LocalList, at: datetime, now: datetime) -> LocalList:
    """Have a station asked for its version after it connected, at most every ten minutes.

    It may have come back without its list. An update that it got after that and before it was
    asked proves nothing: it may have been applied to an empty list.
    """
    state = replace(state, sent_digest=None)
    unchecked = state.checked_at is None or state.checked_at < at
    if unchecked and state.last_result_at is not None and at <= state.last_result_at:
        state = replace(_certain(state), known_version=None, known_digest=None)
    if state.stage is Stage.READY:
        state = replace(state, stage=Stage.VERSION)
    if state.asked is not None or state.next_at is None:
        return state
    if state.stage is Stage.LIMITS or state.checked_at is None:
        return replace(state, next_at=now)
    return replace(state, next_at=max(now, state.checked_at + CHECKS_APART))


def without_answer(state: LocalList, now: datetime) -> LocalList:
    """Give up waiting for the end of a command that should have come long ago."""
    if state.asked is Ask.LIST:
        return told_result(state, Result.UNKNOWN, now)
    return _failed(_answered(state, now), now)


def begun_again(state: LocalList, now: datetime) -> LocalList:
    """Start over, as an operator wishes: failures and refusals forgotten, limits asked anew."""
    return replace(state, stage=Stage.LIMITS, failures=0, supported=True, next_at=now)


def in_sync(state: LocalList, now: datetime) -> LocalList:
    """Return the state of a station that holds what it is to hold."""
    return replace(state, failures=0, next_at=now + LOOK_AGAIN)


def _answered(state: LocalList, now: datetime) -> LocalList:
    return replace(
        state, asked=None, sent_version=None, sent_digest=None, sent_completes=False, next_at=now
    )


def _certain(state: LocalList) -> LocalList:
    return replace(state, doubtful_version=None, doubtful_digest=None)


def _noted(state: LocalList, result: str, now: datetime) -> LocalList:
    return replace(state, last_result=result, last_result_at=now)


def _away(state: LocalList, now: datetime) -> LocalList:
    """Wait for the station; its connecting ends the wait sooner."""
    stage = Stage.LIMITS if state.stage is Stage.LIMITS else Stage.VERSION
    state = _noted(state, Result.AWAY.value, now)
    return replace(state, stage=stage, next_at=now + STATION_AWAY)


def _failed(state: LocalList, now: datetime) -> LocalList:
    """Try again at once the first time, then after a growing wait, and at last not any more."""
    failed = replace(state, failures=state.failures + 1)
    if failed.has_given_up:
        return replace(failed, next_at=None)
    wait = min(_BACKOFF_MAX, _BACKOFF * 2**state.failures)
    return replace(failed, next_at=now if state.failures == 0 else now + wait)
