"""Local authorization lists (OCPP 1.6, 3.5.2, 5.10 and 5.15): what to do next for a station.

A pure state machine per station. It knows the content that the station acknowledged, by version,
and asks for one thing at a time. Whatever is lost, repeated or refused, it only trusts an answer
to its last question, and sends a full list where it does not know what the station holds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from typing import Any

# idTag without case -> the entry as it is sent: {"idTag": ..., "idTagInfo": {...}}.
Content = Mapping[str, Mapping[str, Any]]

EMPTY_VERSION = 0
NO_LIST_VERSION = -1
_VERSION_MAX = 2**31 - 1
# Where a station does not say how many entries it takes, and the most we put into one message.
PER_MESSAGE_DEFAULT = 100
PER_MESSAGE_MAX = 500
ENTRIES_MAX = 10_000
FAILURES_MAX = 5

LOOK_AGAIN = timedelta(minutes=1)
STATION_AWAY = timedelta(hours=6)
CHECKS_APART = timedelta(minutes=10)
COMMAND_WITHIN = timedelta(minutes=5)
COMMAND_LOST = timedelta(minutes=10)
_BACKOFF = timedelta(minutes=1)
_BACKOFF_MAX = timedelta(hours=1)


class Ask(StrEnum):
    """What a station is asked; the values name what the state keeps."""

    LIMITS = "limits"
    VERSION = "version"
    LIST = "list"


class Stage(StrEnum):
    """What has to be known before a list is sent."""

    LIMITS = "limits"
    VERSION = "version"
    READY = "ready"


class Result(StrEnum):
    """What a question came to; `away` and `busy`: it never reached the station."""

    ACCEPTED = "accepted"
    FAILED = "failed"
    VERSION_MISMATCH = "version_mismatch"
    NOT_SUPPORTED = "not_supported"
    AWAY = "away"
    BUSY = "busy"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class LocalList:
    """What is known of a station's list, and what it has been asked and not answered yet.

    `known_digest` None: nobody knows what the station holds. `doubtful_*`: an update of which
    nobody knows whether the station took it. `last_version`: the highest that was ever used.
    `sent_completes`: with the update sent, the station holds what was wanted then. `next_at`: when
    to look again; None where only a person can change anything.
    """

    stage: Stage = Stage.LIMITS
    known_version: int | None = None
    known_digest: str | None = None
    last_version: int = 0
    doubtful_version: int | None = None
    doubtful_digest: str | None = None
    asked: Ask | None = None
    sent_version: int | None = None
    sent_digest: str | None = None
    sent_completes: bool = False
    max_entries: int | None = None
    max_per_message: int | None = None
    failures: int = 0
    supported: bool = True
    last_result: str | None = None
    last_result_at: datetime | None = None
    checked_at: datetime | None = None
    next_at: datetime | None = None

    @property
    def has_given_up(self) -> bool:
        """Tell whether it failed so often that a person has to look."""
        return self.failures >= FAILURES_MAX

    @property
    def is_away(self) -> bool:
        """Tell whether the last question never reached the station."""
        return self.last_result == Result.AWAY

    @property
    def entries_max(self) -> int:
        """How many entries the station takes in all."""
        return min(ENTRIES_MAX, self.max_entries or ENTRIES_MAX)

    @property
    def per_message(self) -> int:
        """How many entries the station takes at once."""
        return min(PER_MESSAGE_MAX, self.max_per_message or PER_MESSAGE_DEFAULT)


@dataclass(frozen=True, slots=True)
class Update:
    """A SendLocalList; `content` is what the station holds once it has taken it."""

    full: bool
    version: int
    entries: tuple[Mapping[str, Any], ...]
    content: Content


def digest_of(content: Content) -> str:
    """Return what tells one content from another."""
    lines = [f"{key}\x1f{sorted(_flat(content[key]).items())}" for key in sorted(content)]
    return blake2b("\x1e".join(lines).encode(), digest_size=16).hexdigest()


def _flat(entry: Mapping[str, Any]) -> dict[str, str]:
    return {"idTag": str(entry["idTag"]), **entry["idTagInfo"]}


def next_question(state: LocalList, wanted_digest: str, now: datetime) -> Ask | None:
    """Return what the station is to be asked now, None while there is nothing to ask."""
    if state.asked is not None or not state.supported or state.has_given_up:
        return None
    if state.next_at is None or state.next_at > now:
        return None
    if state.stage is Stage.LIMITS:
        return Ask.LIMITS
    if state.stage is Stage.VERSION:
        return Ask.VERSION
    return None if state.known_digest == wanted_digest else Ask.LIST


def next_update(state: LocalList, known: Content | None, wanted: Content) -> Update:
    """Return the next message on the way from what the station holds to what it is to hold.

    A list that is too long for one message begins with a full update and goes on with
    differential ones (6.41).
    """
    version = _next_version(state)
    limit = state.per_message
    # To a station without any list an update would be to nothing, and some refuse that.
    if not known or version <= state.last_version:
        chosen = dict(list(wanted.items())[:limit])
        return Update(True, version, tuple(chosen.values()), chosen)
    gone = [key for key in known if key not in wanted]
    changed = [key for key, entry in wanted.items() if known.get(key) != entry]
    # What must not charge any more goes first; that also makes room for what comes.
    keys = (gone + changed)[:limit]
    content = dict(known)
    entries: list[Mapping[str, Any]] = []
    for key in keys:
        if key in wanted:
            content[key] = wanted[key]
            entries.append(wanted[key])
        else:
            entries.append({"idTag": content.pop(key)["idTag"]})
    return Update(False, version, tuple(entries), content)


def _next_version(state: LocalList) -> int:
    """Return a version that the station has not seen; neither 0 nor -1 (errata 3.52)."""
    newest = max(state.last_version, state.known_version or 0)
    return newest + 1 if newest < _VERSION_MAX else 1


def asked_for_facts(state: LocalList, question: Ask, now: datetime) -> LocalList:
    """Return the state while the station is asked for its limits or its version."""
    return replace(state, asked=question, next_at=now + COMMAND_WITHIN + COMMAND_LOST)


def asked_to_update(
    state: LocalList, update: Update, wanted_digest: str, now: datetime
) -> LocalList:
    """Return the state while the station is sent an update."""
    digest = digest_of(update.content)
    return replace(
        asked_for_facts(state, Ask.LIST, now),
        sent_version=update.version,
        sent_digest=digest,
        sent_completes=digest == wanted_digest,
        last_version=update.version,
    )


def told_limits(
    state: LocalList, result: Result, limits: Mapping[str, int], now: datetime
) -> LocalList:
    """Take over what a station says of its limits; one that says nothing has our defaults."""
    state = _answered(state, now)
    if result is Result.AWAY:
        return _away(state, now)
    if result is Result.BUSY:
        return _failed(state, now)
    return replace(with_limits(state, limits), stage=Stage.VERSION)


def with_limits(state: LocalList, limits: Mapping[str, int]) -> LocalList:
    """Return the state with limits that a station showed, whoever asked."""
    return replace(
        state,
        max_entries=limits.get("LocalAuthListMaxLength", state.max_entries),
        max_per_message=limits.get("SendLocalListMaxLength", state.max_per_message),
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
            known_digest=digest_of({})
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
