"""Charging profiles, clearings and schedules that are stored as they were sent or answered."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from csms_shared.ocpp.versions import OCPP16
from session_service.charging.domain.composite_schedule import StationSchedule
from session_service.charging.domain.profiles import ClearFilter, Profile
from session_service.ocpp.stored.readers import Readers
from session_service.ocpp.v16.charging import (
    purpose_name,
    read_filter,
    read_profile,
    read_station_schedule,
)

Payload = Mapping[str, Any]

# Of a connector's number, the profile and when it was sent.
PROFILES: Readers[Callable[[int, Payload, datetime], Profile]] = Readers(
    "charging_profile", {OCPP16: read_profile}
)
CLEARINGS: Readers[Callable[[Payload], ClearFilter]] = Readers(
    "charging_clearing", {OCPP16: read_filter}
)
SCHEDULES: Readers[Callable[[Payload], StationSchedule | None]] = Readers(
    "reported_schedule", {OCPP16: read_station_schedule}
)
# What a version calls the purpose that is stored beside a profile.
PURPOSES: Readers[Callable[[str], str]] = Readers("charging_profile", {OCPP16: purpose_name})
