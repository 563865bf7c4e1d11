"""What ended commands on charging profiles tell; what was sent and answered is kept as it was.

`ocpp_version` is that of what is kept, which is read by it again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from session_service.charging.domain.composite_schedule import StationSchedule
from session_service.charging.domain.installed_profiles import AcceptedProfile


@dataclass(frozen=True, slots=True)
class NewProfile:
    """A profile that a station accepted, with the text of it as it was sent."""

    accepted: AcceptedProfile
    ocpp_version: str
    sent: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NewClearing:
    """A clearing that a station carried out, as it was sent."""

    command_id: UUID
    tenant_id: str
    station_id: str
    sent_at: datetime
    ocpp_version: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AnsweredSchedule:
    """A composite schedule that a station was asked for, of `asked_s` seconds, and its answer."""

    command_id: UUID
    tenant_id: str
    station_id: str
    connector_id: int
    asked_s: int
    sent_at: datetime
    answered_at: datetime
    ocpp_version: str
    response: Mapping[str, Any]
    schedule: StationSchedule | None
