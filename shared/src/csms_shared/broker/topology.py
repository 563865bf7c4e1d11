"""Every exchange, queue and binding of the suite, legal on RabbitMQ 3.10 to 4.x (ADR 0003).

Names end in `.v1`: arguments are part of a queue's identity, so a change of arguments is a new
name. Nothing here is transient, has a priority, or is deleted with its consumer.
"""

from collections.abc import Mapping
from dataclasses import replace

from csms_shared.broker.declarations import Binding, Exchange, Queue
from csms_shared.ocpp.action_row import CallKind, Owner
from csms_shared.ocpp.actions import VERSIONS, commands, station_calls

CALLS = "csms.calls.v1"
REQUESTS = "csms.requests.v1"
GATEWAYS = "csms.gateways.v1"
REPLIES = "csms.replies.v1"
# Of the suite alone: whoever else binds a queue binds it to the public one (ADR 0024).
INTERNAL_EVENTS = "csms.internal-events.v1"
EVENTS = "csms.events.v1"
# What the event store has stored, for those who show it while it happens.
STORED_EVENTS = "csms.stored-events.v1"

STATION_REGISTRY = Owner.STATION_REGISTRY.value
SESSION_SERVICE = Owner.SESSION_SERVICE.value
COMMAND_API = "command-api"
INTEGRATION_SERVICE = "integration-service"
BILLING_SERVICE = "billing-service"

DELIVERY_LIMIT = 20
# Without one, RabbitMQ 4 drops a message after 20 deliveries; 3.10 knows no "unlimited".
PARKED_DELIVERY_LIMIT = 1_000_000_000
INCARNATION_EXPIRES_MS = 600_000
LIVE_EVENTS_EXPIRES_MS = 10_000
# Without a registry that serves it, askers go by the queue of all requests from then on.
OWNER_LOOK_UPS_EXPIRE_MS = 10_000
# Some hours of a busy fleet; what does not fit is refused, and is a gap in the recording.
RECORDINGS_MAX_BYTES = 1024 * 1024 * 1024
# Some hours of a busy fleet; what does not fit waits in the outboxes of those who tell it.
STORED_MAX_BYTES = 1024 * 1024 * 1024
# Who reads slowly asks the event store for what does not fit.
LIVE_EVENTS_MAX_BYTES = 64 * 1024 * 1024
REPLAY_EXPIRES_MS = 24 * 3_600_000
# A replay goes on when its reader has made room.
REPLAY_MAX_BYTES = 64 * 1024 * 1024
# What a thousand gateways have under way. Nobody waits for more: it is refused, and asked again.
LEASES_MAX_BYTES = 16 * 1024 * 1024
REASSERTIONS_MAX_BYTES = 256 * 1024 * 1024
COMMAND_RESULTS_QUEUE = "command-api.results.v1"
COMMAND_EVENTS_QUEUE = "command-api.events.v1"
COMMAND_ORDERS_QUEUE = "command-api.orders.v1"
COMMAND_ORDERS_KEY = "command-api.orders"
COMMAND_COMPLETED_KEY = "command.completed"
STATION_CONNECTED_KEY = "station.connected"
STATION_CREATED_KEY = "station.created"
STATION_PLACED_KEY = "station.placed"
CONNECTOR_OUT_OF_SERVICE_KEY = "connector.out_of_service"
CONNECTOR_ADDED_KEY = "connector.added"
TRANSACTION_STARTED_KEY = "transaction.started"
TRANSACTION_UPDATED_KEY = "transaction.updated"
TRANSACTION_STOPPED_KEY = "transaction.stopped"
TRANSACTION_CORRECTED_KEY = "transaction.corrected"
TRANSACTION_VALUES_LATE_KEY = "transaction.values_late"
RESERVATION_USED_KEY = "reservation.used"
RESERVATION_EXPIRED_KEY = "reservation.expired"
RESERVATION_CANCELLED_KEY = "reservation.cancelled"
RESERVATION_REFUSED_KEY = "reservation.refused"

EXCHANGES = (
    Exchange(CALLS, "topic"),
    Exchange(REQUESTS, "direct"),
    Exchange(GATEWAYS, "direct"),
    Exchange(REPLIES, "topic"),
    Exchange(INTERNAL_EVENTS, "topic"),
    Exchange(EVENTS, "topic"),
    Exchange(STORED_EVENTS, "topic"),
)


def parking_queue(service: str) -> Queue:
    """Return the queue of messages that the service could not process; it drops none of them."""
    return Queue(
        f"{service}.parked.v1",
        {"x-queue-type": "quorum", "x-delivery-limit": PARKED_DELIVERY_LIMIT},
    )


