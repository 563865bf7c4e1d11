"""The data of system events: what the suite did by itself (docs/system-events.md)."""

from csms_shared.contracts.envelope import Contract
from csms_shared.values.levels import Level


class SystemEvent(Contract):
    """What every system event tells: who did it, and what, in a sentence.

    `instance` is one life of one process. `count`: how often it happened since it was told last.
    """

    level: Level
    service: str
    instance: str
    message: str
    count: int = 1


class GatewayLeaseEnded(SystemEvent):
    """A gateway let its lease run out while it held stations, which are offline now."""

    gateway_id: str
    stations: int
    lease_expired_at: str


class InstanceStarted(SystemEvent):
    """A process began to serve."""

    version: str


class InstanceStopped(SystemEvent):
    """A process ended in good order."""

    ran_s: float


class ConsumerPaused(SystemEvent):
    """A queue was not consumed any more, because the database did not answer."""

    queue: str
    error: str


class ConsumerResumed(SystemEvent):
    """The queue is consumed again."""

    queue: str
    paused_s: float


class ItemParked(SystemEvent):
    """An item could not be processed and was set aside; `error` names the last one's kind."""

    queue: str
    message_type: str
    error: str


class UpkeepFailing(SystemEvent):
    """A periodic task began to fail in this instance; `error` names its kind."""

    task: str
    error: str


class UpkeepRecovered(SystemEvent):
    """The periodic task does not fail here any more."""

    task: str
    failed_s: float


class LimitReached(SystemEvent):
    """Something was turned away because as much as may be was there already."""

    limit: str


class DestinationRefusing(SystemEvent):
    """Queues do not take what is published to them, the last with this routing key."""

    exchange: str
    routing_key: str


class DestinationRecovered(SystemEvent):
    """Queues take again what is published with the routing key."""

    exchange: str
    routing_key: str
    refused_s: float


SYSTEM_EVENTS: dict[str, type[SystemEvent]] = {
    "system.gateway_lease_ended": GatewayLeaseEnded,
    "system.instance_started": InstanceStarted,
    "system.instance_stopped": InstanceStopped,
    "system.consumer_paused": ConsumerPaused,
    "system.consumer_resumed": ConsumerResumed,
    "system.item_parked": ItemParked,
    "system.upkeep_failing": UpkeepFailing,
    "system.upkeep_recovered": UpkeepRecovered,
    "system.limit_reached": LimitReached,
    "system.destination_refusing": DestinationRefusing,
    "system.destination_recovered": DestinationRecovered,
}
