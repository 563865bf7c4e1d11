"""Charging profiles, clearings and composite schedules of OCPP 1.6 (7.8, 7.13, 7.14)."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from csms_shared.contracts.orders import CompletedCommand
from csms_shared.contracts.requests import FieldProblem
from csms_shared.values.texts import storable
from csms_shared.values.times import parse_time, read_moment
from session_service.charging.domain.composite_schedule import StationPeriod, StationSchedule
from session_service.charging.domain.ends import AnsweredSchedule, NewClearing, NewProfile
from session_service.charging.domain.installed_profiles import AcceptedProfile
from session_service.charging.domain.obstacles import (
    NoTransaction,
    Obstacle,
    OtherTransaction,
    TooManyProfiles,
)
from session_service.charging.domain.profiles import (
    ClearFilter,
    Kind,
    Limit,
    Profile,
    Purpose,
    RateUnit,
    Recurrence,
    Schedule,
)
from session_service.values.keys import token_key_in_tenant

_PURPOSE_NAMES = {
    Purpose.STATION_MAX: "ChargePointMaxProfile",
    Purpose.TX_DEFAULT: "TxDefaultProfile",
    Purpose.TX: "TxProfile",
}
_PROFILE = "/csChargingProfiles"
_PURPOSES = {name: purpose for purpose, name in _PURPOSE_NAMES.items()}


def read_set_profile(command: CompletedCommand) -> NewProfile | None:
    """Return the profile of a SetChargingProfile that a station accepted."""
    if not command.accepted:
        return None
    at, sent = _sent_at(command), command.payload["csChargingProfiles"]
    profile = read_profile(command.payload["connectorId"], sent, at)
    accepted = AcceptedProfile(
        command.command_id, command.tenant_id, command.station_id, at, profile
    )
    return NewProfile(accepted, command.ocpp_version, sent)


def read_remote_start(command: CompletedCommand) -> NewProfile | None:
    """Return the profile of a remote start that a station accepted, None where it has none."""
    sent = command.payload.get("chargingProfile")
    if not command.accepted or sent is None:
        return None
    at, connector_id = _sent_at(command), command.payload.get("connectorId")
    accepted = AcceptedProfile(
        command.command_id,
        command.tenant_id,
        command.station_id,
        at,
        read_profile(connector_id or 0, sent, at),
        token_key=token_key_in_tenant(command.tenant_id, storable(command.payload["idTag"])),
        connector_given=connector_id is not None,
    )
    return NewProfile(accepted, command.ocpp_version, sent)


def read_clearing(command: CompletedCommand) -> NewClearing | None:
    """Return a ClearChargingProfile that a station carried out.

    An answer Unknown cleared nothing, as nothing matched (7.21).
    """
    if not command.accepted:
        return None
    return NewClearing(
        command.command_id,
        command.tenant_id,
        command.station_id,
        _sent_at(command),
        command.ocpp_version,
        command.payload,
    )


def read_answered_schedule(command: CompletedCommand) -> AnsweredSchedule | None:
    """Return what a station answered to GetCompositeSchedule."""
    if not command.accepted or command.response is None:
        return None
    return AnsweredSchedule(
        command_id=command.command_id,
        tenant_id=command.tenant_id,
        station_id=command.station_id,
        connector_id=command.payload["connectorId"],
        asked_s=command.payload["duration"],
        sent_at=_sent_at(command),
        answered_at=read_moment(command.completed_at),
        ocpp_version=command.ocpp_version,
        response=command.response,
        schedule=read_station_schedule(command.response),
    )


def read_station_schedule(response: Mapping[str, Any]) -> StationSchedule | None:
    """Return a station's own schedule, None where it answered with none."""
    schedule = response.get("chargingSchedule")
    if schedule is None:
        return None
    start, unit = parse_time(response.get("scheduleStart", "")), schedule.get("chargingRateUnit")
    return StationSchedule(
        start_at=None if start is None else start.at,
        duration_s=schedule.get("duration"),
        unit=None if unit is None else RateUnit(unit),
        periods=tuple(
            StationPeriod(period.get("startPeriod"), period.get("limit"))
            for period in schedule.get("chargingSchedulePeriod") or ()
        ),
    )


