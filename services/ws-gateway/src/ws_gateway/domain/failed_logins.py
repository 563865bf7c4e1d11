"""Guessing passwords is slow, and locks nobody out (docs/adr/0014)."""

from collections.abc import Sequence

from csms_shared.ocpp.credentials import fits_check
from ws_gateway.domain.keyed_rate import KeyedRate
from ws_gateway.domain.limits import EntryLimits

_MAX_REMEMBERED = 10_000
_PASSWORD = "password"  # noqa: S105 - what failed, none itself


class FailedLogins:
    """Failures by (address, station, what failed), and what tells right passwords from wrong ones.

    Who fails too often is refused without asking the registry, but where the password may be
    right by the checks that came with the last refusal: whoever shares an address with a guesser
    still gets in. For the same reason connections of the wrong kind, or with a wrong certificate,
    are counted by kind and certificate.
    """

    def __init__(self, limits: EntryLimits) -> None:
        self._failures: KeyedRate[tuple[str, str, str]] = KeyedRate(
            burst=limits.failed_logins_at_once,
            every_s=limits.failed_login_interval_s,
            max_keys=_MAX_REMEMBERED,
        )
        self._checks: dict[str, tuple[str, ...]] = {}

    def wait_s(self, address: str, station_id: str, now: float) -> float:
        """Return in how many seconds the registry is asked again, 0 where it is now."""
        return self._failures.wait_s((address, station_id, _PASSWORD), now)

    def wait_of_form_s(self, address: str, station_id: str, form: str, now: float) -> float:
        """Return the same for connections of this form, which the registry found to be wrong."""
        return self._failures.wait_s((address, station_id, form), now)

    def form_failed(self, address: str, station_id: str, form: str, now: float) -> None:
        """Count a connection of the wrong kind, or with a wrong certificate."""
        self._failures.count((address, station_id, form), now)

    def may_be_right(self, station_id: str, proofs: Sequence[str]) -> bool:
        """Tell whether the registry might accept one of these proofs."""
        return any(
            fits_check(check, proof)
            for check in self._checks.get(station_id, ())
            for proof in proofs
        )

    def failed(self, address: str, station_id: str, checks: tuple[str, ...], now: float) -> None:
        """Count a failure that the registry found."""
        self._failures.count((address, station_id, _PASSWORD), now)
        self._checks.pop(station_id, None)
        self._checks[station_id] = checks
        if len(self._checks) > _MAX_REMEMBERED:
            del self._checks[next(iter(self._checks))]
