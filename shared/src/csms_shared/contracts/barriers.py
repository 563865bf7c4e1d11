"""What the replicas of a service ask each other before they act on what a report may change."""

from csms_shared.contracts.envelope import Contract, ReplyKey


class ReportsBarrier(Contract):
    """Asks every replica to store the reports that it has not acknowledged, and to say so."""

    reply_key: ReplyKey


class ReportsBarrierReply(Contract):
    """All that `consumers` of this replica had unacknowledged when they were asked is stored.

    `queue_consumers` and `queue_messages` are those of the reports queue after they were asked,
    the latter without what consumers have been given. `term` grows whenever one of the replica's
    consumers begins to consume, or gives back what it had: while it is the same, they are the same
    consumers, and what they had unacknowledged has gone to no other.
    """

    replica: str
    consumers: int
    queue_consumers: int
    queue_messages: int
    term: int | None = None
