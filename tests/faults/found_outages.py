"""The outages of services that a gateway found, as its log tells."""

import re
from collections import Counter, defaultdict
from datetime import UTC, datetime

_LINE = re.compile(
    r"^(?P<at>\S+Z) \[\w+ *\] "
    r"(?:(?P<draining>draining) |(?P<event>service_away|service_answers) "
    r".*\bpeer_service=(?P<name>[\w-]+))"
)
_FOREVER = datetime.max.replace(tzinfo=UTC)

Interval = tuple[datetime, datetime]


def outages_since(log: str, since: datetime) -> Counter[str]:
    """Count the outages of each service that one gateway found and that lasted until `since`."""
    return Counter(
        name for name, intervals in _found(log).items() for _, until in intervals if until >= since
    )


def _found(log: str) -> dict[str, list[Interval]]:
    away: dict[str, datetime] = {}
    found: defaultdict[str, list[Interval]] = defaultdict(list)
    for line in log.splitlines():
        told = _LINE.match(line)
        if told is None:
            continue
        at = datetime.fromisoformat(told["at"])
        if told["event"] == "service_away":
            away[told["name"]] = at
            continue
        # A gateway that is about to end tells no more of what it had found.
        over = list(away) if told["draining"] else [told["name"]]
        for name in over:
            if (since := away.pop(name, None)) is not None:
                found[name].append((since, at))
    for name, since in away.items():
        found[name].append((since, _FOREVER))
    return found
