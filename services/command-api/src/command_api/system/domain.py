"""The suite as its own people are shown it, put together from what each part tells."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from pydantic import BaseModel

from csms_shared.contracts.about import About
from csms_shared.contracts.stations import GatewayView

State = Literal["up", "down"]


class InstanceView(BaseModel):
    """An instance that answered."""

    instance: str
    version: str
    since: str


class ServiceState(BaseModel):
    """A service. `state` null: nobody who would know answers.

    `instances`: those that answered, null where none did. `replicas`: how many take requests, by
    the broker; of them, some may not have answered in time.
    """

    name: str
    state: State | None
    instances: list[InstanceView] | None
    replicas: int | None


class QueueView(BaseModel):
    """One of the suite's own queues, as AMQP tells of it.

    `ready`: messages that no consumer has been given yet. How many were given and not acknowledged,
    and so how many there are in all, AMQP does not tell: `unacknowledged` and `messages` are null.
    """

    name: str
    messages: int | None = None
    ready: int
    unacknowledged: int | None = None
    consumers: int


class BrokerState(BaseModel):
    """The broker. `queues`: those that it has told of in time, null where it has not at all."""

    state: State
    version: str | None
    queues: list[QueueView] | None


class SchemaSize(BaseModel):
    """What the tables of a schema take, with their indexes."""

    name: str
    size_bytes: int


class DatabaseSize(BaseModel):
    """A database, in bytes on disk."""

    version: str
    size_bytes: int
    schemas: list[SchemaSize]


class DatabaseState(BaseModel):
    """The database that command-api has its schema in; the others may have another."""

    state: State
    version: str | None
    size_bytes: int | None
    schemas: list[SchemaSize] | None


class BackupView(BaseModel):
    """A backup that ended. `place` is the name of its file, without the folder."""

    ended_at: str
    began_at: str
    size_bytes: int
    place: str


class Warned(BaseModel):
    """What is wrong at an instance, and keeps it from no work."""

    service: str
    instance: str | None
    name: str
    text: str


class Paused(BaseModel):
    """A queue that an instance takes nothing from now, because its database is away."""

    service: str
    instance: str
    queue: str


class UpkeepState(BaseModel):
    """When a periodic task of a service was begun last, by whichever instance."""

    service: str
    task: str
    began_at: str


class SystemView(BaseModel):
    """The suite itself. What could not be had in time is null, and never a guess.

    `backups`: the newest that `csms-backup` has noted in this database, the last one first. Nobody
    looks whether their files are still there.
    """

    time: str
    version: str
    services: list[ServiceState]
    gateways: list[GatewayView] | None
    broker: BrokerState
    database: DatabaseState
    backups: list[BackupView] | None
    warnings: list[Warned]
    paused: list[Paused]
    upkeep: list[UpkeepState]


Told = Mapping[str, Sequence[About]]
"""What the instances of each service told; several of one may be of the same instance."""


def service_state(name: str, told: Iterable[About], replicas: int | None) -> ServiceState:
    """Return the state of a service whose instances say what they are."""
    instances = {one.instance: one for one in told}
    shown = [
        InstanceView(instance=one.instance, version=one.version, since=one.since)
        for _, one in sorted(instances.items())
    ]
    return ServiceState(
        name=name,
        state="up" if shown else "down",
        instances=shown or None,
        replicas=replicas,
    )


def gateways_state(name: str, gateways: Sequence[GatewayView] | None) -> ServiceState:
    """Return the state of the gateways, which station-registry tells by their leases."""
    if gateways is None:
        return ServiceState(name=name, state=None, instances=None, replicas=None)
    shown = [
        InstanceView(instance=one.gateway_id, version=one.version, since=one.started_at)
        for one in gateways
    ]
    return ServiceState(
        name=name, state="up" if shown else "down", instances=shown, replicas=len(shown)
    )


def warnings_of(told: Told, of_registry: tuple[str, Mapping[str, str]]) -> list[Warned]:
    """Return every warning once; those of the registry's own answer name no instance."""
    service, warnings = of_registry
    found = {(service, None, name): text for name, text in warnings.items()} | {
        (service, one.instance, name): text
        for service, instances in told.items()
        for one in instances
        for name, text in one.warnings.items()
    }
    return [
        Warned(service=service, instance=instance, name=name, text=text)
        for (service, instance, name), text in found.items()
    ]


def paused_of(told: Told) -> list[Paused]:
    """Return every queue that an instance has paused."""
    found = {
        (service, one.instance, queue)
        for service, instances in told.items()
        for one in instances
        for queue in one.paused
    }
    return [
        Paused(service=service, instance=instance, queue=queue)
        for service, instance, queue in sorted(found)
    ]


def upkeep_of(told: Told) -> list[UpkeepState]:
    """Return the newest turn of each periodic task."""
    newest: dict[tuple[str, str], str] = {}
    for service, instances in told.items():
        for turn in (turn for one in instances for turn in one.upkeep):
            key = service, turn.task
            newest[key] = max(turn.began_at, newest.get(key, ""))
    return [
        UpkeepState(service=service, task=task, began_at=began_at)
        for (service, task), began_at in sorted(newest.items())
    ]
