"""What the process itself has to tell operators, gathered until it can be told.

Whoever notices something adds it here and goes on. What comes often is told at most once in a
while, with how often it was; what finds no room pushes out the oldest, which is counted.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import Counter

from csms_shared.contracts.event_data.system import SYSTEM_EVENTS
from csms_shared.contracts.system_notices import SystemNotice
from csms_shared.runtime.clock import monotonic, now_ms
from csms_shared.values.levels import Level
from csms_shared.values.tenants import DEFAULT_TENANT

MOST_WAITING = 200
# How often is told at most of one queue, exchange or task, and of one limit.
MINUTE_S = 60.0
LIMIT_EVERY_S = 300.0
DROPPED = Counter(
    "csms_system_events_dropped_total",
    "System events that were never told, because too many others waited to be.",
)


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that happened here; `key` is the routing key of its event.

    `every_s`: in which it is told once of a subject; with 0 each is told.
    """

    key: str
    subject: str
    level: Level
    message: str
    details: Mapping[str, Any] = field(default_factory=dict)
    every_s: float = 0.0
    tenant_id: str = DEFAULT_TENANT


Tell = Callable[[Notice], None]


def tell_nobody(_: Notice) -> None:
    """Take a notice where nobody is to be told."""


_Key = tuple[str, str, str, int]


@dataclass(slots=True)
class _Waiting:
    notice: Notice
    at_ms: int
    count: int = 1


class SystemNotices:
    """The notices of one process that have not been told yet."""

    def __init__(
        self, service: str, instance: Callable[[], str], clock: Callable[[], float] = monotonic
    ) -> None:
        self._service = service
        self._instance = instance
        self._clock = clock
        self._added = 0
        self._told = 0
        self._waiting: dict[_Key, _Waiting] = {}
        self._quiet_until: dict[_Key, float] = {}

    def add(self, notice: Notice) -> None:
        """Take a notice, which stands for those of its kind and subject that wait already."""
        self._added += 1
        each = 0 if notice.every_s else self._added
        key = (notice.key, notice.subject, notice.tenant_id, each)
        waiting = self._waiting.get(key)
        if waiting is not None:
            waiting.notice, waiting.at_ms = notice, now_ms()
            waiting.count += 1
            return
        if len(self._waiting) >= MOST_WAITING:
            del self._waiting[next(iter(self._waiting))]
            DROPPED.inc()
        self._waiting[key] = _Waiting(notice, now_ms())

    def limit_reached(self, limit: str, message: str) -> None:
        """Take the notice that something was turned away because of a limit."""
        details = {"limit": limit}
        self.add(
            Notice("system.limit_reached", limit, Level.WARNING, message, details, LIMIT_EVERY_S)
        )

    def take(self, *, everything: bool = False) -> list[SystemNotice]:
        """Return what is to be told now, in the order in which it began to wait."""
        now = self._clock()
        self._quiet_until = {key: end for key, end in self._quiet_until.items() if end > now}
        due = [key for key in self._waiting if everything or key not in self._quiet_until]
        taken = []
        for key in due:
            waiting = self._waiting.pop(key)
            if waiting.notice.every_s:
                self._quiet_until[key] = now + waiting.notice.every_s
            taken.append(self._notice(waiting))
        return taken

    def _notice(self, waiting: _Waiting) -> SystemNotice:
        self._told += 1
        notice = waiting.notice
        data = SYSTEM_EVENTS[notice.key].model_validate(
            {
                **notice.details,
                "level": notice.level,
                "service": self._service,
                "instance": self._instance(),
                "message": notice.message,
                "count": waiting.count,
            }
        )
        return SystemNotice(
            key=notice.key,
            subject=notice.subject,
            number=self._told,
            at_ms=waiting.at_ms,
            tenant_id=notice.tenant_id,
            data=data.model_dump(mode="json"),
        )
