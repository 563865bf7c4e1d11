"""Who owns a station: the highest epoch, and nothing but a claim raises it (ADR 0004)."""

from dataclasses import dataclass, replace
from enum import StrEnum

from csms_shared.contracts.ownership import NEVER_LEARNT

# A claim comes again only within its deadline; no station connects more often in that time.
REMEMBERED_CONNECTIONS = 8


@dataclass(frozen=True, slots=True)
class Owner:
    """The connection that holds a station's socket."""

    gateway_id: str
    connection_id: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Ownership:
    """What is known of a station's connections.

    `recent` are the ids of the last connections that claimed, newest first: the n-th of them had
    the epoch `epoch - n`. Up to `released_epoch` nothing can own the station any more.
    """

    epoch: int = 0
    released_epoch: int = 0
    recent: tuple[str, ...] = ()
    owner: Owner | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claim's outcome; `superseded` is the owner that lost the station to it."""

    ownership: Ownership
    epoch: int
    repeated: bool = False
    superseded: Owner | None = None

    @property
    def came_online(self) -> bool:
        """Tell whether the station had no owner before."""
        return not self.repeated and self.superseded is None


def claim(ownership: Ownership, gateway_id: str, connection_id: str) -> Claimed:
    """Make the newest connection the owner; the same claim again changes nothing."""
    if connection_id in ownership.recent:
        epoch = ownership.epoch - ownership.recent.index(connection_id)
        return Claimed(ownership, epoch, repeated=True)
    epoch = ownership.epoch + 1
    claimed = replace(
        ownership,
        epoch=epoch,
        recent=(connection_id, *ownership.recent)[:REMEMBERED_CONNECTIONS],
        owner=Owner(gateway_id, connection_id, epoch),
    )
    return Claimed(claimed, epoch, superseded=ownership.owner)


@dataclass(frozen=True, slots=True)
class Released:
    """A release's outcome; `hit` where it ended the station's ownership, of `released_epoch`."""

    ownership: Ownership
    hit: bool


def release(ownership: Ownership, connection_id: str, epoch: int) -> Released:
    """Let go of this very connection, and of no newer one.

    `epoch` may be `NEVER_LEARNT`: the connection's id is its own, and the epoch goes with it.
    """
    newest = ownership.recent[:1] == (connection_id,)
    if not newest or epoch not in (NEVER_LEARNT, ownership.epoch):
        return Released(ownership, hit=False)
    return Released(
        replace(ownership, released_epoch=ownership.epoch, owner=None),
        hit=ownership.owner is not None,
    )


def expire(ownership: Ownership) -> Ownership:
    """Forget the owner whose gateway's lease ran out; it may still be re-asserted."""
    return replace(ownership, owner=None)


class Verdict(StrEnum):
    """What became of a re-assertion."""

    UNCHANGED = "unchanged"
    MOVED = "moved"
    RESTORED = "restored"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Reasserted:
    """A re-assertion's outcome."""

    ownership: Ownership
    verdict: Verdict


def reassert(ownership: Ownership, asserted: Owner) -> Reasserted:
    """Give a connection back to the gateway that holds it, unless somebody newer has claimed."""
    owner = ownership.owner
    current = (
        asserted.epoch == ownership.epoch
        and asserted.epoch > ownership.released_epoch
        and ownership.recent[:1] == (asserted.connection_id,)
    )
    if not current:
        return Reasserted(ownership, Verdict.SUPERSEDED)
    if owner == asserted:
        return Reasserted(ownership, Verdict.UNCHANGED)
    verdict = Verdict.RESTORED if owner is None else Verdict.MOVED
    return Reasserted(replace(ownership, owner=asserted), verdict)
