"""Requests on charging profiles that session-service answers. Times are RFC 3339 UTC with `Z`."""

from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, Field

from csms_shared.contracts.envelope import Contract
from csms_shared.contracts.pages import PageQuery
from csms_shared.contracts.requests import OfTenant
from csms_shared.ocpp.versions import OCPP16

RateUnitName = Literal["A", "W"]
COMPOSITE_MAX_S = 7 * 86_400


class ProfileStateName(StrEnum):
    """What became of a profile that a station accepted.

    `waiting`: it came with a remote start whose transaction has not started; `unused`: none did.
    """

    WAITING = "waiting"
    INSTALLED = "installed"
    REPLACED = "replaced"
    CLEARED = "cleared"
    ENDED = "ended"
    UNUSED = "unused"


class ChargingProfileView(Contract):
    """A charging profile; `profile` is as it was sent, `command_id` names the command.

    `ocpp_version` is that of `profile`, and of what `purpose` is called.
    """

    command_id: str
    station_id: str
    connector_id: int | None
    profile_id: int
    purpose: str
    stack_level: int
    transaction_id: int | None
    state: ProfileStateName
    sent_at: str
    ended_at: str | None
    ocpp_version: str = OCPP16
    profile: dict[str, Any]


class ListChargingProfiles(PageQuery, OfTenant):
    """Filter of a station's profiles; without `state`, those that are installed or waiting."""

    station_id: str
    connector_id: int | None = None
    state: ProfileStateName | None = None


class AskCompositeSchedule(OfTenant):
    """Asks for our own computation from now on; `line_voltage` converts between the units."""

    station_id: str
    connector_id: int = Field(ge=0)
    duration: int = Field(86_400, ge=1, le=COMPOSITE_MAX_S)
    unit: RateUnitName = "A"
    line_voltage: int = Field(230, ge=1, le=1000)


class CompositePeriodView(Contract):
    """From `start_period` seconds after the start on; a null limit is none."""

    start_period: int
    limit: float | None
    number_phases: int | None


class ComputedSchedule(Contract):
    """What the installed profiles allow."""

    start_at: str
    duration: int
    unit: RateUnitName
    min_charging_rate: float | None
    periods: list[CompositePeriodView]


class ScheduleDifference(Contract):
    """From `start_period` on, the station's own limit is another than ours.

    `lower` may be a local limit of the station (OCPP 1.6, 5.7), `higher` is none.
    """

    start_period: int
    computed: float | None
    reported: float
    kind: Literal["lower", "higher"]


class ReportedSchedule(Contract):
    """The station's last GetCompositeSchedule answer, and ours for the same time and unit.

    `ocpp_version` is that of `response`. No differences are shown of one that can't be read.
    """

    command_id: str
    answered_at: str
    ocpp_version: str = OCPP16
    response: dict[str, Any]
    computed: ComputedSchedule | None
    differences: list[ScheduleDifference]


class CompositeScheduleView(Contract):
    """A connector's composite schedule: computed here, and as the station last reported it."""

    station_id: str
    connector_id: int
    transaction_id: int | None
    computed: ComputedSchedule
    reported: ReportedSchedule | None


class CheckChargingProfile(OfTenant):
    """Asks what a SetChargingProfile meets at a station; `max_installed` is the station's limit."""

    station_id: str
    payload: dict[str, Any]
    max_installed: int | None = None


# Results: Page[ChargingProfileView], CompositeScheduleView, list[FieldProblem].
CHARGING_OPERATIONS: dict[str, type[BaseModel]] = {
    "charging_profiles.list": ListChargingProfiles,
    "charging_profiles.composite": AskCompositeSchedule,
    "charging_profiles.check": CheckChargingProfile,
}
