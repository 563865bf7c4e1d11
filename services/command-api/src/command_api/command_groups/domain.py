"""A command for many stations."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

# How many stations get their command in one step.
STEP = 100
# A group takes its next step while no more of its commands are under way: it never has more than
# twice as many, whatever it is sent to.
UNDER_WAY = 100
# What has not reached its last station by then is not sent to the others.
EXPANDED_WITHIN_DAYS = 7


class CommandGroupStatus(StrEnum):
    """Where a group stands; `cancelling` until the last command that was sent has ended."""

    RUNNING = "running"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    COMPLETED = "completed"


@dataclass(frozen=True, slots=True)
class Addressed:
    """The stations of a site, with a tag, or both; or those named, sorted, each once."""

    site_id: str | None = None
    tag: str | None = None
    station_ids: tuple[str, ...] | None = None

    @property
    def filter(self) -> dict[str, str]:
        """How the registry is asked for them."""
        named = {"site_id": self.site_id, "tag": self.tag}
        return {name: value for name, value in named.items() if value is not None}

    @property
    def view(self) -> dict[str, Any]:
        """How REST shows them: what was given."""
        if self.station_ids is not None:
            return {"station_ids": list(self.station_ids)}
        return dict(self.filter)


@dataclass(frozen=True, slots=True)
class CommandGroup:
    """A group as it is stored. Times in milliseconds since the epoch.

    `position`: behind which the next stations are. `timeout_ms`: how long after its creation a
    command may be written, where there is no `hold_until_ms`. `counts`: how many commands ended in
    which status, once they have.
    """

    command_group_id: UUID
    tenant_id: str
    action: str
    ocpp_version: str
    payload: dict[str, Any]
    to: Addressed
    hold_until_ms: int | None
    timeout_ms: int
    created_by: str
    created_ms: int
    position: str | None = None
    is_expanded: bool = False
    is_cancelled: bool = False
    completed_ms: int | None = None
    counts: dict[str, int] | None = None

    @property
    def status(self) -> CommandGroupStatus:
        """Where it stands."""
        if self.completed_ms is None:
            cancelling = self.is_cancelled
            return CommandGroupStatus.CANCELLING if cancelling else CommandGroupStatus.RUNNING
        ended = CommandGroupStatus
        return ended.CANCELLED if self.is_cancelled else ended.COMPLETED
