"""Reservations in all their outcomes (OCPP 1.6, 3.11, 4.8, 5.1, 5.13, 7.5, 7.40)."""

import pytest

from tests.conformance.central_system import CentralSystem
from tests.conformance.played_station import PlayedStation, at
from tests.conformance.reservations import Reservations
from tests.integration.waiting import eventually

ACCEPTED = {"status": "Accepted"}
REJECTED = {"status": "Rejected"}
WITHIN_S = 60.0


@pytest.fixture
def reservations(station: PlayedStation, central: CentralSystem) -> Reservations:
    """Reservations of this test's station."""
    return Reservations(station, central)


async def test_a_reserved_connector_is_used_by_its_token(
    station: PlayedStation, central: CentralSystem, reservations: Reservations, id_token: str
) -> None:
    reservation_id = await reservations.make(id_token)
    await central.connector(1, "Reserved")
    assert await station.authorize(id_token) == ACCEPTED
    await station.status(1, "Preparing")
    started = await station.start(id_token, reservation_id=reservation_id)
    assert started["idTagInfo"] == ACCEPTED
    await station.status(1, "Charging")
    used = await reservations.becomes(reservation_id, "used")
    assert (used["transaction_id"], used["reason"]) == (started["transactionId"], None)
    await station.stop(started["transactionId"], reason="Local")
    await central.completed(started["transactionId"])
    assert await central.flags(started["transactionId"]) == []
    assert (await reservations.becomes(reservation_id, "used"))["ended_at"] == used["ended_at"]
    await central.nothing_is_parked()


async def test_a_reserved_connector_is_used_by_a_remote_start(
    station: PlayedStation, central: CentralSystem, reservations: Reservations, id_token: str
) -> None:
    reservation_id = await reservations.make(id_token)
    start = {"connectorId": 1, "idTag": id_token}
    command = await central.command(station, "RemoteStartTransaction", start, ACCEPTED)
    started = await station.start(id_token, reservation_id=reservation_id)
    used = await reservations.becomes(reservation_id, "used")
    assert used["transaction_id"] == started["transactionId"]
    linked = await eventually(
        lambda: central.operator.get(f"/commands/{command['command_id']}"),
        lambda found: found["transaction_id"] is not None,
    )
    assert linked["transaction_id"] == started["transactionId"]


async def test_a_reserved_connector_is_used_by_a_token_of_the_same_parent_group(
    station: PlayedStation, central: CentralSystem, reservations: Reservations, id_token: str
) -> None:
    """OCPP 1.6, 5.13: the station learns the parent idTag of the other token by Authorize.req."""
    other = f"{id_token[:-1]}X"
    response = await central.operator.http.post(
        "/id-tokens", json={"id_token": other, "group_id": "FAMILY"}
    )
    assert response.status_code == 201, response.text
    reservation_id, asked = await reservations.ask(id_token, group_id="FAMILY")
    assert asked.payload["parentIdTag"] == "FAMILY"
    await station.answer(asked, ACCEPTED)
    await reservations.becomes(reservation_id, "active")
    assert (await station.authorize(other))["parentIdTag"] == "FAMILY"
    started = await station.start(other, reservation_id=reservation_id)
    used = await reservations.becomes(reservation_id, "used")
    assert used["transaction_id"] == started["transactionId"]
    assert await central.flags(started["transactionId"]) == []


async def test_a_reservation_is_used_by_a_start_that_does_not_name_it(
    station: PlayedStation, reservations: Reservations, id_token: str
) -> None:
    """Stations that leave reservationId out (against 5.13)."""
    reservation_id = await reservations.make(id_token)
    started = await station.start(id_token)
    used = await reservations.becomes(reservation_id, "used")
    assert used["transaction_id"] == started["transactionId"]


async def test_a_reservation_of_any_connector_is_used_on_the_one_chosen(
    station: PlayedStation, reservations: Reservations, id_token: str
) -> None:
    """Connector 0 (ReserveConnectorZeroSupported): the station keeps one of them free."""
    reservation_id = await reservations.make(id_token, connector_id=0)
    started = await station.start(id_token, connector_id=2, reservation_id=reservation_id)
    used = await reservations.becomes(reservation_id, "used")
    assert (used["connector_id"], used["transaction_id"]) == (0, started["transactionId"])


