"""What stations of OCPP 1.6 are asked, and what of their answers the blocks get."""

from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from csms_shared.contracts.orders import CommandOrder, CompletedCommand, OrderRefusal
from csms_shared.ocpp.schemas import validate_request
from csms_shared.ocpp.versions import OCPP16
from csms_shared.ocpp.writing import written
from session_service.charging.domain.composite_schedule import StationPeriod, StationSchedule
from session_service.charging.domain.profiles import RateUnit
from session_service.local_lists.domain.lists import Limits, Result, Update
from session_service.ocpp.v16.charging import (
    read_clearing,
    read_remote_start,
    read_set_profile,
    read_station_schedule,
)
from session_service.ocpp.v16.local_lists import (
    read_limits_end,
    read_update_end,
    wanted_update,
    write_entry,
)
from session_service.ocpp.v16.reservations import (
    read_cancel_end,
    read_reserve_end,
)
from session_service.reservations.domain import Answer, WantedReservation
from session_service.reservations.handlers.judging import reserve_order
from session_service.tokens.domain import Authorization, AuthorizationStatus

AT = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
WANTED = WantedReservation(7, 1, "Tag", "tag", "Fleet", AT)
ENTRY = write_entry("Tag", Authorization(AuthorizationStatus.ACCEPTED, AT, "Fleet"))
UPDATE = Update(
    False, 3, (write_entry("Old", Authorization(AuthorizationStatus.ACCEPTED)),), (ENTRY,), {}
)


# As it is stored, of which the test reads what these are made of.
RESERVATION: Any = SimpleNamespace(
    command_id=UUID(int=1),
    tenant_id="default",
    station_id="S1",
    wire_id=7,
    connector_id=1,
    id_token="Tag",
    group_id="Fleet",
    created_at=AT,
    expires_at=AT,
    created_by="admin",
)


def call_of(order: CommandOrder) -> tuple[str, dict[str, Any]]:
    """Return what a station of 1.6 gets."""
    assert validate_request(OCPP16, order.action, order.payload) is None
    assert order.intent is not None
    assert written(OCPP16, order.intent) == (order.action, order.payload)
    return order.action, order.payload


def test_a_station_is_asked_to_reserve_with_everything_that_is_stored() -> None:
    assert call_of(reserve_order(RESERVATION)) == (
        "ReserveNow",
        {
            "reservationId": 7,
            "connectorId": 1,
            "idTag": "Tag",
            "parentIdTag": "Fleet",
            "expiryDate": "2026-11-20T08:00:00.000Z",
        },
    )


def test_a_token_is_taken_off_by_its_name_alone_and_the_others_are_sent_as_they_are_stored() -> (
    None
):
    call = written(OCPP16, wanted_update(UPDATE))
    assert call is not None
    action, payload = call
    assert validate_request(OCPP16, action, payload) is None
    assert payload["localAuthorizationList"] == [{"idTag": "Old"}, ENTRY]


@pytest.mark.parametrize("status", AuthorizationStatus)
def test_every_status_of_a_token_is_sent_as_it_is_stored(status: AuthorizationStatus) -> None:
    entry = write_entry("Tag", Authorization(status))
    call = written(OCPP16, wanted_update(Update(True, 1, (), (entry,), {})))
    assert call is not None
    assert call[1]["localAuthorizationList"] == [entry]


PROFILE = {
    "chargingProfileId": 1,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxProfile",
    "chargingProfileKind": "Relative",
    "chargingSchedule": {
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16}],
    },
}


def _ended(action: str, payload: dict[str, Any], **changes: Any) -> CompletedCommand:
    values: dict[str, Any] = {
        "command_id": UUID(int=1),
        "station_id": "S1",
        "action": action,
        "payload": payload,
        "status": "completed",
        "created_by": "admin",
        "created_at": "2026-11-20T08:00:00Z",
        "completed_at": "2026-11-20T08:00:05Z",
        "deadline": "2026-11-20T08:01:00Z",
    }
    return CompletedCommand.model_validate(values | changes)


def test_a_reservation_is_read_as_it_was_written() -> None:
    action, payload = call_of(reserve_order(RESERVATION))
    end = read_reserve_end(_ended(action, payload, response={"status": "Accepted"}))
    assert (end.wanted, end.answer, end.refusal) == (WANTED, Answer.ACCEPTED, None)


