"""Percentiles of measured times."""

from collections.abc import Mapping
from typing import Any


def percentile(values: list[float], percent: float) -> float:
    """Return the value that `percent` of all do not exceed (nearest rank)."""
    ranked = sorted(values)
    return ranked[min(int(len(ranked) * percent / 100), len(ranked) - 1)]


def by_kind(latencies: Mapping[str, list[float]]) -> dict[str, Any]:
    """Summarise latencies given in seconds, all together and of each kind."""
    together = [seconds for of_kind in latencies.values() for seconds in of_kind]
    kinds = {kind: in_milliseconds(of_kind) for kind, of_kind in latencies.items()}
    return {**in_milliseconds(together), "kinds": kinds}


def in_milliseconds(latencies: list[float]) -> dict[str, float]:
    """Summarise latencies given in seconds."""
    if not latencies:
        return {}
    return {
        "p50_ms": percentile(latencies, 50) * 1000,
        "p95_ms": percentile(latencies, 95) * 1000,
        "p99_ms": percentile(latencies, 99) * 1000,
        "max_ms": max(latencies) * 1000,
    }