async def test_a_start_elsewhere_does_not_use_the_reservation(
    station: PlayedStation, central: CentralSystem, reservations: Reservations, id_token: str
) -> None:
    reservation_id = await reservations.make(id_token)
    started = await station.start(id_token, connector_id=2)
    assert await central.flags(started["transactionId"]) == []
    assert (await reservations.becomes(reservation_id, "active"))["transaction_id"] is None


@pytest.mark.parametrize("connector_id", [0, 1])
@pytest.mark.parametrize("status", ["Faulted", "Occupied", "Rejected", "Unavailable"])
async def test_a_reservation_refused(
    station: PlayedStation,
    reservations: Reservations,
    id_token: str,
    status: str,
    connector_id: int,
) -> None:
    reservation_id, asked = await reservations.ask(id_token, connector_id=connector_id)
    await station.answer(asked, {"status": status})
    refused = await reservations.becomes(reservation_id, "refused")
    assert (refused["reason"], refused["ended_at"]) == (status.lower(), refused["answered_at"])
    # Nothing is held: the token charges as any other, and there is nothing to cancel.
    await station.start(id_token)
    assert (await reservations.becomes(reservation_id, "refused"))["transaction_id"] is None
    path = f"/reservations/{reservation_id}/cancel"
    response = await reservations.central.operator.http.post(path)
    assert (response.status_code, response.json()["code"]) == (409, "reservation_ended")
    assert station.nothing_asked()


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("NotSupported", "unsupported"),
        ("NotImplemented", "unsupported"),
        ("GenericError", "genericerror"),
    ],
)
async def test_a_reservation_refused_by_an_error(
    station: PlayedStation, reservations: Reservations, id_token: str, code: str, reason: str
) -> None:
    reservation_id, asked = await reservations.ask(id_token)
    await station.refuse(asked, code)
    assert (await reservations.becomes(reservation_id, "refused"))["reason"] == reason


async def test_a_reservation_cancelled(
    station: PlayedStation, central: CentralSystem, reservations: Reservations, id_token: str
) -> None:
    reservation_id = await reservations.make(id_token)
    await reservations.cancel(reservation_id, ACCEPTED)
    cancelled = await reservations.becomes(reservation_id, "cancelled")
    assert (cancelled["reason"], cancelled["cancel_failure"]) == (None, None)
    await station.status(1, "Available")
    await central.connector(1, "Available")
    # A start afterwards by whoever has nothing to do with it.
    started = await station.start(id_token)
    kept = await reservations.becomes(reservation_id, "cancelled")
    assert kept["transaction_id"] is None
    assert await central.flags(started["transactionId"]) == []


async def test_a_cancellation_of_what_the_station_does_not_hold(
    reservations: Reservations, id_token: str
) -> None:
    """OCPP 1.6, 7.5: Rejected says that there is no such reservation; so it is over."""
    reservation_id = await reservations.make(id_token)
    await reservations.cancel(reservation_id, REJECTED)
    cancelled = await reservations.becomes(reservation_id, "cancelled")
    assert cancelled["reason"] == "not_held_by_station"


async def test_a_cancellation_that_fails_leaves_the_reservation(
    station: PlayedStation, reservations: Reservations, id_token: str
) -> None:
    reservation_id = await reservations.make(id_token)
    path = f"/reservations/{reservation_id}"
    response = await reservations.central.operator.http.post(f"{path}/cancel")
    assert response.status_code == 200, response.text
    await station.refuse(await station.asked("CancelReservation"), "InternalError")
    shown = await eventually(
        lambda: reservations.central.operator.get(path),
        lambda found: found["cancel_failure"] is not None,
        WITHIN_S,
    )
    assert (shown["status"], shown["cancel_failure"]) == ("active", "internalerror")
    await reservations.cancel(reservation_id, ACCEPTED)
    await reservations.becomes(reservation_id, "cancelled")


async def test_a_reservation_expires_without_a_message(
    station: PlayedStation, central: CentralSystem, reservations: Reservations, id_token: str
) -> None:
    """OCPP 1.6, 5.13: the station ends it at its expiry, and so do we."""
    payload = {
        "connectorId": 1,
        "expiryDate": at(seconds_ago=-3),
        "idTag": id_token,
        "reservationId": 700_001,
    }
    await central.command(station, "ReserveNow", payload, ACCEPTED)
    made = await eventually(reservations.all, bool, WITHIN_S)
    expired = await reservations.becomes(made[0]["reservation_id"], "expired")
    assert (expired["ended_at"], expired["station_reservation_id"]) == (
        payload["expiryDate"],
        700_001,
    )
    assert (expired["reason"], expired["transaction_id"]) == (None, None)
    assert station.nothing_asked()


