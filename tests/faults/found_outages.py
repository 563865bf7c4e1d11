"""The outages of services that gateways found, as their logs tell."""

import re
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime

_LINE = re.compile(
    r"^(?P<at>\S+Z) \[\w+ *\] (?P<event>service_away|service_answers|draining) "
    r".*\bservice=(?P<name>[\w-]+)"
)
_FOREVER = datetime.max.replace(tzinfo=UTC)

Interval = tuple[datetime, datetime]


def outages_since(logs: Iterable[str], since: datetime) -> int:
    """Count the outages of any service that lasted until `since` or later.

    What several gateways found away at the same time is one outage.
    """
    found: defaultdict[str, list[Interval]] = defaultdict(list)
    for log in logs:
        for name, intervals in _found_by_one(log).items():
            found[name] += intervals
    return sum(
        1 for intervals in found.values() for _, until in _merged(intervals) if until >= since
    )


def _found_by_one(log: str) -> dict[str, list[Interval]]:
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
        over = list(away) if told["event"] == "draining" else [told["name"]]
        for name in over:
            if (since := away.pop(name, None)) is not None:
                found[name].append((since, at))
    for name, since in away.items():
        found[name].append((since, _FOREVER))
    return found


def _merged(intervals: list[Interval]) -> list[Interval]:
    merged: list[Interval] = []
    for since, until in sorted(intervals):
        if merged and since <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], until))
        else:
            merged.append((since, until))
    return merged
