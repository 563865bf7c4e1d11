"""The table of actions is complete, true to the schemas, and says what the design says."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from csms_shared.broker.topology import call_key
from csms_shared.ocpp import v16
from csms_shared.ocpp.action_row import EACH, Action, CallKind, FromStation, KeyedSecret
from csms_shared.ocpp.actions import (
    VERSIONS,
    actions,
    command_actions,
    commands,
    find_action,
    find_command,
    refusal_of_station_call,
    station_calls,
)
from csms_shared.ocpp.errors import RpcError
from csms_shared.ocpp.schemas import request_problems
from csms_shared.ocpp.versions import OCPP16

FOLDERS = {OCPP16: "v16"}
ROWS = [(version, row) for version in VERSIONS for row in actions(version).values()]
EVERY_ROW = pytest.mark.parametrize(
    ("version", "row"), ROWS, ids=[f"{version}.{row.name}" for version, row in ROWS]
)


def _schemas(version: str) -> Path:
    spec = importlib.util.find_spec("ocpp")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / FOLDERS[version] / "schemas"


def _schema(version: str, name: str) -> dict[str, Any]:
    document = json.loads((_schemas(version) / f"{name}.json").read_bytes())
    schema: dict[str, Any] = _resolved(document, document)
    return schema


def _resolved(node: object, document: dict[str, Any]) -> Any:
    """Return a schema with its definitions where they are referred to."""
    if isinstance(node, list):
        return [_resolved(child, document) for child in node]
    if not isinstance(node, dict):
        return node
    reference = node.get("$ref")
    schema: dict[str, Any] = node
    if isinstance(reference, str):
        schema = document["definitions"][reference.removeprefix("#/definitions/")]
    return {name: _resolved(child, document) for name, child in schema.items()}


def _at(schema: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """Return the schema of what is at a path of names and `EACH`."""
    for step in path:
        schema = schema["items"] if step == EACH else schema["properties"][step]
    return schema


@pytest.mark.parametrize("version", VERSIONS)
def test_every_action_of_the_schemas_has_one_row_in_alphabetical_order(version: str) -> None:
    named = {path.stem for path in _schemas(version).glob("*.json")}
    assert list(actions(version)) == sorted(name for name in named if not name.endswith("Response"))
    assert all(name == row.name for name, row in actions(version).items())


def test_every_action_has_a_constant() -> None:
    named = {name: value for name, value in vars(v16).items() if name.isupper() and name[0] != "_"}
    spelled = {"".join(word.title() for word in name.split("_")): name for name in named}
    for action in actions(OCPP16):
        assert named[spelled[action]] == action


@EVERY_ROW
def test_somebody_calls_it(version: str, row: Action) -> None:
    assert row.from_station is not None or row.to_station is not None
    assert find_action(version, row.name) is row
    assert station_calls(version).get(row.name) is row.from_station
    assert commands(version).get(row.name) is row.to_station is find_command(version, row.name)


@EVERY_ROW
def test_its_example_meets_its_schema(version: str, row: Action) -> None:
    assert request_problems(version, row.name, dict(row.example)) == []


@EVERY_ROW
def test_its_secrets_are_fields_of_its_schemas(version: str, row: Action) -> None:
    assert not (row.without_secrets and (row.secrets or row.secrets_in_answer))
    both: tuple[tuple[str, tuple[KeyedSecret, ...]], ...] = (
        (row.name, row.secrets),
        (f"{row.name}Response", row.secrets_in_answer),
    )
    for name, secrets in both:
        for secret in secrets:
            fields = _at(_schema(version, name), secret.path)["properties"]
            assert {secret.key, secret.value} <= set(fields)


@EVERY_ROW
def test_a_call_of_a_station_is_of_one_of_its_kinds(version: str, row: Action) -> None:
    if row.from_station is not None:
        assert row.from_station.kind_of(row.example) in row.from_station.kinds


@EVERY_ROW
def test_what_is_said_of_a_command_is_about_fields_of_its_schemas(
    version: str, row: Action
) -> None:
    command = row.to_station
    if command is None:
        return
    request, answer = _schema(version, row.name), _schema(version, f"{row.name}Response")
    fields, statuses = request["properties"], answer["properties"].get("status")
    if statuses is not None:
        assert command.yes <= set(statuses["enum"])
    assert set(command.at_least) <= set(fields)
    assert all("minimum" not in fields[field] for field in command.at_least)
    assert command.numbered == ("requestId" in fields)
    assert command.followed_with is None or (
        command.followed_by and command.followed_with in fields
    )
    if command.triggers:
        # The whitepaper's name for a SignCertificate.
        asked = set(fields["requestedMessage"]["enum"]) - {"SignChargePointCertificate"}
        assert asked <= set(station_calls(version))


def test_data_transfer_is_the_only_action_of_both_directions() -> None:
    assert set(station_calls(OCPP16)) & set(command_actions(OCPP16)) == {"DataTransfer"}
    assert len(station_calls(OCPP16)) == 14
    assert len(command_actions(OCPP16)) == 26


def test_a_start_is_decided_and_a_stop_is_reported() -> None:
    start, stop = (station_calls(OCPP16)[f"{name}Transaction"] for name in ("Start", "Stop"))
    assert (start.kinds, start.service) == ((CallKind.DECISION,), "session-service")
    assert (stop.kinds, stop.service) == ((CallKind.REPORT,), "session-service")


def test_a_pending_station_is_not_made_to_charge() -> None:
    waiting = {name for name, command in commands(OCPP16).items() if not command.while_pending}
    assert waiting == {"RemoteStartTransaction", "RemoteStopTransaction"}


def test_what_reports_charging_is_known() -> None:
    of_session = {name for name, call in station_calls(OCPP16).items() if call.of_session}
    assert of_session == {"MeterValues", "StartTransaction", "StopTransaction"}
    before_boot = {name for name, call in station_calls(OCPP16).items() if call.before_boot}
    assert before_boot == {"DataTransfer", "Heartbeat", "StatusNotification"}


def test_an_action_whose_payload_decides_has_a_routing_key_for_each_kind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stop = station_calls(OCPP16)["StopTransaction"]
    either = FromStation(
        service=stop.service,
        kinds=(CallKind.REPORT, CallKind.DECISION),
        kind_of=lambda payload: CallKind.DECISION if payload else CallKind.REPORT,
    )
    monkeypatch.setattr(
        "csms_shared.broker.topology.station_calls",
        lambda _: {
            "TransactionEvent": either,
            "StopTransaction": station_calls(OCPP16)["StopTransaction"],
        },
    )
    assert call_key("ocpp201", "TransactionEvent", CallKind.REPORT) == (
        "ocpp201.TransactionEvent.report"
    )
    assert call_key("ocpp201", "TransactionEvent", CallKind.DECISION) == (
        "ocpp201.TransactionEvent.decision"
    )
    assert call_key("ocpp16", "StopTransaction", CallKind.REPORT) == "ocpp16.StopTransaction"


@pytest.mark.parametrize(
    ("name", "refusal"),
    [
        *((name, None) for name in station_calls(OCPP16)),
        ("Reset", RpcError.NOT_SUPPORTED),
        ("heartbeat", RpcError.NOT_IMPLEMENTED),
        ("Frobnicate", RpcError.NOT_IMPLEMENTED),
    ],
)
def test_calls_that_stations_do_not_make_are_told_apart_from_unknown_ones(
    name: str, refusal: RpcError | None
) -> None:
    assert refusal_of_station_call(OCPP16, name) is refusal


def test_an_unknown_version_has_no_rows() -> None:
    assert find_action("ocpp99", "Heartbeat") is None
    assert find_command("ocpp99", "Reset") is None
