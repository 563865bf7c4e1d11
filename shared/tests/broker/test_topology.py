"""The topology is legal on RabbitMQ 3.10 to 4.x, and says what the design says."""

import json
from pathlib import Path

import pytest

from csms_shared.broker.declarations import Binding, Queue
from csms_shared.broker.topology import (
    CALLS,
    COMMAND_API,
    COMMAND_COMPLETED_KEY,
    EVENTS,
    EXCHANGES,
    INTERNAL_EVENT_KEYS,
    INTERNAL_EVENTS,
    LEASES_MAX_BYTES,
    LIVE_EVENTS_MAX_BYTES,
    PARKED_DELIVERY_LIMIT,
    REASSERTIONS_MAX_BYTES,
    RECORDINGS_MAX_BYTES,
    REPLAY_MAX_BYTES,
    SESSION_SERVICE,
    STATION_PLACED_KEY,
    STATION_REGISTRY,
    STORED_EVENTS,
    STORED_MAX_BYTES,
    all_queues,
    decisions_queue,
    event_store_queue,
    gateway_queue,
    leases_queue,
    live_events_queue,
    own_events_queue,
    owner_look_ups_queue,
    reassertions_queue,
    recordings_queue,
    replay_queue,
    replica_queue,
    replies_queue,
    reports_queue,
    request_keys,
)
from csms_shared.ocpp.action_row import CallKind
from csms_shared.ocpp.actions import station_calls

WORK_QUEUES = [queue for queue in all_queues() if queue.parking is not None]
LIFE_QUEUES = [
    gateway_queue("g-1"),
    replies_queue("c-1"),
    replica_queue(SESSION_SERVICE, "s-1"),
    replica_queue(COMMAND_API, "c-2"),
    own_events_queue("c-1"),
    live_events_queue("c-1", 1),
]
EVERY_QUEUE = [*all_queues(), owner_look_ups_queue(), replay_queue("0123"), *LIFE_QUEUES]

# Arguments that mean something else, or nothing, on one of the supported versions.
FORBIDDEN_ARGUMENTS = {
    "x-max-priority",
    "x-queue-mode",
    "x-queue-version",
    "x-ha-policy",
    "x-consumer-timeout",
    "x-delayed-retry-type",
    "x-message-ttl",
}
# It stops a queue for as long as its one consumer does: for the one queue whose order counts.
ONE_CONSUMER = "x-single-active-consumer"


def _names(queues: list[Queue]) -> list[str]:
    return [queue.name for queue in queues]


@pytest.mark.parametrize("queue", EVERY_QUEUE, ids=_names(EVERY_QUEUE))
def test_every_queue_is_durable_versioned_and_free_of_forbidden_arguments(queue: Queue) -> None:
    # `Queue` has no field for transient, exclusive or auto-delete: none can be declared.
    assert set(Queue.__dataclass_fields__) == {
        "name",
        "arguments",
        "bindings",
        "parking",
        "own_label",
        "former",
    }
    assert queue.name.endswith(".v1")
    assert not FORBIDDEN_ARGUMENTS & set(queue.arguments)
    # One consumer at a time is an optimisation, where an order is worth keeping (ADR 0039).
    assert ("x-single-active-consumer" in queue.arguments) == (queue == event_store_queue())
    assert queue.arguments["x-queue-type"] in ("quorum", "classic")


@pytest.mark.parametrize("queue", WORK_QUEUES, ids=_names(WORK_QUEUES))
def test_a_work_queue_refuses_rather_than_drops_and_parks_at_least_once(queue: Queue) -> None:
    assert queue.parking is not None
    # Only what may be lost, or waits elsewhere, is bounded: recorded frames, what gateways say
    # again and again, and events, which stay in the outboxes of those who tell them.
    bounds = {
        event_store_queue().name: STORED_MAX_BYTES,
        recordings_queue().name: RECORDINGS_MAX_BYTES,
        leases_queue().name: LEASES_MAX_BYTES,
        reassertions_queue().name: REASSERTIONS_MAX_BYTES,
        event_store_queue().name: STORED_MAX_BYTES,
    }
    bound = bounds.get(queue.name)
    bounded = {} if bound is None else {"x-max-length-bytes": bound}
    order = {"x-single-active-consumer": True} if queue == event_store_queue() else {}
    assert queue.arguments == bounded | order | {
        "x-queue-type": "quorum",
        "x-delivery-limit": 20,
        "x-overflow": "reject-publish",
        "x-dead-letter-strategy": "at-least-once",
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": queue.parking.name,
    }
    assert queue.parking.arguments == {
        "x-queue-type": "quorum",
        "x-delivery-limit": PARKED_DELIVERY_LIMIT,
    }


