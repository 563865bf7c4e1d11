"""What a process holds at present, read from /proc."""

import os
from collections import defaultdict
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int:
    """Return the memory that is the process's own: what it shares with others is not counted."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_"))


def open_files(pid: int) -> int:
    """Return how many descriptors the process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def cpu_seconds(pids: dict[str, int]) -> dict[str, float]:
    """Return the time on a processor that each process and its descendants have had so far."""
    own: dict[int, float] = {}
    children: dict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended while we looked
        own[int(entry.name)] = sum(map(int, fields[11:15])) / _TICKS_PER_S
        children[int(fields[1])].append(int(entry.name))

    def with_descendants(pid: int) -> float:
        return own.get(pid, 0.0) + sum(map(with_descendants, children[pid]))

    return {name: with_descendants(pid) for name, pid in pids.items()}
