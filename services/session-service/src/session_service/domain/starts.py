"""StartTransaction: one transaction per natural key, whatever is repeated and in which order."""

import math
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b

from csms_shared.values.times import plausible
from session_service.domain.authorization import (
    Authorization,
    AuthorizationStatus,
    Token,
    decide_authorization,
    is_free_vend,
)
from session_service.domain.stamps import BEFORE_ANY, Stamp
from session_service.domain.suspicion import BUILD_DATE, Flag, clock_flags

Place = tuple[str, int]  # (station id, connector id)


class TransactionStatus(StrEnum):
    """`stop_missing`: a newer start on the connector says that it ended, its stop never came."""

    ACTIVE = "active"
    COMPLETED = "completed"
    STOP_MISSING = "stop_missing"


@dataclass(frozen=True, slots=True)
class Start:
    """A start as the station sent it.

    `sent_at` is what its text says, of any year; None where it is no time.
    `arrived_at` is when it came to this process, in seconds of its monotonic clock. `awaited`:
    somebody waits for the answer, so its station has sent nothing since.
    """

    station_id: str
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
        """The natural key: what every copy of this start has in common, and no other start has.

        A clock that is not set tells the same time after every boot, so the boot counts then.
        """
        unset = self.sent_at is None or self.sent_at < BUILD_DATE
        parts = (
            self.station_id,
            str(self.connector_id),
            self.token_key,
            self.raw_time if self.sent_at is None else self.sent_at.isoformat(),
            str(self.meter_start),
            str(self.boot_count if unset else 0),
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

    @property
    def counts(self) -> bool:
        """Tell whether it keeps its token busy."""
        return (
            self.status is TransactionStatus.ACTIVE
            and self.authorization.status is AuthorizationStatus.ACCEPTED
        )


@dataclass(slots=True)
class StartLedger:
    """What decides about a batch of starts, and what they change.

    `latest` holds the newest start's stamp of each connector, `transactions` those that a start
    of the batch repeats, those active on its connector, and those that keep its token busy.
    """

    tokens: dict[str, Token]
    latest: dict[Place, Stamp]
    transactions: dict[bytes, StartedTransaction] = field(default_factory=dict)
    new: dict[bytes, Start] = field(default_factory=dict)
    superseded: set[int] = field(default_factory=set)
    earlier: dict[int, Start] = field(default_factory=dict)
    _by_place: dict[Place, list[StartedTransaction]] = field(default_factory=dict)
    _by_token: dict[str, list[StartedTransaction]] = field(default_factory=dict)

    def add(self, transaction: StartedTransaction) -> None:
        """Take a transaction into account."""
        if transaction.key in self.transactions:
            return
        self.transactions[transaction.key] = transaction
        self._by_place.setdefault(transaction.place, []).append(transaction)
        self._by_token.setdefault(transaction.token_key, []).append(transaction)

    def take(self, start: Start, now: datetime, *, hold: bool) -> StartedTransaction | None:
        """Decide one start and remember it; None is "not yet" and only with `hold`.

        A stop is answered before it is processed, so a token that looks busy may have been freed
        already: with `hold` such a start is left undecided, to be tried again in a moment. Not so
        if enough of what keeps the token busy was not even answered when this start arrived.
        """
        known = self.transactions.get(start.key)
        if known is not None:
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
            start.key,
            start.place,
            start.token_key,
            authorization,
            TransactionStatus.STOP_MISSING if overtaken else TransactionStatus.ACTIVE,
            start.stamp,
            runs_until=math.inf if start.awaited else -math.inf,
        )
        if not overtaken:
            self._supersede(start.place, start.stamp)
            self.latest[start.place] = start.stamp
        self.add(transaction)
        self.new[start.key] = start
        return transaction

    def _repeat(self, known: StartedTransaction, start: Start) -> None:
        """Keep the earliest copy's stamp, so that the order of processing does not show."""
        if start.stamp >= known.stamp:
            return
        known.stamp = start.stamp
        if known.id is None:
            self.new[start.key] = start
        else:
            self.earlier[known.id] = start

    def _authorize(self, start: Start, now: datetime) -> Authorization:
        if is_free_vend(start.token_key):
            return Authorization(AuthorizationStatus.ACCEPTED)
        return decide_authorization(self.tokens.get(start.token_key), now)

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