@pytest.mark.parametrize("queue", LIFE_QUEUES, ids=_names(LIFE_QUEUES))
def test_a_queue_of_one_life_expires_and_dead_letters_nothing(queue: Queue) -> None:
    kept = {"x-expires": 600_000}
    if ".live-" in queue.name:
        kept = {"x-expires": 10_000, "x-max-length-bytes": LIVE_EVENTS_MAX_BYTES}
    assert queue.arguments == {"x-queue-type": "classic", **kept}


def test_a_replay_s_queue_refuses_what_does_not_fit_and_is_gone_a_day_after_its_reader() -> None:
    queue = replay_queue("0123")
    assert queue.name == "csms.replay.0123.v1"
    assert queue.bindings == ()
    assert queue.arguments == {
        "x-queue-type": "classic",
        "x-expires": 86_400_000,
        "x-max-length-bytes": REPLAY_MAX_BYTES,
        "x-overflow": "reject-publish",
    }


def test_a_lane_of_requests_is_soon_gone_without_its_service() -> None:
    queue = owner_look_ups_queue()
    assert queue.arguments == {
        "x-queue-type": "quorum",
        "x-delivery-limit": 20,
        "x-expires": 10_000,
    }
    (binding,) = queue.bindings
    keys = request_keys(STATION_REGISTRY, "owners.look_up")
    assert keys == (binding.routing_key, STATION_REGISTRY)
    assert request_keys(STATION_REGISTRY, "stations.list") == (STATION_REGISTRY,)


def test_no_exchange_has_an_alternate() -> None:
    assert {(exchange.name, exchange.type) for exchange in EXCHANGES} == {
        ("csms.calls.v1", "topic"),
        ("csms.requests.v1", "direct"),
        ("csms.gateways.v1", "direct"),
        ("csms.replies.v1", "topic"),
        ("csms.internal-events.v1", "topic"),
        ("csms.events.v1", "topic"),
        ("csms.stored-events.v1", "topic"),
    }


def test_every_call_of_a_station_goes_to_exactly_one_queue() -> None:
    bound = [
        (binding.routing_key, queue.name)
        for queue in all_queues()
        for binding in queue.bindings
        if binding.exchange == CALLS
    ]
    expected = {
        f"ocpp16.{action}": f"{call.service}.{kind}s.v1"
        for action, call in station_calls("ocpp16").items()
        for kind in call.kinds
        if kind is not CallKind.HEARTBEAT
    }
    assert len(bound) == len(expected)
    assert dict(bound) == expected


def test_decisions_never_wait_behind_reports() -> None:
    for service in (STATION_REGISTRY, SESSION_SERVICE):
        assert decisions_queue(service).name != reports_queue(service).name


def test_a_queue_whose_arguments_change_gets_a_new_name() -> None:
    """A queue of that name exists where an older version ran, and is refused with others."""
    known = json.loads((Path(__file__).parent / "queue_arguments.json").read_bytes())
    lasting = (*all_queues(), owner_look_ups_queue())
    assert {queue.name: dict(queue.arguments) for queue in lasting} == known


def test_the_suite_reads_events_where_nobody_else_binds() -> None:
    queues = [*all_queues(), own_events_queue("c-1"), gateway_queue("g-1")]
    bound = {
        (binding.exchange, binding.routing_key) for queue in queues for binding in queue.bindings
    }
    internal = {key for exchange, key in bound if exchange == INTERNAL_EVENTS}
    assert {key for exchange, key in bound if exchange == EVENTS} == set()
    # Those that the version before has bound there too let go of it.
    for queue in all_queues():
        followed = {one.routing_key for one in queue.bindings if one.exchange == INTERNAL_EVENTS}
        if followed != {STATION_PLACED_KEY}:
            assert {one.routing_key for one in queue.former} == followed
    ends = {key for key in internal if key.startswith(f"{COMMAND_COMPLETED_KEY}.")}
    assert internal - ends == INTERNAL_EVENT_KEYS
    # What browsers see is what is stored, in its order.
    assert live_events_queue("c-1", 1).bindings == (Binding(STORED_EVENTS, "#"),)