def read_wanted_profile(payload: Mapping[str, Any], at: datetime) -> Profile:
    """Return the profile of a SetChargingProfile that somebody wants to send now."""
    return read_profile(payload["connectorId"], payload["csChargingProfiles"], at)


def write_obstacle(obstacle: Obstacle) -> FieldProblem:
    """Return what keeps a station from taking a SetChargingProfile, by the field of its payload."""
    match obstacle:
        case NoTransaction():
            return FieldProblem(
                field="/connectorId", message="has no running transaction, which a TxProfile needs"
            )
        case OtherTransaction(connector_id):
            return FieldProblem(
                field=f"{_PROFILE}/transactionId",
                message=f"is not the running transaction of connector {connector_id}",
            )
        case TooManyProfiles(most, kept):
            return FieldProblem(
                field=_PROFILE,
                message=f"the station takes at most {most} profiles "
                f"(MaxChargingProfilesInstalled) and keeps {kept}",
            )


def purpose_name(purpose: str) -> str:
    """Return what OCPP 1.6 calls a purpose that is stored beside a profile."""
    return _PURPOSE_NAMES[Purpose(purpose)]


def read_profile(connector_id: int, sent: Mapping[str, Any], received_at: datetime) -> Profile:
    """Return a profile as the domain knows it.

    A profile of the station as a whole has no start of charging to be relative to: without a
    start of its own, its schedule begins when the station got it.
    """
    purpose = _PURPOSES[sent["chargingProfilePurpose"]]
    recurrence = sent.get("recurrencyKind")
    start = received_at if purpose is Purpose.STATION_MAX else None
    return Profile(
        profile_id=sent["chargingProfileId"],
        connector_id=connector_id,
        purpose=purpose,
        kind=Kind(sent["chargingProfileKind"].lower()),
        stack_level=sent["stackLevel"],
        schedule=read_schedule(sent["chargingSchedule"], start),
        recurrence=None if recurrence is None else Recurrence(recurrence.lower()),
        valid_from=_time(sent.get("validFrom")),
        valid_to=_time(sent.get("validTo")),
        transaction_id=sent.get("transactionId"),
    )


def read_schedule(sent: Mapping[str, Any], start_at: datetime | None) -> Schedule:
    """Return a schedule, its numbers as the decimals that were written."""
    periods = sent["chargingSchedulePeriod"]
    min_rate = sent.get("minChargingRate")
    return Schedule(
        unit=RateUnit(sent["chargingRateUnit"]),
        starts=tuple(period["startPeriod"] for period in periods),
        limits=tuple(
            Limit(_decimal(period["limit"]), period.get("numberPhases")) for period in periods
        ),
        start_at=_time(sent.get("startSchedule")) or start_at,
        duration_s=sent.get("duration"),
        min_rate=None if min_rate is None else _decimal(min_rate),
    )


def read_filter(payload: Mapping[str, Any]) -> ClearFilter:
    """Return what a ClearChargingProfile asks to remove."""
    purpose = payload.get("chargingProfilePurpose")
    return ClearFilter(
        profile_id=payload.get("id"),
        connector_id=payload.get("connectorId"),
        purpose=None if purpose is None else _PURPOSES[purpose],
        stack_level=payload.get("stackLevel"),
    )


def _sent_at(command: CompletedCommand) -> datetime:
    """Return when a command was written to the station, which orders it among the others."""
    return read_moment(command.sent_at or command.completed_at)


def _decimal(number: int | float) -> Decimal:
    # The shortest text of a float is the decimal that was written.
    return Decimal(str(number))


def _time(text: str | None) -> datetime | None:
    moment = None if text is None else parse_time(text)
    return None if moment is None else moment.said
