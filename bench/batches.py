"""How much travels and is handled together, from the metrics of the suite's own processes."""

from collections import Counter

import httpx
from prometheus_client.parser import text_string_to_metric_families

from bench.processes import probe_port
from bench.systems import System
from csms_shared.observability.metrics import BATCH_MESSAGES
from ws_gateway.metrics import LANE_BATCH

# Histogram of a process's metrics -> the label that tells its batches apart.
OF_GATEWAYS = (next(iter(LANE_BATCH.describe())).name, "lane")
OF_SERVICES = (next(iter(BATCH_MESSAGES.describe())).name, "queue")
_BATCHING_SERVICES = ("station-registry", "session-service")

Counts = Counter[tuple[str, str]]
"""By lane or queue, the `sum` of what its batches held and their `count`, over all processes."""


async def batch_counts(system: System) -> Counts:
    """Ask the gateways and the owning services what they have counted so far."""
    counts: Counts = Counter()
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        for names, histogram in (
            (system.gateway_names, OF_GATEWAYS),
            (_BATCHING_SERVICES, OF_SERVICES),
        ):
            for name in names:
                port = probe_port(system.processes[name])
                response = await client.get(f"http://127.0.0.1:{port}/metrics")
                response.raise_for_status()
                counts.update(counted(response.text, *histogram))
    return counts


def counted(metrics: str, histogram: str, label: str) -> Counts:
    """Read the sums and counts of one histogram."""
    counts: Counts = Counter()
    for family in text_string_to_metric_families(metrics):
        if family.name == histogram:
            for sample in family.samples:
                field = sample.name.removeprefix(f"{histogram}_")
                if field in ("sum", "count"):
                    counts[sample.labels[label], field] += int(sample.value)
    return counts


def batch_sizes(before: Counts, after: Counts, seconds: float) -> dict[str, dict[str, float]]:
    """Return what happened between two looks that lie `seconds` apart.

    `size`: by lane the items of a message, by queue the messages of a transaction, on average;
    `per_s`: how many messages or transactions there were.
    """
    grown = after - before
    counts = {name: count for (name, field), count in sorted(grown.items()) if field == "count"}
    return {
        "size": {name: grown[name, "sum"] / count for name, count in counts.items()},
        "per_s": {name: count / seconds for name, count in counts.items()},
    }
