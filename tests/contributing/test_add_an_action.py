"""A call that OCPP does not have, added by what CONTRIBUTING.md says of it and nothing else."""

import asyncio
import json
import re
from pathlib import Path

import httpx
import pytest

from csms_local.suite import start_suite
from csms_simulator.operator import Operator
from tests.admitted import admitted
from tests.contributing.copied_tree import ROOT, CopiedTree
from tests.integration.waiting import eventually
from tests.plain_http import NO_AUTHORITIES

ACTION = "DoorNotification"
ROWS = "shared/src/csms_shared/ocpp/v16.py"
REGISTRY = "services/station-registry/src/station_registry"
EDGE, ROUTES = f"{REGISTRY}/ocpp/v16/security_events.py", f"{REGISTRY}/routes.py"

_SCHEMA = """{
    "$schema": "http://json-schema.org/draft-04/schema#",
    "title": "DoorNotificationRequest",
    "type": "object",
    "properties": {"door": {"type": "string", "maxLength": 20}},
    "additionalProperties": false,
    "required": ["door"]
}"""
_ANSWER_SCHEMA = """{
    "$schema": "http://json-schema.org/draft-04/schema#",
    "title": "DoorNotificationResponse",
    "type": "object",
    "properties": {},
    "additionalProperties": false
}"""

_CONSTANT = f'\nDOOR_NOTIFICATION: Final = "{ACTION}"'
_ROW = """
    Action(
        name=DOOR_NOTIFICATION,
        example={"door": "front"},
        from_station=_reported(_REGISTRY),
    ),"""
_READER = """


def read_door(payload: Mapping[str, Any]) -> ReportedEvent:
    \"\"\"Read that a door was opened.\"\"\"
    return ReportedEvent(type="DoorOpened", station_time=None, detail=fit(payload["door"], 20))
"""
_ROUTE = """
        (OCPP16, ocpp16.DOOR_NOTIFICATION): CallRoute(
            of_payload(v16.security_events.read_door), note_security_events
        ),"""


def _add(tree: CopiedTree) -> None:
    tree.add_schema("v16", ACTION, _SCHEMA)
    tree.add_schema("v16", f"{ACTION}Response", _ANSWER_SCHEMA)
    tree.add_after(
        ROWS,
        'DIAGNOSTICS_STATUS_NOTIFICATION: Final = "DiagnosticsStatusNotification"',
        _CONSTANT,
        "\n_ROWS = (",
        _ROW,
    )
    tree.add_after(EDGE, 'detail=fit(payload.get("techInfo"), 255),\n    )\n', _READER)
    tree.add_after(ROUTES, "MessageType.REFUSALS: MessageRoute(note_refusals),", _ROUTE)


def _named_files() -> list[re.Pattern[str]]:
    """Return the files that the page names for a call of stations, in its order."""
    page = (ROOT / "CONTRIBUTING.md").read_text()
    section = page.split("## Add an action of OCPP", 1)[1].split("**A command to stations**")[0]
    paths = re.findall(r"^\d\. `([^`]+)`", section, re.MULTILINE)
    return [re.compile(re.sub(r"<[^>]*>", "[^/]+", path)) for path in paths]


@pytest.mark.long
async def test_a_made_up_call_is_stored_and_shown_after_a_change_of_the_named_files(
    tmp_path: Path, station_id: str
) -> None:
    tree = CopiedTree(tmp_path / "tree")
    _add(tree)
    named = _named_files()
    assert len(named) == len(tree.changed) == 3
    assert all(any(name.fullmatch(path) for path in tree.changed) for name in named)

    env = {"CSMS_FSYNC": "off", "CSMS_MIN_PASSWORD_LENGTH": "8"}
    with start_suite(tmp_path / "suite", env, programs=tree.programs()) as suite:
        run = suite.state()
        async with admitted(f"{run.ocpp_url}/{station_id}") as socket:
            for message_id, action, payload in (
                ("1", "BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"}),
                ("2", ACTION, {"door": "front"}),
                ("3", ACTION, {"door": 1}),
            ):
                await socket.send(json.dumps([2, message_id, action, payload]))
            async with asyncio.timeout(60):
                answers = [json.loads(await socket.recv()) for _ in range(3)]
        assert [3, "2", {}] in answers
        assert [answer[2] for answer in answers if answer[0] == 4] == ["TypeConstraintViolation"]

        plain = httpx.AsyncHTTPTransport(verify=NO_AUTHORITIES)
        async with Operator(run.rest_url, run.admin_username, run.admin_password, plain) as admin:
            events = await eventually(
                lambda: admin.items("/security-events", station_id=station_id), bool
            )
            messages = await eventually(
                lambda: admin.items(f"/stations/{station_id}/messages", action=ACTION), bool
            )
        assert [(event["type"], event["detail"]) for event in events] == [("DoorOpened", "front")]
        assert {message["action"] for message in messages} == {ACTION}
