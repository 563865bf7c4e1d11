"""StartTransaction: one transaction per start, whatever is repeated and in which order.

Copies of a start have their natural key in common. So may two sessions, where a clock falls back
to the same date: which of them a start belongs to follows from the station's own order (ADR 0026).
"""

import math
from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import blake2b

from csms_shared.values.tenant_keys import key_without_tenant
from csms_shared.values.times import plausible
from session_service.tokens.domain import (
    Authorization,
    AuthorizationStatus,
    Token,
    authorization_of,
)
from session_service.values.stamps import BEFORE_ANY, Stamp
from session_service.values.suspicion import Flag, clock_flags

Place = tuple[str, int]  # (station id, connector id)
SessionKey = tuple[bytes, int]  # (natural key, how many sessions had the same before)

# Releases before kept the boot in the keys of starts that told a time before this one.
_FORMER_UNSET_BEFORE = datetime(2025, 1, 1, tzinfo=UTC)


class TransactionStatus(StrEnum):
    """`stop_missing`: a newer start on the connector says that it ended, its stop never came."""

    ACTIVE = "active"
    COMPLETED = "completed"
    STOP_MISSING = "stop_missing"


@dataclass(frozen=True, slots=True)
class Start:
    """A start as the station sent it.

    `token_key` is that of its tenant (`token_key_in_tenant`). `sent_at` is what its text says, of
    any year; None where it is no time. `arrived_at` is when it came to this process, in seconds of
    its monotonic clock. `awaited`: somebody waits for the answer, so its station has sent nothing
    since.
    """

    station_id: str
    tenant_id: str
    evse_id: int
    connector_id: int
    id_token: str
    token_key: str
    sent_at: datetime | None
    raw_time: str
    meter_start: int
    boot_count: int
    stamp: Stamp
    received_at: datetime
    reservation_id: int | None = None
    arrived_at: float = math.inf
    awaited: bool = True

    @property
    def place(self) -> Place:
        """Where it charges."""
        return (self.station_id, self.connector_id)

    @property
    def started_at(self) -> datetime:
        """When it started, as well as can be known."""
        return plausible(self.sent_at) or self.received_at

    @property
    def key(self) -> bytes:
        """The natural key: what every copy of this start has in common.

        Nothing that changes between two copies is part of it, such as the boot, our release, or the
        tenant of the station.
        """
        return self._key(0)

    @property
    def former_keys(self) -> dict[bytes, int]:
        """The keys that releases before kept this start under, and the boot that each is of."""
        if self.sent_at is not None and self.sent_at >= _FORMER_UNSET_BEFORE:
            return {}
        boots = range(max(1, self.boot_count - 1), self.boot_count + 1)
        return {self._key(boot_count): boot_count for boot_count in boots}

    def _key(self, boot_count: int) -> bytes:
        parts = (
            self.station_id,
            str(self.connector_id),
            key_without_tenant(self.token_key),
            self.raw_time if self.sent_at is None else self.sent_at.isoformat(),
            str(self.meter_start),
            str(boot_count),
        )
        return blake2b("\x1f".join(parts).encode(), digest_size=16).digest()

    def flags(self) -> set[Flag]:
        """Judge the start by itself."""
        flags = clock_flags(self.sent_at, self.received_at)
        if self.meter_start < 0:
            flags.add(Flag.NEGATIVE_METER)
        if self.connector_id < 1:
            flags.add(Flag.NO_CONNECTOR)
        return flags


@dataclass(slots=True)
class StartedTransaction:
    """A transaction as far as starts are concerned; `id` is None until it is stored.

    `occurrence` counts the sessions of before that had the same natural key. `boot_count` is the
    boot of its start, `own_stop` the stamp of a stop that named it and `own_stop_boot` that
    one's boot; None where there is none, or where that was not kept.

    Until `runs_until`, in seconds of this process's monotonic clock, its start had certainly not
    been answered, so that its station can't have stopped it.
    """

    key: bytes
    place: Place
    token_key: str
    authorization: Authorization
    status: TransactionStatus
    stamp: Stamp
    id: int | None = None
    runs_until: float = -math.inf
    occurrence: int = 0
    boot_count: int | None = None
    own_stop: Stamp | None = None
    own_stop_boot: int | None = None

    @property
    def session(self) -> SessionKey:
        """What it is known by before it has an id."""
        return self.key, self.occurrence

    @property
    def counts(self) -> bool:
        """Tell whether it keeps its token busy."""
        return (
            self.status is TransactionStatus.ACTIVE
            and self.authorization.status is AuthorizationStatus.ACCEPTED
        )

    def note_boot(self, boot_count: int) -> None:
        """Learn the boot of a start whose release kept it in the key alone."""
        self.boot_count = boot_count
        if self.own_stop_boot is None:
            self.own_stop_boot = boot_count

    def had_ended_before(self, start: Start) -> bool:
        """Tell whether it ended in an earlier boot, before the station sent this start.

        Then a start that looks like its own is another one: the station's clock, and perhaps its
        register, began anew.
        """
        return (
            self.own_stop is not None
            and self.own_stop_boot is not None
            and self.own_stop < start.stamp
            and self.own_stop_boot < start.boot_count
        )

    def may_have_ended_before(self, start: Start) -> bool:
        """Tell whether a stop that is not processed yet could say so."""
        return (
            self.own_stop is None
            and self.boot_count is not None
            and self.stamp < start.stamp
            and self.boot_count < start.boot_count
        )


