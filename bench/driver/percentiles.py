"""Percentiles of measured times."""


def percentile(values: list[float], percent: float) -> float:
    """Return the value that `percent` of all do not exceed (nearest rank)."""
    ranked = sorted(values)
    return ranked[min(int(len(ranked) * percent / 100), len(ranked) - 1)]


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
