"""Hooks of schemathesis: what a request needs beyond its schema, and what it must leave alone.

JSON Schema says nothing of what is there, of the time that it is, or of one value beside another.
A valid request is given that here, so that it gets further than to be told so: each rule names
what it stands for, and none touches a part that schemathesis has made invalid on purpose.
"""

import atexit
import copy
import json
import os
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

import schemathesis
from schemathesis import Case, CheckContext, HookContext, Response
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import CoveragePhaseData, CoverageScenario, TestPhase

from csms_shared.values.tenants import DEFAULT_TENANT
from tests.rest.charging_rules import consistent_profile
from tests.rest.furnished_suite import PASSWORD, TARIFF, Furniture, Name

_API = "/api/v1"
_THERE = Furniture(**json.loads(Path(os.environ["REST_FURNITURE"]).read_text()))
_IS_LONG = bool(os.environ.get("REST_CASES"))
_CHANGING = ("PATCH", "PUT", "DELETE")
_LOG_INS = (f"{_API}/auth/token", f"{_API}/auth/session")
# Nothing has this name, and it may stand for any id.
_NOTHING = "00000000-0000-7000-8000-000000000000"
# Parameters that take what a page of a list has, and where it has that.
_CURSORS = {"changed_after": "changes", "cursor": "next_cursor"}
# The fields that name what a request makes, or makes anew.
_NAMED_BY = {
    f"{_API}/sites": "site_id",
    f"{_API}/stations": "station_id",
    f"{_API}/id-tokens": "id_token",
    f"{_API}/users": "username",
    f"{_API}/api-keys": "name",
    f"{_API}/configuration-templates": "name",
    f"{_API}/configuration-templates/{{template_id}}": "name",
}
_LONGEST_NAME = 64
_TARGETS = ("target", "id_token", "group_id", "station_id", "tag", "site_id")
_VENDOR = {"vendor": "Vendor", "model": "Model", "firmware_version": "1.2.3"}
# What the station that is away is, and where it stands.
_STANDS = {**_VENDOR, "site_id": _THERE.known["site_id"][0], "tag": "tagged"}
_numbers = count()
_cursors: dict[tuple[str, str], str] = {}
_answers: dict[str, Counter[int]] = defaultdict(Counter)
atexit.register(lambda: Path(os.environ["REST_ANSWERS"]).write_text(json.dumps(_answers)))

Body = dict[str, Any]


@schemathesis.hook
def filter_case(context: HookContext, case: Case[Any]) -> bool:
    """In a short run, try what all commands share on one of them.

    One route takes every action (`command_api.http.routes.commands.create_command`), so what their
    paths, queries, headers and methods may be is one description and one code. Bodies are tried of
    each.
    """
    data = None if case.meta is None else case.meta.phase.data
    is_command = "/{station_id}/commands/" in case.path and not case.path.endswith("/Reset")
    if _IS_LONG or not is_command or not isinstance(data, CoveragePhaseData):
        return True
    of_body = data.parameter_location in (None, ParameterLocation.BODY)
    return of_body and data.scenario is not CoverageScenario.UNSPECIFIED_HTTP_METHOD


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    """Change the request before it is sent."""
    if _is_valid(case, ParameterLocation.PATH):
        _name_what_is_there(case)
    _spare_the_run(case)
    if _is_valid(case, ParameterLocation.QUERY):
        _give_query(case)
    if _is_valid(case, ParameterLocation.HEADER) and "Idempotency-Key" in case.headers:
        # A key stands for one request: with another one it is 422.
        key = f"{case.headers['Idempotency-Key'][:200]}-{next(_numbers)}"
        case.headers["Idempotency-Key"] = key
    if _is_valid(case, ParameterLocation.HEADER) and "Last-Event-ID" in case.headers:
        case.headers["Last-Event-ID"] = "0"
    if _is_valid(case, ParameterLocation.BODY) and isinstance(case.body, dict):
        _give_body(case)


@schemathesis.hook
def after_call(context: HookContext, case: Case[Any], response: Response) -> None:
    """Count the answer; keep the cursors of a page, to ask with them."""
    _answers[case.operation.label][response.status_code] += 1
    if response.status_code == 200 and "next_cursor" in (response.text or ""):
        page = json.loads(response.text or "")
        for parameter, field in _CURSORS.items():
            if page.get(field) is not None:
                _cursors[_list_of(case, parameter)] = page[field]


if os.environ.get("REST_ROLE") == "viewer":

    @schemathesis.check
    def viewers_change_nothing(ctx: CheckContext, response: Response, case: Case[Any]) -> None:
        """Only reads succeed."""
        reads = case.method == "GET" or case.path in _LOG_INS
        assert reads or response.status_code >= 400, response.status_code


def _is_valid(case: Case[Any], location: ParameterLocation) -> bool:
    return case.meta is None or not case.meta.is_negative_at(location)


# Names of things