@pytest.mark.parametrize(
    ("connector_id", "status"), [(1, "Faulted"), (1, "Unavailable"), (0, "Faulted")]
)
async def test_a_reservation_ends_when_its_connector_or_station_serves_nobody(
    station: PlayedStation,
    central: CentralSystem,
    reservations: Reservations,
    id_token: str,
    connector_id: int,
    status: str,
) -> None:
    """OCPP 1.6, 5.13; afterwards the connector is anybody's."""
    reservation_id = await reservations.make(id_token)
    elsewhere = await reservations.make(id_token, connector_id=2)
    await station.status(connector_id, status)
    ended = await reservations.becomes(reservation_id, "cancelled")
    assert (ended["reason"], ended["cancel_wanted_at"]) == (status.lower(), None)
    await reservations.becomes(elsewhere, "active" if connector_id == 1 else "cancelled")
    await station.status(connector_id, "Available")
    other = f"{id_token[:-1]}X"
    await central.operator.ensure_id_token(other)
    started = await station.start(other)
    assert await central.flags(started["transactionId"]) == []
    assert await reservations.becomes(reservation_id, "cancelled") == ended
    assert station.nothing_asked()


async def test_a_start_by_another_token_is_flagged(
    station: PlayedStation, central: CentralSystem, reservations: Reservations, id_token: str
) -> None:
    """The station enforces a reservation (5.13); where it did not, the token alone decides."""
    other = f"{id_token[:-1]}X"
    await central.operator.ensure_id_token(other)
    reservation_id = await reservations.make(id_token)
    started = await station.start(other)
    assert started["idTagInfo"] == ACCEPTED
    assert await central.flags(started["transactionId"]) == ["reservation_conflict"]
    assert (await reservations.becomes(reservation_id, "active"))["transaction_id"] is None
    await station.stop(started["transactionId"])
    kept = await central.completed(started["transactionId"])
    assert kept["flags"] == ["reservation_conflict"]


async def test_a_start_that_names_a_reservation_nobody_knows(
    station: PlayedStation, central: CentralSystem, reservations: Reservations, id_token: str
) -> None:
    """The token alone decides; the reservation that there is stays."""
    reservation_id = await reservations.make(id_token, connector_id=2)
    started = await station.start(id_token, reservation_id=2_000_000_001)
    assert started["idTagInfo"] == ACCEPTED
    await station.stop(started["transactionId"])
    assert (await central.completed(started["transactionId"]))["flags"] == []
    kept = await reservations.becomes(reservation_id, "active")
    assert kept["transaction_id"] is None
    assert len(await reservations.all()) == 1
    await central.nothing_is_parked()


async def test_a_reservation_under_the_same_id_replaces_the_older_one(
    station: PlayedStation, central: CentralSystem, reservations: Reservations, id_token: str
) -> None:
    """OCPP 1.6, 5.13."""
    payload = {
        "connectorId": 1,
        "expiryDate": at(seconds_ago=-3600),
        "idTag": id_token,
        "reservationId": 700_002,
    }
    await central.command(station, "ReserveNow", payload, ACCEPTED)
    (older,) = await eventually(reservations.all, bool, WITHIN_S)
    await central.command(station, "ReserveNow", {**payload, "connectorId": 2}, ACCEPTED)
    replaced = await reservations.becomes(older["reservation_id"], "cancelled")
    assert replaced["reason"] == "replaced"
    newer = (await reservations.all())[0]
    assert (newer["status"], newer["connector_id"]) == ("active", 2)
    started = await station.start(id_token, connector_id=2, reservation_id=700_002)
    used = await reservations.becomes(newer["reservation_id"], "used")
    assert used["transaction_id"] == started["transactionId"]
    assert (await reservations.becomes(older["reservation_id"], "cancelled"))[
        "reason"
    ] == "replaced"


async def test_a_reservation_of_a_negative_connector_is_refused_before_sending(
    station: PlayedStation, central: CentralSystem, reservations: Reservations, id_token: str
) -> None:
    payload = {
        "connectorId": -1,
        "expiryDate": at(seconds_ago=-3600),
        "idTag": id_token,
        "reservationId": 1,
    }
    await central.refused_before_sending("ReserveNow", payload, "/connectorId")
    assert await reservations.all() == []
    assert station.nothing_asked()
