"""The ends of what the TLS port's files hold: measured, and warned of in time."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from csms_shared.values.times import format_time
from ws_gateway import metrics
from ws_gateway.domain.certificate_ends import Unreadable, first_end

log = structlog.get_logger(__name__)

WARN_BEFORE = timedelta(days=30)
# Revocation lists live for days.
WARN_BEFORE_OF_LIST = timedelta(days=1)
WARN_EVERY = timedelta(days=1)


class CertificateExpiry:
    """Watches files of certificates, and one of lists, by the names of their settings."""

    def __init__(
        self, files: Iterable[tuple[str, Path]], revocation_list: tuple[str, Path] | None = None
    ) -> None:
        self._files = dict(files)
        self._before = dict.fromkeys(self._files, WARN_BEFORE)
        if revocation_list is not None:
            name, self._files[name] = revocation_list
            self._before[name] = WARN_BEFORE_OF_LIST
        self._ends: dict[str, datetime] = {}
        self._warned_at: datetime | None = None

    def read(self) -> None:
        """Read the files, which have just been put to use."""
        self._ends = {name: end for name, path in self._files.items() if (end := _end(name, path))}
        self._warned_at = None
        for name, end in self._ends.items():
            metrics.TLS_CERTIFICATE_END.labels(name).set(end.timestamp())

    def soon(self, now: datetime) -> dict[str, datetime]:
        """Return which end within the time that they are warned of, or have ended."""
        return {name: end for name, end in self._ends.items() if end < now + self._before[name]}

    def warn(self, now: datetime) -> None:
        """Log those, once a day."""
        if self._warned_at is not None and now < self._warned_at + WARN_EVERY:
            return
        self._warned_at = now
        for name, end in self.soon(now).items():
            log.warning("tls_certificate_expiring", setting=name, not_after=format_time(end))


def _end(name: str, path: Path) -> datetime | None:
    try:
        return first_end(path.read_text("ascii", "replace"))
    except (OSError, Unreadable) as error:
        # OpenSSL has taken it, or would have refused it with its own words.
        log.warning("tls_certificate_end_unknown", setting=name, error=str(error))
        return None
