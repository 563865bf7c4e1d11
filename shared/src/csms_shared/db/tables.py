"""Tables that every service with a schema has: outbox, deferred events, parked items, actions."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
    func,
)


def outbox_table(metadata: MetaData) -> Table:
    """Define `outbox`: a row holds all events of one routing key of one transaction.

    `events` is the UTF-8 JSON array of CloudEvents. A row has left to those of the suite who follow
    it when `published_at` is set, and to the event store when `stored_at` is; the partial indexes
    find the others whatever their number.
    """
    return Table(
        "outbox",
        metadata,
        Column("id", BigInteger, Identity(always=True), primary_key=True),
        Column("routing_key", Text, nullable=False),
        Column("events", LargeBinary, nullable=False),
        Column("event_count", Integer, nullable=False),
        Column("created_at", DateTime(True), nullable=False, server_default=func.now()),
        Column("published_at", DateTime(True)),
        Column("stored_at", DateTime(True)),
        Index("outbox_unpublished", "id", postgresql_where="published_at IS NULL"),
        Index("outbox_unstored", "id", postgresql_where="stored_at IS NULL"),
    )


def outbox_deferred_table(metadata: MetaData, name: str = "outbox_deferred") -> Table:
    """Define `outbox_deferred`: what a destination of the outbox has not taken yet.

    A row is a message: outbox rows of one routing key, named by the first of them. Of what
    subscribers have not taken (`public_deferred`) `outbox_id` is the position of the first event.
    """
    return Table(
        name,
        metadata,
        Column("exchange", Text, primary_key=True),
        Column("routing_key", Text, primary_key=True),
        Column("outbox_id", BigInteger, primary_key=True, autoincrement=False),
        Column("events", LargeBinary, nullable=False),
        Column("event_count", Integer, nullable=False),
        Column("attempts", Integer, nullable=False, server_default="1"),
        Column("created_at", DateTime(True), nullable=False, server_default=func.now()),
    )


def upkeep_turn_table(metadata: MetaData) -> Table:
    """Define `upkeep_turn`: when each periodic task was begun last, by whichever replica."""
    return Table(
        "upkeep_turn",
        metadata,
        Column("task", Text, primary_key=True),
        Column("began_at", DateTime(True), nullable=False),
    )


def parked_table(metadata: MetaData) -> Table:
    """Define `parked`: an item that this service's own code could not process."""
    return Table(
        "parked",
        metadata,
        Column("id", Uuid, primary_key=True),
        Column("queue", Text, nullable=False),
        Column("type", Text, nullable=False),
        Column("body", LargeBinary, nullable=False),
        Column("station_id", Text),
        Column("error", Text, nullable=False),
        Column("parked_at", DateTime(True), nullable=False, server_default=func.now()),
        Column("replayed_at", DateTime(True)),
        Index("parked_by_time", "parked_at"),
    )


def bulk_action_table(metadata: MetaData) -> Table:
    """Define `bulk_action`: what a batch of a bulk action has done, and when it was asked last."""
    return Table(
        "bulk_action",
        metadata,
        Column("id", Uuid, primary_key=True),
        Column("at", DateTime(True), nullable=False, server_default=func.now()),
        Column("outcome", JSON),
        Index("bulk_action_by_time", "at"),
    )
