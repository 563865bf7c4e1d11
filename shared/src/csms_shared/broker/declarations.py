"""What is declared at the broker: exchanges, and queues with their bindings."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Arguments = Mapping[str, str | int | bool]


@dataclass(frozen=True, slots=True)
class Exchange:
    """A durable exchange."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Binding:
    """Messages of `exchange` under `routing_key` go to the queue that holds this binding."""

    exchange: str
    routing_key: str


@dataclass(frozen=True, slots=True)
class Queue:
    """A durable queue with its bindings; `parking` takes what was delivered too often.

    `former` are bindings that it may have had, and must not have. `own_label` stands for it in
    metrics, where no name may be new with each start.
    """

    name: str
    arguments: Arguments
    bindings: tuple[Binding, ...] = ()
    parking: "Queue | None" = field(default=None)
    own_label: str | None = None
    former: tuple[Binding, ...] = ()

    @property
    def label(self) -> str:
        """Return its name in metrics."""
        return self.own_label or self.name