def _name_what_is_there(case: Case[Any]) -> None:
    """Name what exists, but in a chain of requests, which names what its requests have made.

    Every fourth name stays as it was drawn: of nothing, or of what another request has made. What
    is deleted is spare, or drawn.
    """
    chained = case.meta is not None and case.meta.phase.name is TestPhase.STATEFUL
    if chained:
        return
    if case.method == "DELETE":
        case.path_parameters.update(
            {name: ids[0] for name, ids in _THERE.spare.items() if name in case.path_parameters}
        )
        return
    number = next(_numbers)
    if number % 4 == 3:
        return
    for name in case.path_parameters:
        known = _there(case, name)
        if known:
            case.path_parameters[name] = known[number % len(known)]


def _there(case: Case[Any], name: str) -> list[Name]:
    if name == "item_id" and not case.path.startswith(f"{_API}/quarantine"):
        return []
    known = _THERE.known.get(name, [])
    match case.path.rpartition("/")[2]:
        case "delete":
            return [_THERE.trusting]
        # What has ended in one way can't end in the other.
        case "dismiss" | "cancel" if name in ("item_id", "rollout_id"):
            return known[:1]
        case "reconcile" | "pause" | "resume":
            return known[1:2]
        case "close" | "sync" | "cancel":
            return _THERE.changed.get(name, known)
    return _THERE.changed.get(name, known) if case.method in _CHANGING else known


def _spare_the_run(case: Case[Any]) -> None:
    """Let nothing change or delete whoever asks, or what later requests are to find."""
    if case.method not in _CHANGING:
        return
    for name, value in case.path_parameters.items():
        given = unquote(str(value))
        if name == "station_id" and given == _THERE.answering:
            case.path_parameters[name] = _THERE.away
        if name == "username" and given in (_THERE.admin, _THERE.user):
            case.path_parameters[name] = _THERE.changed["username"][0]
        if name == "tenant_id" and given == DEFAULT_TENANT:
            case.path_parameters[name] = _THERE.changed["tenant_id"][0]
        if name == "key_id" and given == _THERE.key_id:
            case.path_parameters[name] = _NOTHING
    if case.method == "DELETE" and "/local-list" not in case.path:
        for name, value in case.path_parameters.items():
            if unquote(str(value)) in map(str, _needed(name)):
                case.path_parameters[name] = _NOTHING


def _needed(name: str) -> list[Name]:
    return [*_THERE.known.get(name, []), *_THERE.changed.get(name, [])]


# Queries


def _give_query(case: Case[Any]) -> None:
    for parameter in [name for name in _CURSORS if name in case.query]:
        # Only what a list has given is a cursor of it.
        cursor = _cursors.get(_list_of(case, parameter))
        if cursor is None:
            del case.query[parameter]
        else:
            case.query[parameter] = cursor
    if "hold_until" in case.query:
        case.query["hold_until"] = _in_an_hour()
        # It has not ended as long as the station is away.
        case.query["wait"] = 0
    if case.path.startswith(f"{_API}/events") and "after" in case.query:
        # No event has a position that is drawn.
        case.query["after"] = 0
    if case.path == f"{_API}/tariff-assignments":
        # An assignment has one target.
        for name in [name for name in _TARGETS if name in case.query][1:]:
            del case.query[name]
    if case.path == f"{_API}/events":
        # A stream of what does not happen has no first event.
        case.query["station_id"] = _THERE.trusting
        if "type" in case.query:
            case.query["type"] = "connector.status_changed"


def _list_of(case: Case[Any], parameter: str) -> tuple[str, str]:
    """Name the list; that of changes is in another order, and has other pages."""
    is_changes = parameter == "cursor" and "changed_after" in (case.query or {})
    return case.operation.label, f"{parameter} of changes" if is_changes else parameter


# Bodies


def _give_body(case: Case[Any]) -> None:
    body: Body = copy.deepcopy(cast("Body", case.body))
    field = _NAMED_BY.get(case.path)
    if field is not None and next(_numbers) % 2:
        # Of two things of the same name, the second is 409.
        body[field] = f"{(body.get(field) or '')[:200]}-{next(_numbers)}"[-_LONGEST_NAME:]
    if case.path == f"{_API}/tenants" and next(_numbers) % 2:
        body["tenant_id"] = f"tenant-{next(_numbers)}"
    if case.path.endswith("/tenant"):
        # One that has room, and the station stays where later requests look for it.
        body["tenant_id"] = DEFAULT_TENANT
    if "hold_until" in body and body["hold_until"] is not None:
        body["hold_until"] = _in_an_hour()
    if case.path.startswith(f"{_API}/stations"):
        body = _described(case, body)
    if "/bulk/" in case.path:
        body = _bulk(body)
    elif case.path.startswith(f"{_API}/stations/"):
        body = _for_a_station(case, body)
    elif case.path.startswith(f"{_API}/tariffs"):
        body = _tariff(body)
    elif case.method == "POST" and case.path in _BODIES:
        body = _BODIES[case.path](body)
    elif case.path.startswith(f"{_API}/sites"):
        body = _site(body)
    elif case.path.startswith(f"{_API}/configuration-templates"):
        body = _template(body)
    elif case.path.endswith("/reconcile") and _is_valid(case, ParameterLocation.PATH):
        # The item must be of the station that the transaction is of.
        case.path_parameters["item_id"] = _THERE.known["item_id"][1]
        body["transaction_id"] = _THERE.unfinished
    if body != case.body:
        case.body = body


