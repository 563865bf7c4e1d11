"""What a load cost: CPU time and memory by process, from looks before and after it."""

from typing import Any

from bench.processes import Usage
from bench.systems import System

Result = dict[str, Any]
Looks = dict[str, tuple[float, dict[str, Usage]]]
"""By event, when the processes were looked at and what they had used."""

RATES = ("messages_per_s", "stations_per_s", "commands_per_s")


def costs(system: System, result: Result, looks: Looks) -> Result:
    """Return the shares of a core, the memory, and the CPU time of one unit of the load."""
    if "held" in looks:
        before, after = looks["warm"][1], looks["held"][1]
        grown = sum(after[n].rss_bytes - before[n].rss_bytes for n in system.gateway_names)
        return {"bytes_per_connection": grown / result["held"], "memory_mb": _memory(after)}
    used: Result = {
        "cpu_share": _cpu_shares(looks, "begun", "ended"),
        "memory_mb": _memory(looks["ended"][1]),
    }
    if "alone begun" in looks:
        alone = used["cpu_share_alone"] = _cpu_shares(looks, "alone begun", "alone ended")
        used["idle_cost"] = sum(
            share - alone[name] for name, share in used["cpu_share"].items() if name != "driver"
        )
    for rate in RATES:
        # On a machine that is busy with something else, a short window may be empty.
        if result.get(rate):
            used["cpu_us_per_unit"] = {
                name: share / result[rate] * 1e6 for name, share in used["cpu_share"].items()
            }
    return used


def _cpu_shares(looks: Looks, first: str, last: str) -> dict[str, float]:
    (began, before), (ended, after) = looks[first], looks[last]
    return {name: (after[name].cpu_s - before[name].cpu_s) / (ended - began) for name in after}


def _memory(used: dict[str, Usage]) -> dict[str, float]:
    return {name: process.pss_bytes / 2**20 for name, process in used.items()}
