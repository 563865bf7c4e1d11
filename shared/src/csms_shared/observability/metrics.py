"""Prometheus metrics that more than one service counts; no label ever holds a station id."""

from prometheus_client import Counter, Gauge, Histogram

BUS_PUBLISHED = Counter(
    "csms_bus_publish_total",
    "Messages published, by how it ended.",
    ["exchange", "outcome"],
)
BUS_CONSUMED = Counter(
    "csms_bus_consume_total",
    "Messages taken from a queue, by how it ended.",
    ["queue", "outcome"],
)
BATCH_ITEMS = Histogram(
    "csms_batch_items",
    "Items handled in one transaction.",
    ["queue"],
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500),
)
CONSUMER_PAUSED = Gauge(
    "csms_consumer_paused",
    "1 while a consumer waits for its database to come back.",
    ["queue"],
)
PARKED_ITEMS = Counter(
    "csms_parked_items_total",
    "Items set aside because this service could not process them.",
    ["service"],
)
OUTBOX_PENDING = Gauge("csms_outbox_pending", "Events committed and not yet published.")
