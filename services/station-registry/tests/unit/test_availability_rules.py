"""What ChangeAvailability has set, whatever the order in which its ends come."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms_shared.contracts.orders import CompletedCommand
from csms_shared.values.times import format_time
from station_registry.availability.domain import SetAvailability, availability_of, newest_set
from station_registry.ocpp.v16.availability import read_availability

BEGIN = datetime(2026, 11, 21, tzinfo=UTC)


def taken(nth: int, connector_id: int, availability: str = "Inoperative") -> SetAvailability:
    sent_at = BEGIN + timedelta(seconds=nth)
    return SetAvailability("A", connector_id, availability, False, sent_at, UUID(int=nth))


def ended(
    response: dict[str, str] | None, accepted: bool | None, connector: float
) -> CompletedCommand:
    at = format_time(BEGIN)
    return CompletedCommand.model_validate(
        {
            "command_id": UUID(int=1),
            "station_id": "A",
            "action": "ChangeAvailability",
            "payload": {"connectorId": connector, "type": "Inoperative"},
            "status": "expired" if response is None else "completed",
            "accepted": accepted,
            "response": response,
            "created_by": "admin",
            "created_at": at,
            "completed_at": at,
            "deadline": at,
        }
    )


@pytest.mark.parametrize(
    ("set_", "connector_id", "shown"),
    [
        ([], 1, None),
        ([taken(1, 1)], 1, 1),
        ([taken(1, 1)], 2, None),
        ([taken(1, 1)], 0, None),
        ([taken(1, 0)], 1, 1),
        ([taken(1, 1), taken(2, 0)], 1, 2),
        ([taken(1, 0), taken(2, 1)], 1, 2),
        ([taken(1, 0), taken(2, 1)], 2, 1),
        ([taken(1, 0), taken(2, 1)], 0, 1),
    ],
)
def test_a_connector_shows_what_was_set_last_for_it_or_for_its_station(
    set_: list[SetAvailability], connector_id: int, shown: int | None
) -> None:
    found = availability_of(newest_set(set_), "A", connector_id)
    assert (None if found is None else found.command_id.int) == shown


@given(
    numbers=st.lists(st.tuples(st.integers(1, 9), st.integers(0, 2)), min_size=1),
    data=st.data(),
)
def test_the_last_command_counts_in_any_order_and_number(
    numbers: list[tuple[int, int]], data: st.DataObject
) -> None:
    commands = list({nth: taken(nth, connector) for nth, connector in numbers}.values())
    shuffled = data.draw(st.permutations(commands * 2))
    for command in commands:
        of_connector = [each for each in commands if each.key == command.key]
        last = max(of_connector, key=lambda each: each.sent_at)
        assert newest_set(shuffled)[command.key] == last


@pytest.mark.parametrize(
    ("response", "accepted", "connector", "expected"),
    [
        ({"status": "Accepted"}, True, 0, (0, False)),
        ({"status": "Scheduled"}, True, 1, (1, True)),
        ({"status": "Scheduled"}, True, 1.0, (1, True)),
        ({"status": "Rejected"}, False, 1, None),
        (None, None, 1, None),
        ({"status": "Accepted"}, True, 2**63 - 1, (2**63 - 1, False)),
        ({"status": "Accepted"}, True, 2**63, None),
        ({"status": "Accepted"}, True, 10**300, None),
    ],
)
def test_only_what_a_station_took_has_set_anything(
    response: dict[str, str] | None,
    accepted: bool | None,
    connector: float,
    expected: tuple[int, bool] | None,
) -> None:
    read = read_availability(ended(response, accepted, connector))
    assert (None if read is None else (read.connector_id, read.scheduled)) == expected
