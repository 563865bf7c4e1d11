"""What is read of the ends of commands about the configuration."""

from uuid import UUID

from csms_shared.contracts.orders import CompletedCommand
from station_registry.ocpp.v16.configuration import read_change


def test_what_no_column_holds_is_left_out_of_a_changed_key_and_its_value() -> None:
    end = read_change(
        CompletedCommand(
            command_id=UUID(int=1),
            station_id="S1",
            action="ChangeConfiguration",
            payload={"key": "Odd\0Key", "value": "1\0"},
            status="completed",
            accepted=True,
            response={"status": "Accepted"},
            created_by="session-service",
            created_at="2026-11-20T08:00:00Z",
            completed_at="2026-11-20T08:00:05Z",
            deadline="2026-11-20T08:01:00Z",
        )
    )
    assert (end.key, end.value) == ("OddKey", "1")