def _work_queue(service: str, name: str, bindings: tuple[Binding, ...]) -> Queue:
    parking = parking_queue(service)
    return Queue(
        name,
        {
            "x-queue-type": "quorum",
            "x-delivery-limit": DELIVERY_LIMIT,
            "x-overflow": "reject-publish",
            "x-dead-letter-strategy": "at-least-once",
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": parking.name,
        },
        bindings,
        parking,
    )


def decisions_key(service: str) -> str:
    """Return the routing key on `csms.requests.v1` of a service's decision path."""
    return f"{service}.decisions"


def reports_key(service: str) -> str:
    """Return the routing key on `csms.requests.v1` of a service's report path."""
    return f"{service}.reports"


def call_key(version: str, action: str, kind: CallKind) -> str:
    """Return the routing key on `csms.calls.v1` of the calls of one action and kind.

    It names the kind only where the payload decides about it: such an action has two queues.
    """
    only = station_calls(version)[action].kinds == (kind,)
    return f"{version}.{action}" if only else f"{version}.{action}.{kind}"


def _call_bindings(service: str, kind: CallKind) -> tuple[Binding, ...]:
    return tuple(
        Binding(CALLS, call_key(version, action, kind))
        for version in VERSIONS
        for action, call in station_calls(version).items()
        if call.service == service and kind in call.kinds
    )


def decisions_queue(service: str) -> Queue:
    """Return the queue of station calls whose answer the service decides, and of claims."""
    return _work_queue(
        service,
        f"{service}.decisions.v1",
        (
            *_call_bindings(service, CallKind.DECISION),
            Binding(REQUESTS, decisions_key(service)),
        ),
    )


# A station that comes back may have lost its local list; one that is out of service its
# reservations. What a station of one connector says can mean no other. What is billed is told
# once, and what it costs so far is asked for when there are new figures.
_FOLLOWED_EVENTS: Mapping[str, tuple[str, ...]] = {
    SESSION_SERVICE: (STATION_CONNECTED_KEY, CONNECTOR_OUT_OF_SERVICE_KEY, CONNECTOR_ADDED_KEY),
    BILLING_SERVICE: (
        TRANSACTION_STARTED_KEY,
        TRANSACTION_UPDATED_KEY,
        TRANSACTION_STOPPED_KEY,
        TRANSACTION_CORRECTED_KEY,
        TRANSACTION_VALUES_LATE_KEY,
        RESERVATION_USED_KEY,
        RESERVATION_EXPIRED_KEY,
        RESERVATION_CANCELLED_KEY,
        RESERVATION_REFUSED_KEY,
    ),
}


# The ends of these commands change what the service keeps; it is told of no others.
FOLLOWED_COMMANDS: Mapping[str, tuple[str, ...]] = {
    service: tuple(
        action
        for version in VERSIONS
        for action, command in commands(version).items()
        if service in command.followed_by
    )
    for service in (STATION_REGISTRY, SESSION_SERVICE)
}


def command_completed_key(action: str) -> str:
    """Return the routing key that the end of a command has besides `command.completed`.

    Most commands change nothing but themselves: without it each end would be written to a
    replicated queue of every service, to be looked at and thrown away.
    """
    return f"{COMMAND_COMPLETED_KEY}.{action}"


def _followed(*routing_keys: str) -> tuple[Binding, ...]:
    """Return the bindings of one of the suite's own queues to these events."""
    return tuple(Binding(INTERNAL_EVENTS, key) for key in routing_keys)


def _apart_from_subscribers(queue: Queue) -> Queue:
    """Return the queue without the bindings that the release before made to the public exchange.

    A binding outlives the program that made it.
    """
    public = (
        Binding(EVENTS, one.routing_key)
        for one in queue.bindings
        if one.exchange == INTERNAL_EVENTS
    )
    return replace(queue, former=tuple(public))


def reports_queue(service: str) -> Queue:
    """Return the queue of what nobody waits for: reports of stations, ends of commands, events."""
    queue = _work_queue(
        service,
        f"{service}.reports.v1",
        (
            *_call_bindings(service, CallKind.REPORT),
            Binding(REQUESTS, reports_key(service)),
            *_followed(*map(command_completed_key, FOLLOWED_COMMANDS.get(service, ()))),
            *_followed(*_FOLLOWED_EVENTS.get(service, ())),
        ),
    )
    return _apart_from_subscribers(queue)


def places_queue(service: str) -> Queue:
    """Return the queue of where stations stand.

    Apart, because a service of the version before reads what it follows from one queue, and would
    throw this away.
    """
    return _work_queue(
        service, f"{service}.places.v1", (Binding(INTERNAL_EVENTS, STATION_PLACED_KEY),)
    )


def requests_queue(service: str) -> Queue:
    """Return the queue of other services' requests; apart, so that a query delays no decision."""
    return _work_queue(service, f"{service}.requests.v1", (Binding(REQUESTS, service),))


