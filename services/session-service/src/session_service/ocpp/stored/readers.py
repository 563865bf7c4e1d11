"""A stored payload is read by the version that it is kept with."""

from collections.abc import Mapping
from functools import cache
from typing import Generic, TypeVar

import structlog
from prometheus_client import Counter

log = structlog.get_logger(__name__)

Read = TypeVar("Read")

UNREADABLE = Counter(
    "csms_session_unreadable_payloads_total",
    "Looks at a stored payload of an OCPP version that this program does not know.",
    ["kind"],
)


class Readers(Generic[Read]):
    """What reads one kind of stored payload, by OCPP version."""

    def __init__(self, kind: str, by_version: Mapping[str, Read]) -> None:
        self._kind = kind
        self._by_version = by_version
        UNREADABLE.labels(kind)

    def knows(self, version: str) -> bool:
        """Tell whether a payload of this version can be read."""
        return version in self._by_version

    def find(self, version: str) -> Read | None:
        """Return what reads a payload, None where only a newer program can; that is counted."""
        read = self._by_version.get(version)
        if read is None:
            UNREADABLE.labels(self._kind).inc()
            _log_once(self._kind, version)
        return read


@cache
def _log_once(kind: str, version: str) -> None:
    # A row may be looked at every few seconds for as long as it is stored.
    log.warning("payload_unreadable", kind=kind, version=version)
