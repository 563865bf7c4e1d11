"""Local authorization lists (OCPP 1.6, 3.5.2, 5.10 and 5.15): what to do next for a station.

A pure state machine per station. It knows the content that the station acknowledged, by version,
and asks for one thing at a time. Whatever is lost, repeated or refused, it only trusts an answer
to its last question, and sends a full list where it does not know what the station holds.
What becomes of answers is in `local_list_answers`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from typing import Any

from csms_shared.values.numbers import INT32_MAX

# What a station is told of a token, as its OCPP version spells it: compared here, never read.
Entry = Mapping[str, Any]
# The key of a token in its tenant -> its entry. What tells one content from another is its digest:
# that of what two tenants have in common is that of nothing.
Content = Mapping[str, Entry]
EMPTY_DIGEST = blake2b(digest_size=16).hexdigest()

EMPTY_VERSION = 0
NO_LIST_VERSION = -1
# Where a station does not say how many entries it takes, and the most we put into one message.
PER_MESSAGE_DEFAULT = 100
PER_MESSAGE_MAX = 500
ENTRIES_MAX = 10_000
FAILURES_MAX = 5

COMMAND_WITHIN = timedelta(minutes=5)
COMMAND_LOST = timedelta(minutes=10)


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
class Limits:
    """How many entries a station takes, in all and at once; None where it does not say."""

    max_entries: int | None = None
    max_per_message: int | None = None


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
    """What a station is sent: entries of tokens to take off, then entries to put on.

    `content` is what the station holds once it has taken it.
    """

    full: bool
    version: int
    gone: tuple[Entry, ...]
    changed: tuple[Entry, ...]
    content: Content


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
        return Update(True, version, (), tuple(chosen.values()), chosen)
    gone = [key for key in known if key not in wanted]
    changed = [key for key, entry in wanted.items() if known.get(key) != entry]
    # What must not charge any more goes first; that also makes room for what comes.
    gone = gone[:limit]
    changed = changed[: limit - len(gone)]
    content = dict(known)
    taken_off = tuple(content.pop(key) for key in gone)
    content |= {key: wanted[key] for key in changed}
    return Update(False, version, taken_off, tuple(wanted[key] for key in changed), content)


def _next_version(state: LocalList) -> int:
    """Return a version that the station has not seen; neither 0 nor -1 (errata 3.52)."""
    newest = max(state.last_version, state.known_version or 0)
    return newest + 1 if newest < INT32_MAX else 1


def asked_for_facts(state: LocalList, question: Ask, now: datetime) -> LocalList:
    """Return the state while the station is asked for its limits or its version."""
    return replace(state, asked=question, next_at=now + COMMAND_WITHIN + COMMAND_LOST)


def asked_to_update(
    state: LocalList, update: Update, digest: str, wanted_digest: str, now: datetime
) -> LocalList:
    """Return the state while the station is sent an update, after which it holds `digest`."""
    return replace(
        asked_for_facts(state, Ask.LIST, now),
        sent_version=update.version,
        sent_digest=digest,
        sent_completes=digest == wanted_digest,
        last_version=update.version,
    )