OWNER_LOOK_UPS_KEY = f"{STATION_REGISTRY}.owners"
# Requests with a lane of their own; every other one goes under the service's name alone.
_REQUEST_LANES = {(STATION_REGISTRY, "owners.look_up"): OWNER_LOOK_UPS_KEY}


def request_keys(service: str, operation: str) -> tuple[str, ...]:
    """Return the routing keys on `csms.requests.v1` of a request, the preferred one first.

    The last one is taken by every version of the service.
    """
    lane = _REQUEST_LANES.get((service, operation))
    return (service,) if lane is None else (lane, service)


def owner_look_ups_queue() -> Queue:
    """Return the queue of look-ups of stations' owners, for which commands wait.

    Nothing in it is worth keeping: without a consumer it is soon gone, and look-ups go with all
    other requests, as they do where the registry is of a version without this queue.
    """
    return Queue(
        f"{STATION_REGISTRY}.owners.v1",
        {
            "x-queue-type": "quorum",
            "x-delivery-limit": DELIVERY_LIMIT,
            "x-expires": OWNER_LOOK_UPS_EXPIRE_MS,
        },
        (Binding(REQUESTS, OWNER_LOOK_UPS_KEY),),
    )


def recordings_key() -> str:
    """Return the routing key on `csms.requests.v1` of recorded frames."""
    return f"{STATION_REGISTRY}.recordings"


def recordings_queue() -> Queue:
    """Return the queue of recorded frames: apart and bounded, so that no backlog delays a call."""
    return _bounded_queue("recordings", recordings_key(), RECORDINGS_MAX_BYTES)


def leases_key() -> str:
    """Return the routing key on `csms.requests.v1` of gateways' leases."""
    return f"{STATION_REGISTRY}.leases"


def leases_queue() -> Queue:
    """Return the queue of leases: no gateway's life waits behind anything else (ADR 0029)."""
    return _bounded_queue("leases", leases_key(), LEASES_MAX_BYTES)


def reassertions_key() -> str:
    """Return the routing key on `csms.requests.v1` of re-assertions."""
    return f"{STATION_REGISTRY}.reassertions"


def reassertions_queue() -> Queue:
    """Return the queue of re-assertions: apart from leases, and from stations that connect."""
    return _bounded_queue("reassertions", reassertions_key(), REASSERTIONS_MAX_BYTES)


def _bounded_queue(name: str, key: str, max_bytes: int) -> Queue:
    work = _work_queue(STATION_REGISTRY, f"{STATION_REGISTRY}.{name}.v1", (Binding(REQUESTS, key),))
    return replace(work, arguments={**work.arguments, "x-max-length-bytes": max_bytes})


def command_results_queue() -> Queue:
    """Return the queue that keeps every command's result, whoever asked and lives."""
    return _work_queue(COMMAND_API, COMMAND_RESULTS_QUEUE, (Binding(REPLIES, "*.command"),))


def command_orders_queue() -> Queue:
    """Return the queue of the commands that services want sent."""
    return _work_queue(COMMAND_API, COMMAND_ORDERS_QUEUE, (Binding(REQUESTS, COMMAND_ORDERS_KEY),))


_COMMAND_EVENTS = (STATION_CONNECTED_KEY, "station.registration_changed", TRANSACTION_STARTED_KEY)


def command_events_queue() -> Queue:
    """Return command-api's queue of the events that act on commands."""
    queue = _work_queue(COMMAND_API, COMMAND_EVENTS_QUEUE, _followed(*_COMMAND_EVENTS))
    return _apart_from_subscribers(queue)


def incarnation_queue(
    incarnation: str,
    *bindings: Binding,
    expires_ms: int = INCARNATION_EXPIRES_MS,
    label: str = "own",
) -> Queue:
    """Return the queue of one life of one process: durable classic, gone 10 minutes after it.

    Never exclusive under a fixed name: such a name stays locked for 30 s and more after a frozen
    connection (broker documentation, "Exclusive Queues"). No dead-lettering: what expires here
    is of use to nobody.
    """
    return Queue(
        f"{incarnation}.v1",
        {"x-queue-type": "classic", "x-expires": expires_ms},
        bindings,
        own_label=label,
    )


def gateway_queue(incarnation: str) -> Queue:
    """Return a gateway's queue of commands, controls and replies."""
    return incarnation_queue(
        incarnation,
        Binding(GATEWAYS, incarnation),
        Binding(REPLIES, f"{incarnation}.#"),
        # Nobody with that id is refused any more.
        *_followed(STATION_CREATED_KEY),
    )


def replicas_key(service: str) -> str:
    """Return the routing key on `csms.requests.v1` of what all replicas of a service are asked."""
    return f"{service}.replicas"


