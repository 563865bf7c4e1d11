"""What is asked of a station, and what becomes of it before a command is stored and sent.

Which rules a version of OCPP has for an action is known at the edge (`command_api.ocpp`), which
implements `CommandEdge`.
"""

from dataclasses import dataclass
from typing import Any, Protocol

from command_api.commands.domain.remote_starts import AwaitedStart
from csms_shared.contracts.orders import OrderRefusal
from csms_shared.contracts.requests import Problem
from csms_shared.contracts.stations import OwnerView
from csms_shared.ocpp.versions import OCPP16

# Why a command must not be sent, in the words of REST.
Refusal = Problem


@dataclass(frozen=True, slots=True)
class AskedCommand:
    """What an operator or a service wants a station to get; `held` until it is there."""

    station_id: str
    version: str
    action: str
    payload: dict[str, Any]
    held: bool


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the station gets, and what has to be done for it first.

    `awaited_start`: the start that it asks for. `new_password`: the station's password that it
    sets. `security_profile`: the one that it makes the station connect with.
    """

    payload: dict[str, Any]
    awaited_start: AwaitedStart | None = None
    new_password: str | None = None
    security_profile: int | None = None


class CommandEdge(Protocol):
    """What is known of actions and payloads, version by version."""

    def written(self, intent: dict[str, Any], version: str) -> tuple[str, dict[str, Any]] | None:
        """Return the action and payload that say this in a version, None where it has no words."""
        ...

    def refusal_of_action(self, asked: AskedCommand) -> Refusal | None:
        """Return why no station is sent this: the version or its action is unknown here."""
        ...

    async def prepare(self, asked: AskedCommand) -> Prepared | Refusal:
        """Check what is asked, and complete it.

        Raises:
            ServiceAway: a service that has to be asked does not answer.
        """
        ...

    def refusal_of_order(self, asked: AskedCommand) -> Refusal | None:
        """Return why a service must not order it, None where an operator's rules are all."""
        ...

    def kept_payload(self, asked: AskedCommand) -> dict[str, Any]:
        """Return the payload as it may be stored, without what sets a password."""
        ...


def version_of(owner: OwnerView) -> str:
    """Return the version that the station speaks, or is taken to speak until it has connected."""
    return owner.ocpp_version or OCPP16


def seen_by(tenant_id: str, owner: OwnerView) -> OwnerView:
    """Return the owner as a tenant sees it: a station of another does not exist."""
    if owner.tenant_id == tenant_id:
        return owner
    return OwnerView(station_id=owner.station_id, tenant_id=tenant_id, known=False)


def refusal_of_target(asked: AskedCommand, owner: OwnerView, edge: CommandEdge) -> Refusal | None:
    """Return why nobody can be sent this: no such station, or no such action in its version."""
    if not owner.known:
        detail = f"there is no station {asked.station_id}"
        return Refusal(status=404, code="unknown_station", detail=detail)
    return edge.refusal_of_action(asked)


def unknown_version(version: str) -> Refusal:
    """Return the refusal of what has no words here in the version that the station speaks."""
    detail = f"the station speaks {version}, in which this release can't say it"
    return Refusal(status=409, code="unknown_ocpp_version", detail=detail)


def refusal_of_version(version: str, owner: OwnerView) -> Refusal | None:
    """Return why a command of this version must not be sent: its station speaks another now."""
    spoken = owner.ocpp_version or version
    if spoken == version:
        return None
    detail = f"the command is one of {version}, and its station speaks {spoken} now"
    return Refusal(status=409, code="ocpp_version_changed", detail=detail)


def error_of(refusal: Refusal) -> dict[str, Any]:
    """Return the refusal as the `error` of a command that is not sent."""
    code = refusal.code.upper()
    # Which field is wrong says more than that one is.
    invalid = code == OrderRefusal.PAYLOAD_INVALID and refusal.errors
    description = refusal.errors[0].message if invalid else refusal.detail
    return {"code": code, "description": description, "details": {}}