@dataclass(slots=True)
class StartLedger:
    """What decides about a batch of starts, and what they change.

    `latest` holds the newest start's stamp of each connector, `transactions` those that a start
    of the batch repeats, those active on its connector, and those that keep its token busy.
    `free_vend`: who identifies with nothing may charge.
    """

    tokens: dict[str, Token]
    latest: dict[Place, Stamp]
    free_vend: bool = False
    transactions: dict[SessionKey, StartedTransaction] = field(default_factory=dict)
    new: dict[SessionKey, Start] = field(default_factory=dict)
    superseded: set[int] = field(default_factory=set)
    earlier: dict[int, Start] = field(default_factory=dict)
    _by_place: dict[Place, list[StartedTransaction]] = field(default_factory=dict)
    _by_token: dict[str, list[StartedTransaction]] = field(default_factory=dict)
    _by_key: dict[bytes, list[StartedTransaction]] = field(default_factory=dict)

    def add(self, transaction: StartedTransaction) -> None:
        """Take a transaction into account."""
        if transaction.session in self.transactions:
            return
        self.transactions[transaction.session] = transaction
        self._by_key.setdefault(transaction.key, []).append(transaction)
        self._by_place.setdefault(transaction.place, []).append(transaction)
        self._by_token.setdefault(transaction.token_key, []).append(transaction)

    def take(self, start: Start, now: datetime, *, hold: bool) -> StartedTransaction | None:
        """Decide one start and remember it; None is "not yet" and only with `hold`.

        A stop is answered before it is processed, so a token that looks busy may have been freed
        already: with `hold` such a start is left undecided, to be tried again in a moment. Not so
        if enough of what keeps the token busy was not even answered when this start arrived. Left
        undecided as well is one that looks like the start of a boot before: its stop tells
        whether it is.
        """
        key = start.key
        known = self._session_of(start, key)
        if known is not None:
            if hold and known.may_have_ended_before(start):
                return None
            self._repeat(known, start)
            return known
        authorization = self._authorize(start, now)
        overtaken = self.latest.get(start.place, BEFORE_ANY) > start.stamp
        limit = None if overtaken else self._limit(start, authorization)
        busy = [] if limit is None else self._busy_elsewhere(start)
        if limit is not None and len(busy) >= limit:
            if hold and sum(other.runs_until > start.arrived_at for other in busy) < limit:
                return None
            authorization = Authorization(
                AuthorizationStatus.CONCURRENT_TX, authorization.expires_at, authorization.group_id
            )
        transaction = StartedTransaction(
            key,
            start.place,
            start.token_key,
            authorization,
            TransactionStatus.STOP_MISSING if overtaken else TransactionStatus.ACTIVE,
            start.stamp,
            runs_until=math.inf if start.awaited else -math.inf,
            occurrence=1 + max((s.occurrence for s in self._by_key.get(key, ())), default=-1),
            boot_count=start.boot_count,
        )
        if not overtaken:
            self._supersede(start.place, start.stamp)
            self.latest[start.place] = start.stamp
        self.add(transaction)
        self.new[transaction.session] = start
        return transaction

    def _session_of(self, start: Start, key: bytes) -> StartedTransaction | None:
        """Return the session that this start is a copy of the start of, None for a new one."""
        sessions = list(self._by_key.get(key, ()))
        for former, boot_count in start.former_keys.items():
            for session in self._by_key.get(former, ()):
                session.note_boot(boot_count)
                sessions.append(session)
        if not sessions:
            return None
        sessions.sort(key=lambda session: session.stamp)
        index = max(0, bisect_right([session.stamp for session in sessions], start.stamp) - 1)
        if not sessions[index].had_ended_before(start):
            return sessions[index]
        return sessions[index + 1] if index + 1 < len(sessions) else None

    def _repeat(self, known: StartedTransaction, start: Start) -> None:
        """Keep the earliest copy's stamp, so that the order of processing does not show."""
        if start.stamp >= known.stamp:
            return
        if known.occurrence > 0 and (known.key, known.occurrence - 1) not in self.transactions:
            return  # a copy of a start of long before, whose session is not looked at any more
        known.stamp, known.boot_count = start.stamp, start.boot_count
        if known.id is None:
            self.new[known.session] = start
        else:
            self.earlier[known.id] = start

    def _authorize(self, start: Start, now: datetime) -> Authorization:
        return authorization_of(start.token_key, self.tokens, now, free_vend=self.free_vend)

    def _limit(self, start: Start, authorization: Authorization) -> int | None:
        token = self.tokens.get(start.token_key)
        if token is None or authorization.status is not AuthorizationStatus.ACCEPTED:
            return None
        return token.max_concurrent

    def _busy_elsewhere(self, start: Start) -> list[StartedTransaction]:
        return [
            transaction
            for transaction in self._by_token.get(start.token_key, ())
            if transaction.counts and transaction.place != start.place
        ]

    def _supersede(self, place: Place, stamp: Stamp) -> None:
        for transaction in self._by_place.get(place, ()):
            if transaction.status is TransactionStatus.ACTIVE and transaction.stamp < stamp:
                transaction.status = TransactionStatus.STOP_MISSING
                if transaction.id is not None:
                    self.superseded.add(transaction.id)
