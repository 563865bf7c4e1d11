"""CPU time and memory of running processes, read from /proc."""

import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """What a named process and its unnamed descendants used so far."""

    cpu_s: float
    rss_bytes: int
    pss_bytes: int
    """Resident memory with shared pages divided among those that share them."""


def usage(named: Mapping[str, int]) -> dict[str, Usage]:
    """Read the usage of each named process, descendants that have no name of their own included."""
    stats = {int(entry.name): stat for entry in _processes() if (stat := _stat(entry))}
    children: dict[int, list[int]] = defaultdict(list)
    for pid, stat in stats.items():
        children[stat.parent].append(pid)
    found = {}
    for name, root in named.items():
        others = set(named.values()) - {root}
        members, waiting = [], [root]
        while waiting:
            pid = waiting.pop()
            if pid in stats:
                members.append(stats[pid])
                waiting.extend(child for child in children[pid] if child not in others)
        memory = [_memory(member.pid) for member in members]
        found[name] = Usage(
            cpu_s=sum(member.cpu_s for member in members),
            rss_bytes=sum(rss for rss, _ in memory),
            pss_bytes=sum(pss for _, pss in memory),
        )
    return found


@dataclass(frozen=True, slots=True)
class _Stat:
    pid: int
    parent: int
    cpu_s: float


def _processes() -> list[Path]:
    return [entry for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _stat(entry: Path) -> _Stat | None:
    try:
        fields = (entry / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None  # it ended while we looked
    # Children that ended already (a backend, a pool) count with the parent that waited for them.
    return _Stat(int(entry.name), int(fields[1]), sum(map(int, fields[11:15])) / CLOCK_TICKS)


def _memory(pid: int) -> tuple[int, int]:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return 0, 0  # it ended, or it is another user's
    sizes = {line.split()[0]: int(line.split()[1]) * 1024 for line in lines}
    return sizes["Rss:"], sizes["Pss:"]


def probe_port(pid: int) -> int:
    """Return where a process of the suite tells how it is.

    Raises:
        OSError: it has ended, or is about to become its program.
    """
    entries = Path(f"/proc/{pid}/environ").read_text().split("\0")
    port = dict(entry.partition("=")[::2] for entry in entries).get("CSMS_PROBE_PORT")
    if port is None:
        raise ProcessLookupError(pid)
    return int(port)