def _for_a_station(case: Case[Any], body: Body) -> Body:
    action = case.path.rpartition("/")[2]
    if action in ("SetChargingProfile", "RemoteStartTransaction"):
        is_charging = case.path_parameters.get("station_id") == _THERE.answering
        return consistent_profile(action, body, is_charging=is_charging)
    if action in ("diagnostics-jobs", "log-jobs"):
        return _in_order(body)
    if case.path.endswith("/certificates/delete"):
        # A root certificate is named by the serial number of one that the station has.
        return {**body, "serial_number": _THERE.known["serial_number"][0]}
    if action == "firmware-jobs":
        return _firmware(body)
    return body


def _for_many(body: Body) -> Body:
    """What is sent is a command, to stations that are there."""
    named = {name: given for name, given in body["to"].items() if given is not None}
    to = {name: [_THERE.away] if name == "station_ids" else _STANDS[name] for name in named}
    return {**body, "action": "Reset", "payload": {"type": "Soft"}, "to": to}


def _bulk(body: Body) -> Body:
    """Act on nothing that other requests are to find, and begin where every action does."""
    body.pop("cursor", None)
    if body.get("transaction_id") is not None:
        body["transaction_id"] = _THERE.unfinished
    if not body.get("dry_run"):
        body["station_id"] = _NOTHING
    return body


def _in_order(body: Body) -> Body:
    """A period ends after it begins."""
    begin, end = _moment(body.get("from")), _moment(body.get("to"))
    if begin is not None and end is not None and end < begin:
        return {**body, "from": body["to"], "to": body["from"]}
    return body


def _firmware(body: Body) -> Body:
    """Nothing is installed before it is retrieved."""
    if body.get("install_at") is not None:
        return {**body, "retrieve_at": body["install_at"]}
    return body


def _rollout(body: Body) -> Body:
    """A rollout is to stations that are there."""
    body = _firmware(body)
    if body.get("station_ids") is not None:
        body["station_ids"] = [_THERE.away]
    if body.get("filter") is not None:
        body["filter"] = {name: given and _STANDS[name] for name, given in body["filter"].items()}
    return body


def _reservation(body: Body) -> Body:
    """A reservation is of a station that is there, and ends in the future."""
    ends = _moment(body["expires_at"])
    if ends is None or ends < datetime.now(UTC):
        body["expires_at"] = _in_an_hour()
    return {**body, "station_id": _THERE.answering}


def _replay(body: Body) -> Body:
    """A replay that begins after a position begins after one that there is."""
    return body if body.get("after") is None else {**body, "after": 0}


def _tariff(body: Body) -> Body:
    """What holds between the fields of a tariff, no schema says; no session lasts for ages."""
    if "tariff" in body:
        return {**body, "tariff": TARIFF}
    return {**body, "stopped_at": body["started_at"], "version": 1}


def _assignment(body: Body) -> Body:
    """A tariff that is there is assigned, until it is not any more."""
    if body.get("valid_from") is not None:
        body.pop("valid_to", None)
    return {**body, "tariff_id": _THERE.known["tariff_id"][0]}


def _template(body: Body) -> Body:
    """A template names stations that are there, and each key once, whatever its case."""
    keys = {name.strip().casefold(): name for name in body["values"]}
    body["values"] = {name: body["values"][name] for name in keys.values()}
    if body.get("station_ids"):
        body["station_ids"] = [_THERE.away]
    if body.get("site_ids"):
        body["site_ids"] = [_THERE.known["site_id"][0]]
    return body


def _described(case: Case[Any], body: Body) -> Body:
    """A station stands at a site that is there; one that is there goes on being found by both."""
    changes = case.method == "PATCH"
    if "site_id" in body and (changes or body["site_id"] is not None):
        body["site_id"] = _STANDS["site_id"]
    if changes and body.get("tags") is not None:
        body["tags"] = [*body["tags"][:10], _STANDS["tag"]]
    return body


def _site(body: Body) -> Body:
    """A place has both coordinates or none."""
    both = ("latitude", "longitude")
    unknown = [body[name] is None for name in both if name in body]
    if unknown in ([True, True], [False, False]):
        return body
    return {name: value for name, value in body.items() if name not in both}


def _log_in(body: Body) -> Body:
    """Every second log-in is of somebody who is known."""
    known = {"username": _THERE.user, "password": PASSWORD}
    return body if next(_numbers) % 2 else {**body, **known}


_BODIES: dict[str, Callable[[Body], Body]] = {
    **dict.fromkeys(_LOG_INS, _log_in),
    f"{_API}/command-groups": _for_many,
    f"{_API}/events/replays": _replay,
    f"{_API}/firmware-rollouts": _rollout,
    f"{_API}/reservations": _reservation,
    f"{_API}/tariff-assignments": _assignment,
}


def _in_an_hour() -> str:
    return (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text.upper())
