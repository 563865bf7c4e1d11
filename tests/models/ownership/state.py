"""What the model knows of the world: one station, its registry, gateways, messages under way.

Everything is a tuple, so that a world can be a key. Connections are numbered in the order in
which the station opens them; an incarnation is (gateway, its life's number).
"""

from dataclasses import dataclass
from typing import NamedTuple

Incarnation = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of the protocol that the model can do without, to show what each is for."""

    releases_match_the_newest_connection: bool = True
    reassertions_match_the_newest_connection: bool = True
    released_connections_stay_released: bool = True
    repeated_claims_change_nothing: bool = True
    controls_wait_for_pending_claims: bool = True
    unanswered_claims_are_released: bool = True
    releases_are_kept_until_stored: bool = True
    held_connections_are_verified: bool = True


class Owner(NamedTuple):
    """The row of `station_connection`."""

    incarnation: Incarnation
    connection: int
    epoch: int


class Registry(NamedTuple):
    """What station-registry has committed.

    `recent`: connections that claimed, newest first. `leases`: incarnations whose lease runs;
    `out`: those whose lease ran out.
    """

    epoch: int = 0
    released_epoch: int = 0
    recent: tuple[int, ...] = ()
    owner: Owner | None = None
    leases: frozenset[Incarnation] = frozenset()
    out: frozenset[Incarnation] = frozenset()


class Held(NamedTuple):
    """A claimed connection whose socket is open."""

    connection: int
    epoch: int


class Pending(NamedTuple):
    """A claim that waits for its answer; `learnt`: the highest epoch told meanwhile."""

    connection: int
    given_up: bool = False
    learnt: int = 0


class Gateway(NamedTuple):
    """One gateway process.

    `confirmed`: its own clock says that its lease runs. `asked`: the number of the renewal that it
    waits for, 0 for none. `pages`: those of the re-assertions since the last loss that were not
    answered yet. `asks` of all these were sent. `due`: the connection that it held at the last
    loss, until it is answered for; 0 for none. `learnt` is no state of the code: it remembers, for
    a property, the highest epoch that this process was told.
    """

    life: int = 1
    confirmed: bool = False
    due: int = 0
    asks: int = 0
    asked: int = 0
    pages: tuple[int, ...] = ()
    held: tuple[Held, ...] = ()
    pending: tuple[Pending, ...] = ()
    learnt: int = 0


class Claim(NamedTuple):
    """`claims.v1`."""

    sender: Incarnation
    connection: int


class ClaimReply(NamedTuple):
    """`claim-replies.v1`, accepted."""

    to: Incarnation
    connection: int
    epoch: int


class Superseded(NamedTuple):
    """`controls.v1`, superseded."""

    to: Incarnation
    epoch: int
    kind: str = "superseded"


class Release(NamedTuple):
    """`releases.v1`; epoch 0 where the claim was never answered."""

    released: int
    epoch: int
    kind: str = "release"


class Renewal(NamedTuple):
    """`lease.v1`."""

    sender: Incarnation
    ask: int
    kind: str = "renewal"


class RenewalReply(NamedTuple):
    """`lease-reply.v1`."""

    to: Incarnation
    ask: int
    confirmed: bool
    kind: str = "renewal reply"


class Reassertion(NamedTuple):
    """`reassertions.v1`: everything that the gateway holds."""

    sender: Incarnation
    ask: int
    held: tuple[Held, ...]
    kind: str = "reassertion"


class ReassertionReply(NamedTuple):
    """`reassertion-reply.v1`."""

    to: Incarnation
    ask: int
    superseded: tuple[int, ...]
    kind: str = "reassertion reply"


ToRegistry = Claim | Release | Renewal | Reassertion
ToGateway = ClaimReply | Superseded | RenewalReply | ReassertionReply
Message = ToRegistry | ToGateway


class Allowed(NamedTuple):
    """How much may still happen; what bounds the exploration."""

    connections: int = 2
    asks: int = 0
    crashes: int = 0
    new_incarnations: int = 0
    ends_of_leases: int = 0
    graces: int = 0
    duplicates: int = 0
    losses: int = 0
    impatience: int = 0


NOTHING = Allowed(connections=0)


class World(NamedTuple):
    """Everything, at one moment."""

    registry: Registry
    gateways: tuple[Gateway, ...]
    network: frozenset[Message]
    allowed: Allowed
    opened: int = 0


def new_world(allowed: Allowed, gateways: int = 2) -> World:
    """Return a world in which nothing has happened yet."""
    return World(Registry(), (Gateway(),) * gateways, frozenset(), allowed)
