"""Prometheus metrics that more than one service counts (docs/operations.md, "Metrics").

No label ever holds what others may invent or what is new with each start: no station, no
incarnation. Whoever counts begins with 0 for each value that a label can have: Prometheus sees an
increase between two values, never that a first one has appeared.
"""

from prometheus_client import Counter, Gauge, Histogram

BUS_PUBLISHED = Counter(
    "csms_bus_publish_total",
    "Messages published, by how it ended: ack, unrouted (nobody there takes it, which is no "
    "fault), returned (the queue that it is for is missing), nack (refused, or the connection was "
    "lost), timeout.",
    ["exchange", "outcome"],
)
BUS_CONSUMED = Counter(
    "csms_bus_consume_total",
    "Messages taken from a queue, by how it ended: ack, split (several items that came again, "
    "now single), rejected (our own defect).",
    ["queue", "outcome"],
)
BATCH_MESSAGES = Histogram(
    "csms_batch_messages",
    "Messages handled in one transaction.",
    ["queue"],
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500),
)
CONSUMER_PAUSED = Gauge(
    "csms_consumer_paused",
    "Consumers that wait for their database to come back.",
    ["queue"],
)
PARKED_ITEMS = Counter(
    "csms_parked_items_total",
    "Items that this process put into the table of parked ones: they could not be processed.",
)
OUTBOX_PENDING = Gauge(
    "csms_outbox_pending",
    "Rows of the outbox that are committed and not published; 10,000 stands for more.",
)
OUTBOX_OLDEST_AGE = Gauge(
    "csms_outbox_oldest_age_seconds", "Age of the oldest of these rows; 0 where none waits."
)
OUTBOX_UNSTORED = Gauge(
    "csms_outbox_unstored",
    "Rows of the outbox that are committed and not with the event store; 10,000 stands for more.",
)
OUTBOX_UNSTORED_AGE = Gauge(
    "csms_outbox_unstored_age_seconds", "Age of the oldest of these rows; 0 where none waits."
)
PUBLIC_EVENTS_REFUSED = Counter(
    "csms_public_events_refused_total",
    "Events of the public exchange that the queue of a subscriber did not take at once; the "
    "others have them.",
)
PUBLIC_EVENTS_DROPPED = Counter(
    "csms_public_events_dropped_total",
    "Events that the queue of a subscriber did not take in time, and has missed.",
)
PUBLIC_EVENTS_DEFERRED = Gauge(
    "csms_public_events_deferred",
    "Events kept for the queues of subscribers that have not taken them yet.",
)
PUBLIC_KEYS_REFUSED = Gauge(
    "csms_public_event_keys_refused",
    "Routing keys of the public exchange that the queue of a subscriber does not take now.",
)
UPKEEP_FAILING = Gauge(
    "csms_upkeep_failing",
    "1 while this task fails here, and no replica has done it since.",
    ["task"],
)
QUEUE_MESSAGES = Gauge(
    "csms_queue_messages",
    "Messages that wait in the broker for a consumer of this service's work queues.",
    ["queue"],
)
REPLIES_UNDELIVERED = Counter(
    "csms_replies_undelivered_total",
    "Messages of replies that were dropped after their commit: the receiver's queue did not "
    "confirm them while somebody waited (unconfirmed), or too many waited for it (no_room).",
    ["reason"],
)
for _reason in ("unconfirmed", "no_room"):
    REPLIES_UNDELIVERED.labels(_reason)
ITEMS_UNREAD = Counter(
    "csms_items_unread_total",
    "Items of messages that this process could not read or take, and left out: of a newer "
    "version, or a defect. Those of work queues are parked instead.",
    ["type"],
)