@pytest.mark.parametrize(
    ("changes", "answer", "refusal"),
    [
        ({"response": {"status": "Occupied"}}, Answer.REFUSED, "occupied"),
        ({"status": "outcome_unknown"}, Answer.UNKNOWN, None),
        ({"status": "station_offline"}, Answer.REFUSED, "offline"),
        ({"status": "error", "error": {"code": "NotImplemented"}}, Answer.REFUSED, "unsupported"),
        ({"status": "error", "error": {"code": "InternalError"}}, Answer.REFUSED, "internalerror"),
    ],
)
def test_every_end_of_a_reservation_has_a_word(
    changes: dict[str, Any], answer: Answer, refusal: str | None
) -> None:
    end = read_reserve_end(_ended("ReserveNow", {}, **changes))
    assert (end.wanted, end.answer, end.refusal) == (None, answer, refusal)


@pytest.mark.parametrize(
    ("changes", "answered", "failure"),
    [
        ({"response": {"status": "Accepted"}, "accepted": True}, True, None),
        ({"response": {"status": "Rejected"}, "accepted": False}, True, None),
        ({"response": {}}, False, None),
        ({"status": "expired"}, False, "offline"),
        ({"status": "outcome_unknown"}, False, "outcome_unknown"),
    ],
)
def test_a_cancellation_is_answered_or_has_a_failure(
    changes: dict[str, Any], answered: bool, failure: str | None
) -> None:
    end = read_cancel_end(_ended("CancelReservation", {"reservationId": 7}, **changes))
    assert (end.wire_id, end.answered, end.failure) == (7, answered, failure)


def test_limits_are_found_without_case_and_those_that_are_no_number_are_none() -> None:
    keys = [
        {"key": "localauthlistmaxlength", "value": " 50", "readonly": True},
        {"key": "SendLocalListMaxLength", "value": "many", "readonly": True},
    ]
    end = read_limits_end(_ended("GetConfiguration", {}, response={"configurationKey": keys}))
    assert end.limits == Limits(max_entries=50)


@pytest.mark.parametrize(
    ("changes", "result"),
    [
        ({"response": {"status": "VersionMismatch"}}, Result.VERSION_MISMATCH),
        ({"response": {"status": "Perhaps"}}, Result.FAILED),
        ({"response": {"status": {"word": "Accepted"}}}, Result.FAILED),
        ({"response": {"status": ["Accepted"]}}, Result.FAILED),
        ({"status": "expired"}, Result.AWAY),
        ({"status": "outcome_unknown"}, Result.UNKNOWN),
        ({"status": "error", "error": {"code": "BUSY"}}, Result.BUSY),
        ({"status": "error", "error": {"code": OrderRefusal.STATION_PENDING}}, Result.AWAY),
        ({"status": "error", "error": {"code": "NotSupported"}}, Result.NOT_SUPPORTED),
        ({"status": "error", "error": {"code": "GenericError"}}, Result.FAILED),
    ],
)
def test_every_end_of_an_update_has_a_result(changes: dict[str, Any], result: Result) -> None:
    end = read_update_end(_ended("SendLocalList", {"listVersion": 4}, **changes))
    assert (end.result, end.version) == (result, 4)


@pytest.mark.parametrize("read", [read_set_profile, read_remote_start, read_clearing])
def test_nothing_follows_from_what_was_not_accepted(
    read: Callable[[CompletedCommand], object],
) -> None:
    assert read(_ended("SetChargingProfile", {}, accepted=False)) is None


def test_a_remote_start_without_a_profile_has_none() -> None:
    assert (
        read_remote_start(_ended("RemoteStartTransaction", {"idTag": "T"}, accepted=True)) is None
    )


def test_what_no_column_holds_is_left_out_of_what_stations_and_services_say() -> None:
    error = {"code": "Odd\0Code"}
    reserved = read_reserve_end(_ended("ReserveNow", {}, status="error", error=error))
    assert reserved.refusal == "oddcode"
    cancelled = read_cancel_end(_ended("CancelReservation", {}, status="error", error=error))
    assert cancelled.failure == "oddcode"


def test_a_start_with_a_profile_is_known_by_a_token_that_a_column_holds() -> None:
    payload = {"idTag": "A\0B", "chargingProfile": PROFILE}
    started = read_remote_start(_ended("RemoteStartTransaction", payload, accepted=True))
    assert started is not None
    assert started.accepted.token_key == "ab"


def test_a_stations_schedule_is_read_as_far_as_it_says() -> None:
    assert read_station_schedule({"status": "Accepted"}) is None
    schedule = {
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0}, {"limit": 9}],
    }
    assert read_station_schedule({"chargingSchedule": schedule}) == StationSchedule(
        None, None, RateUnit.AMPERE, (StationPeriod(0, None), StationPeriod(None, 9))
    )
