"""What the use cases need of the broker; implemented in `command_api.amqp`."""

from collections.abc import Sequence
from typing import Any, Protocol

from csms_shared.contracts.commands import Command
from csms_shared.contracts.stations import OwnerView


class ServiceAway(Exception):
    """Another service or the broker did not answer in time, or with no answer."""


class ServiceFailed(ServiceAway):
    """Another service met a defect of its own over a question: no word on what was asked."""


class ServiceOlder(ServiceFailed):
    """The replica that was asked does not know the question yet: another may, or will soon."""


class OwnerDirectory(Protocol):
    """Where commands for a station go."""

    async def find(self, station_id: str) -> OwnerView:
        """Return the owner, from memory where it is known to be connected and accepted.

        Raises:
            ServiceAway: the registry had to be asked and does not answer.
        """
        ...

    async def find_fresh(self, station_ids: Sequence[str]) -> dict[str, OwnerView]:
        """Ask the registry, and remember what it says.

        Raises:
            ServiceAway: it does not answer.
        """
        ...


class CommandSender(Protocol):
    """Hands commands to gateways."""

    async def send(self, gateway_id: str, command: Command) -> bool:
        """Publish; false when the gateway certainly has not got it, true when it may have."""
        ...


class Services(Protocol):
    """Questions to the other services."""

    async def ask(self, service: str, operation: str, parameters: dict[str, Any]) -> Any:
        """Return the result.

        Raises:
            ProblemRaised: the service refused, with a status below 500.
            ServiceAway: it does not answer, or failed.
        """
        ...
