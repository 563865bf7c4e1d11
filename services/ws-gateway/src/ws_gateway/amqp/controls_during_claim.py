"""What the registry tells of a station while a claim of it is on its way (docs/ownership.md).

The answer to a claim and a control may arrive in either order, and together: no connection is
open yet that the control could be given to, and it never comes again.
"""

from csms_shared.contracts.calls import RegistrationChange
from csms_shared.contracts.control import Control, ControlKind
from csms_shared.contracts.ownership import ClaimOutcome, ClaimReply


class Overtaken(Exception):
    """The claim was granted, but its connection must not be opened any more."""


class ControlsDuringClaim:
    """The newest of each kind of control for one station with `claims` on their way."""

    __slots__ = ("_closed", "_epoch", "_registration", "claims")

    def __init__(self) -> None:
        self.claims = 0
        self._epoch = 0
        self._closed = 0
        self._registration: tuple[int, RegistrationChange] | None = None

    def note(self, control: Control) -> None:
        """Keep a control for the connections to come."""
        match control.kind:
            case ControlKind.SUPERSEDED:
                self.learn(control.epoch)
            case ControlKind.CLOSE:
                self._closed = max(self._closed, control.epoch)
            case ControlKind.REGISTRATION:
                if control.registration is not None:
                    self._note_registration(control.epoch, control.registration)

    def _note_registration(self, epoch: int, change: RegistrationChange) -> None:
        if self._registration is not None:
            known_epoch, known = self._registration
            if epoch < known_epoch or _is_older(change, known):
                return
        self._registration = epoch, change

    def learn(self, epoch: int) -> None:
        """Note that a connection of the station was given this epoch."""
        self._epoch = max(self._epoch, epoch)

    def apply(self, reply: ClaimReply) -> ClaimReply:
        """Return the answer as it is after what was told.

        Raises:
            Overtaken: a newer connection has claimed, or the connection is to be closed.
        """
        if reply.outcome is not ClaimOutcome.ACCEPTED:
            return reply
        if self._epoch > reply.epoch:
            raise Overtaken("a newer connection of this station is open")
        if self._closed >= reply.epoch:
            raise Overtaken("the registry wants the station's connection closed")
        if self._registration is None:
            return reply
        epoch, change = self._registration
        if epoch < reply.epoch or _is_older(change, reply.registration):
            return reply
        return reply.model_copy(update={"registration": change})


def _is_older(change: RegistrationChange, known: RegistrationChange | None) -> bool:
    # Controls come over several channels, in any order. Of version 0 it is not known.
    return known is not None and 0 < change.version < known.version
