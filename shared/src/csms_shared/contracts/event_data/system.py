"""The data of system events: what the suite did by itself (docs/system-events.md)."""

from pydantic import Field

from csms_shared.contracts.envelope import Contract
from csms_shared.values.levels import Level


class SystemEvent(Contract):
    """What every system event tells: who did it, and what, in a sentence.

    `instance` is one life of one process. `count`: how often it happened since it was told last.
    """

    level: Level = Field(description="`info`, `warning` or `error`")
    service: str = Field(description="the service that tells it; of a gateway `ws-gateway`")
    instance: str = Field(description="the life of the process that it is about")
    message: str = Field(description="one sentence for people")
    count: int = Field(1, description="how often it happened since it was told last")


class GatewayLeaseEnded(SystemEvent):
    """A gateway let its lease run out while it held stations, which are offline now."""

    gateway_id: str = Field(description="the gateway")
    stations: int = Field(description="how many stations it held")
    lease_expired_at: str = Field(description="when its lease ended (RFC 3339)")


class InstanceStarted(SystemEvent):
    """A process began to serve."""

    version: str = Field(description="the version of the program")


class InstanceStopped(SystemEvent):
    """A process ended in good order."""

    ran_s: float = Field(description="for how many seconds it ran")


class ConsumerPaused(SystemEvent):
    """A queue was not consumed any more, because the database did not answer."""

    queue: str = Field(description="the queue")
    error: str = Field(description="the kind of the error")


class ConsumerResumed(SystemEvent):
    """The queue is consumed again."""

    queue: str = Field(description="the queue")
    paused_s: float = Field(description="for how many seconds it was not consumed")


class ItemParked(SystemEvent):
    """An item could not be processed and was set aside; `error` names the last one's kind."""

    queue: str = Field(description="the queue")
    message_type: str = Field(description="the contract of the message")
    error: str = Field(description="the kind of the error")


class UpkeepFailing(SystemEvent):
    """A periodic task began to fail in this instance; `error` names its kind."""

    task: str = Field(description="the task")
    error: str = Field(description="the kind of the error")


class UpkeepRecovered(SystemEvent):
    """The periodic task does not fail here any more."""

    task: str = Field(description="the task")
    failed_s: float = Field(description="for how many seconds it failed")


class LimitReached(SystemEvent):
    """Something was turned away because as much as may be was there already."""

    limit: str = Field(description="the limit")


class DestinationRefusing(SystemEvent):
    """Queues do not take what is published to them, the last with this routing key."""

    exchange: str = Field(description="the exchange")
    routing_key: str = Field(description="the routing key that was refused, or taken again, last")


class DestinationRecovered(SystemEvent):
    """Queues take again what is published with the routing key."""

    exchange: str = Field(description="the exchange")
    routing_key: str = Field(description="the routing key that was refused, or taken again, last")
    refused_s: float = Field(description="for how many seconds it was refused")


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
