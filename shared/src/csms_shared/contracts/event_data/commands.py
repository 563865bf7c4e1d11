"""Events of command groups; what an ended command tells is in `contracts/orders.py`."""

from enum import StrEnum
from typing import Any

from pydantic import Field

from csms_shared.contracts.envelope import Contract, Open


class GroupEnd(StrEnum):
    """How a command group ended."""

    COMPLETED = "completed"
    CANCELLED = "cancelled"


class CommandGroupCompleted(Contract):
    """A command group as REST shows it, without the stations that it is for."""

    command_group_id: str = Field(description="the group")
    tenant_id: str = Field(description="whose it is")
    action: str = Field(description="what was sent, as OCPP spells it")
    ocpp_version: str = Field(description="the version of `action` and `payload`")
    payload: dict[str, Any] = Field(description="what was sent; secrets read `***`")
    status: Open[GroupEnd] = Field(description="how it ended")
    is_expanded: bool = Field(description="whether a command was made for each of its stations")
    commands: dict[str, int] = Field(description="how many commands ended in which status")
    created_by: str = Field(description="who wanted it")
    created_at: str = Field(description="when it was wanted, RFC 3339")
    hold_until: str | None = Field(
        description="until when stations that were offline were waited for, RFC 3339"
    )
    completed_at: str | None = Field(description="when the last command ended, RFC 3339")
