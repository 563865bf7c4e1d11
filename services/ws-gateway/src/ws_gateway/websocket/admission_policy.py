"""Who is let in, when and how often: what all handshakes and connections of a gateway share.

Everything here is remembered by this gateway alone and bounded; docs/adr/0014 says why.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from csms_shared.runtime.clock import monotonic
from ws_gateway.domain.admission_queue import Admission
from ws_gateway.domain.failed_logins import FailedLogins
from ws_gateway.domain.keyed_rate import KeyedRate
from ws_gateway.domain.limits import EntryLimits
from ws_gateway.domain.unknown_ids import UnknownIds
from ws_gateway.websocket.admission_control import AdmissionControl, QueuedUpgrade
from ws_gateway.websocket.observed import Observer

_MAX_STATIONS = 20_000
_MAX_IN_TRANSACTION = 20_000


@dataclass(frozen=True, slots=True)
class Throttled:
    """Why an upgrade is refused for some seconds; `reason` is counted."""

    reason: str
    detail: str
    wait_s: float


class AdmissionPolicy:
    """The queues, the limits, and the stations whose transaction goes on while they are away."""

    def __init__(self, limits: EntryLimits, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self.limits = limits
        self.upgrades = AdmissionControl.of_upgrades(limits)
        self.boots = AdmissionControl.of_boots(limits)
        self.observer = Observer()
        self._connects: KeyedRate[str] = KeyedRate(
            burst=limits.connections_at_once,
            every_s=limits.connection_interval_s,
            max_keys=_MAX_STATIONS,
        )
        self._failures = FailedLogins(limits)
        self._ids = UnknownIds(limits)
        # In the order in which they left.
        self._in_transaction: dict[str, None] = {}

    def throttled(
        self, address: str, station_id: str, form: str, proofs: Callable[[], Sequence[str]]
    ) -> Throttled | None:
        """Return why this upgrade must not reach the registry now, None where it may."""
        throttled = self.asks_for_too_many(address, station_id)
        if throttled is not None:
            return throttled
        now = self._clock()
        wait_s = self._connects.wait_s(station_id, now)
        if wait_s > 0:
            return Throttled("flapping", "this station connects too often", wait_s)
        wait_s = self._failures.wait_s(address, station_id, now)
        if wait_s > 0 and not self._failures.may_be_right(station_id, proofs()):
            return Throttled("failed_logins", "the password was wrong too often", wait_s)
        wait_s = self._failures.wait_of_form_s(address, station_id, form, now)
        if wait_s > 0:
            detail = "the security profile or the certificate was wrong too often"
            return Throttled("failed_logins", detail, wait_s)
        return None

    def asks_for_too_many(self, address: str, station_id: str) -> Throttled | None:
        """Return why the registry must not be asked for this id now, None where it may."""
        wait_s = self._ids.wait_s(address, station_id, self._clock())
        if wait_s > 0:
            detail = "this address asks for too many ids that no station has"
            return Throttled("unknown_ids", detail, wait_s)
        return None

    @contextmanager
    def asking(self, address: str, station_id: str) -> Iterator[Throttled | None]:
        """Hold a place among what the registry is asked; yield why there is none."""
        if not self._ids.begin_asking(address, station_id, self._clock()):
            detail = "this address asks for too many ids that no station has at once"
            yield Throttled("unknown_ids", detail, self.limits.unknown_id_interval_s)
            return
        try:
            yield None
        finally:
            self._ids.end_asking(address)

    def is_unknown(self, station_id: str) -> bool:
        """Tell whether the registry did not know the id a moment ago."""
        return self._ids.is_unknown(station_id, self._clock())

    def found_unknown(
        self, address: str, station_id: str, *, asked_at: float, lasting: bool
    ) -> None:
        """Count an id that no station has; `lasting` where asking again is in vain."""
        now = self._clock()
        self._ids.found_unknown(address, station_id, asked_at=asked_at, now=now, lasting=lasting)

    def found_known(self, station_id: str) -> None:
        """Note that there is such a station, whether or not it was let in."""
        self._ids.found_known(station_id)

    def created(self, station_id: str) -> None:
        """Note that there is such a station from now on."""
        self._ids.created(station_id, self._clock())

    async def wait_for_admission(self, *, first: bool, is_gone: Callable[[], bool]) -> bool:
        """Wait for an upgrade's admission, which `upgrades.done` ends; False if it is refused."""
        upgrade = QueuedUpgrade(is_gone)
        admission = self.upgrades.enter(upgrade, first=first)
        if admission is not Admission.WAITS:
            return admission is Admission.NOW
        try:
            return await upgrade.admitted
        except asyncio.CancelledError:
            if upgrade.was_admitted:
                # Admitted in the very moment in which nobody waited for it any more.
                self.upgrades.done(0.0)
            raise

    def connected(self, station_id: str, *, exempt: bool) -> None:
        """Count an accepted connection: only those show that a station, or its clone, flaps.

        Of a station that is exempt none is counted, so that none of it is refused for them.
        """
        if exempt:
            self.forgive(station_id)
        else:
            self._connects.count(station_id, self._clock())

    def forgive(self, station_id: str) -> None:
        """Forget how often the station has connected."""
        self._connects.forget(station_id)

    def login_failed(self, address: str, station_id: str, checks: tuple[str, ...]) -> None:
        """Count a wrong password."""
        self._failures.failed(address, station_id, checks, self._clock())

    def form_refused(self, address: str, station_id: str, form: str) -> None:
        """Count a connection of the wrong kind, or with a wrong certificate."""
        self._failures.form_failed(address, station_id, form, self._clock())

    def is_in_transaction(self, station_id: str) -> bool:
        """Tell whether the station left during a transaction, as far as is known here."""
        return station_id in self._in_transaction

    def disconnected(self, station_id: str, *, in_transaction: bool) -> None:
        """Remember whether the station was in a transaction when its connection ended."""
        self._in_transaction.pop(station_id, None)
        if not in_transaction:
            return
        self._in_transaction[station_id] = None
        if len(self._in_transaction) > _MAX_IN_TRANSACTION:
            del self._in_transaction[next(iter(self._in_transaction))]
