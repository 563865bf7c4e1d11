"""What one message, one connection and one stored row cost, from runs of the benchmark.

`measured.json` beside this module keeps those that the documentation speaks of; `bench.publish`
writes it.
"""

import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

MEASURED = Path(__file__).with_name("measured.json")

# Process names of the suite -> the part of an installation that the process stands for.
_PARTS = {
    "station-registry": "registry",
    "session-service": "sessions",
    "command-api": "commands",
    "integration-service": "integration",
    "broker": "broker",
    "database": "database",
}
# What makes the load, and what only starts the rest.
_BESIDE = ("driver", "supervisor and balancer")
PARTS = ("gateway", *_PARTS.values())


@dataclass(frozen=True, slots=True)
class UnitCosts:
    """CPU in seconds by part, memory and disk in bytes; a part that was not measured is missing."""

    message_cpu_s: dict[str, float]
    connect_cpu_s: dict[str, float]
    idle_cpu_share: dict[str, float]
    """The share of a core that one connected, silent station takes, Heartbeats included."""
    connects_per_s: float
    connection_bytes: float
    meter_value_bytes: float
    transaction_bytes: float
    event_bytes: float
    wal_bytes_per_message: float


def unit_costs(rounds: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Derive the fields of `UnitCosts` that the suite's rounds, by case, tell of."""
    costs: dict[str, Any] = {}
    if "idle" in rounds:
        idle = rounds["idle"][-1]
        grown = {
            name: max(share - idle["cpu_share_alone"][name], 0.0)
            for name, share in idle["cpu_share"].items()
        }
        costs["idle_cpu_share"] = by_part(grown, 1 / idle["held"])
    if "sessions" in rounds:
        sessions = rounds["sessions"]
        row_bytes = sessions[-1]["row_bytes"]
        costs["message_cpu_s"] = by_part(_median_costs(sessions), 1e-6)
        costs["transaction_bytes"] = row_bytes["transaction"] + row_bytes["stop"]
        costs["event_bytes"] = row_bytes["event"]
        costs["wal_bytes_per_message"] = statistics.median(
            r["wal_bytes"] / sum(r["answered"].values()) for r in sessions
        )
    if "connect" in rounds:
        connect = rounds["connect"]
        costs["connect_cpu_s"] = by_part(_median_costs(connect), 1e-6)
        costs["connects_per_s"] = statistics.median(r["stations_per_s"] for r in connect)
    if "memory" in rounds:
        costs["connection_bytes"] = rounds["memory"][-1]["bytes_per_connection"]
    if "queries" in rounds:
        costs["meter_value_bytes"] = rounds["queries"][-1]["row_bytes"]["meter_value"]
    return costs


def measured_costs(published: dict[str, Any]) -> UnitCosts:
    """Read the costs of what is published."""
    return UnitCosts(**published["unit_costs"])


def read_measured() -> dict[str, Any]:
    """Read what is published."""
    published: dict[str, Any] = orjson.loads(MEASURED.read_bytes())
    return published


def _median_costs(rounds: list[dict[str, Any]]) -> dict[str, float]:
    return {
        name: statistics.median(result["cpu_us_per_unit"][name] for result in rounds)
        for name in rounds[-1]["cpu_us_per_unit"]
    }


def by_part(costs: dict[str, float], unit: float) -> dict[str, float]:
    """Add up the processes of each part, times `unit`; what makes the load is left out."""
    parts = dict.fromkeys(PARTS, 0.0)
    for name, cost in costs.items():
        if name not in _BESIDE:
            parts[_PARTS.get(name, "gateway")] += cost * unit
    return parts