def replica_queue(service: str, incarnation: str) -> Queue:
    """Return the queue of one replica of a service: what all are asked, and answers to its own."""
    return incarnation_queue(
        incarnation,
        Binding(REQUESTS, replicas_key(service)),
        Binding(REPLIES, f"{incarnation}.#"),
        label="own.replica",
    )


def replies_queue(incarnation: str) -> Queue:
    """Return a service's queue of replies to its own requests."""
    return incarnation_queue(incarnation, Binding(REPLIES, f"{incarnation}.#"), label="own.replies")


# What changes where a station's commands go to, or whether it gets any. Not all that happens to
# stations: a thousand connections a second bring as many boots.
_OWNER_EVENTS = (
    STATION_CONNECTED_KEY,
    "station.disconnected",
    "station.offline",
    "station.registration_changed",
    "station.deleted",
)


def own_events_queue(incarnation: str) -> Queue:
    """Return a command-api instance's queue of the events that change what it remembers."""
    return incarnation_queue(
        f"{incarnation}.events",
        *_followed(*_OWNER_EVENTS, COMMAND_COMPLETED_KEY),
        label="own.events",
    )


# The keys under which the suite's own queues are bound to events. The end of a command is told
# under `command.completed`, whichever command it was of.
INTERNAL_EVENT_KEYS = frozenset(
    (
        *(key for keys in _FOLLOWED_EVENTS.values() for key in keys),
        *_COMMAND_EVENTS,
        *_OWNER_EVENTS,
        STATION_CREATED_KEY,
        STATION_PLACED_KEY,
        COMMAND_COMPLETED_KEY,
    )
)


def live_events_queue(incarnation: str, number: int) -> Queue:
    """Return a command-api instance's queue of all stored events, while it has streams open.

    Soon gone without its consumer: every event of the suite gathers in it. What is dropped from
    its front is asked for at the event store.
    """
    queue = incarnation_queue(
        f"{incarnation}.live-{number}",
        Binding(STORED_EVENTS, "#"),
        expires_ms=LIVE_EVENTS_EXPIRES_MS,
        label="own.live",
    )
    return replace(
        queue, arguments={**queue.arguments, "x-max-length-bytes": LIVE_EVENTS_MAX_BYTES}
    )


def event_store_key() -> str:
    """Return the routing key on `csms.requests.v1` of what the event store is told."""
    return f"{INTEGRATION_SERVICE}.events"


def event_store_queue() -> Queue:
    """Return the queue of all events on their way into the event store, in order.

    One consumer at a time, so that what one producer tells of a station is stored in its order.
    """
    work = _work_queue(
        INTEGRATION_SERVICE,
        f"{INTEGRATION_SERVICE}.events.v1",
        (Binding(REQUESTS, event_store_key()),),
    )
    return replace(
        work,
        arguments={
            **work.arguments,
            "x-single-active-consumer": True,
            "x-max-length-bytes": STORED_MAX_BYTES,
        },
    )


def replay_queue(number: str) -> Queue:
    """Return the queue of one replay of events; gone a day after nobody has used it."""
    return Queue(
        f"csms.replay.{number}.v1",
        {
            "x-queue-type": "classic",
            "x-expires": REPLAY_EXPIRES_MS,
            "x-max-length-bytes": REPLAY_MAX_BYTES,
            "x-overflow": "reject-publish",
        },
        own_label="replay",
    )


def integration_queues() -> tuple[Queue, ...]:
    """Return the work queues of integration-service, its parking queue first."""
    return (
        parking_queue(INTEGRATION_SERVICE),
        event_store_queue(),
        requests_queue(INTEGRATION_SERVICE),
    )


def billing_queues() -> tuple[Queue, ...]:
    """Return the work queues of billing-service, its parking queue first."""
    return (
        parking_queue(BILLING_SERVICE),
        reports_queue(BILLING_SERVICE),
        requests_queue(BILLING_SERVICE),
    )


def service_queues(service: str) -> tuple[Queue, ...]:
    """Return the work queues of a service that owns data, its parking queue first."""
    return (
        parking_queue(service),
        decisions_queue(service),
        reports_queue(service),
        requests_queue(service),
    )


def command_api_queues() -> tuple[Queue, ...]:
    """Return the work queues of command-api, its parking queue first."""
    return (
        parking_queue(COMMAND_API),
        command_results_queue(),
        command_events_queue(),
        command_orders_queue(),
    )


def all_queues() -> tuple[Queue, ...]:
    """Return every queue that outlives a process, in declaration order."""
    return (
        *service_queues(STATION_REGISTRY),
        recordings_queue(),
        leases_queue(),
        reassertions_queue(),
        *service_queues(SESSION_SERVICE),
        places_queue(SESSION_SERVICE),
        *command_api_queues(),
        *integration_queues(),
        *billing_queues(),
    )
