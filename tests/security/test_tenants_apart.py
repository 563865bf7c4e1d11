"""What one tenant has is, for another, as what there is not: every route, stream and event."""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Iterable
from functools import partial
from operator import ne
from typing import Any

import aio_pika
import httpx

from csms_local.run_state import RunState
from csms_shared.broker.topology import EVENTS
from csms_simulator.operator import Operator
from tests.integration.waiting import eventually
from tests.rest.furnished_suite import PASSWORD, Furniture
from tests.security.furnished_tenants import (
    askers,
    client,
    furnished_tenant,
    names,
    new_tenant,
    own_things,
)
from tests.security.named_requests import (
    COMMON,
    NUMBERS,
    Case,
    Document,
    Names,
    Pair,
    by_body,
    by_path,
    by_query,
    lists,
    reads,
)

Answer = tuple[int, str]
Event = dict[str, Any]

_VARYING = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)|fresh-\d+"
    r'|"(changes|key|key_prefix|queue)":"[^"]*"|"(station_)?reservation_id":\d+'
    # Positions grow with what happens, versions of a tariff with each change.
    r'|"(position|until|events|version)":\d+'
    # How far a command to many stations has come; its end is looked at apart.
    r'|"status":"\w+","is_expanded":\w+,"commands":\{[^}]*\}|"completed_at":null'
)
# Where 404 is not the answer, or not to everybody: stations that there are not are refused too, and
# parked messages are the deployment's.
_NOT_404 = {r"/stations/[^/]+/refusals": 200, r"/parked/[^/]+(/replay)?": 403}
# What was not understood says nothing of what it names.
_NOT_UNDERSTOOD = ("validation_failed", "invalid_request", "payload_invalid")
# The deployment's, or what changes by itself: another one each time.
_NOT_KEPT = ("/status", "/overview", "/system", "/certificate-authority/crl")
# What a connected station and the time change by themselves.
_CHANGING = re.compile(
    r'"(last_seen_at|tolerated|start_at|attempts|tried_at|changes|cost)": ?(\{[^}]*\}|[^,}]*)'
)


async def test_another_tenants_things_are_answered_as_things_that_there_are_not(
    run: RunState, operator: Operator
) -> None:
    document = (await operator.http.get(f"{run.rest_url}/openapi.json")).json()
    async with _published(run) as events, furnished_tenant(run, operator) as (others, furniture):
        theirs = await names(others, run, furniture)
        await _has_all(others, document, theirs, furniture)
        before = await _settled(others, document, theirs, furniture.trusting)
        for headers in await askers(operator):
            async with client(run, headers) as asking, own_things(run, asking) as own:
                markers = _markers(furniture, theirs)
                async with _nothing_is_told(asking, others, furniture, own, markers):
                    await _shows_nothing(asking, document, theirs, markers)
                    await _goes_on_with_nothing(asking, others, document, theirs, own, markers)
                    await _are_there_no_such(asking, by_path(document, theirs, own))
                    await _are_alike(asking, by_query(document, theirs, own), 20)
                await _are_alike(asking, by_body(document, theirs, own), 60)
                await _leads_to_nothing(asking)
        after = await _kept(others, document, theirs, furniture.trusting)
        assert [(before[path], after[path]) for path in before if before[path] != after[path]] == []
        _are_told_to_their_tenant(events, others.headers["X-Tenant"], furniture, markers)


async def test_ids_that_are_unique_in_the_deployment_are_taken_as_ones_own_are(
    run: RunState, operator: Operator
) -> None:
    other = {"X-Tenant": await new_tenant(operator)}
    for headers in await askers(operator):
        async with client(run, headers) as asking:
            for path, name, body in (
                ("/stations", "station_id", {}),
                ("/users", "username", {"password": PASSWORD, "role": "viewer"}),
            ):
                theirs, own = (f"{who}-{headers.get('X-Tenant', 'key')}" for who in ("a", "b"))
                made = await operator.http.post(path, json={name: theirs, **body}, headers=other)
                assert made.status_code == 201, made.text
                made = await asking.post(path, json={name: own, **body})
                assert made.status_code == 201, made.text
                answers = [
                    await _answer(asking, Case("POST", path, {}, {name: id, **body}, (id,)), (id,))
                    for id in (theirs, own)
                ]
                assert answers[0] == answers[1]
                assert answers[0][0] == 409


async def test_tenants_are_no_business_of_each_other(run: RunState, operator: Operator) -> None:
    other = await new_tenant(operator)
    station_id = f"of-{other}"
    made = await operator.http.post(
        "/stations", json={"station_id": station_id}, headers={"X-Tenant": other}
    )
    assert made.status_code == 201, made.text
    by_key, acting = await askers(operator)
    async with client(run, by_key) as asking:
        for method, path, body in (
            ("GET", "/tenants/{}", None),
            ("PATCH", "/tenants/{}", {"name": "Taken"}),
            ("POST", "/tenants", {"tenant_id": "{}", "name": "Tenant"}),
            ("GET", "/tenants", None),
        ):
            await _alike_for(asking, method, path, body, (other, "nobody"), 403)
        for id in (other, "nobody"):
            refused = await asking.get("/sites", headers={"X-Tenant": id})
            assert (refused.status_code, refused.json()["code"]) == (404, "unknown_tenant")
    for headers, status in ((by_key, 403), (acting, 404)):
        async with client(run, headers) as asking:
            moved = {"tenant_id": "default"}
            path, ids = "/stations/{}/tenant", (station_id, "nobody")
            await _alike_for(asking, "PUT", path, moved, ids, status)
    shown = await operator.http.get(f"/tenants/{other}")
    assert shown.json()["name"] == "Tenant"


async def _alike_for(
    asking: httpx.AsyncClient,
    method: str,
    path: str,
    body: dict[str, str] | None,
    ids: tuple[str, str],
    status: int,
) -> None:
    cases = []
    for id in ids:
        filled = body and {name: value.format(id) for name, value in body.items()}
        cases.append(Case(method, path.format(id), {}, filled, (id,)))
    answers = [await _answer(asking, case, ids) for case in cases]
    assert answers[0] == answers[1], cases[0]
    assert answers[0][0] == status, (cases[0], answers)


# The other tenant's things


async def _has_all(
    others: httpx.AsyncClient, document: Document, theirs: Names, furniture: Furniture
) -> None:
    """See to it that everything that is asked for is there: the other's own are shown it."""
    for pair in by_path(document, theirs, theirs):
        if pair.theirs.method == "GET":
            shown = await others.get(pair.theirs.path, params=pair.theirs.query)
            assert shown.status_code == 200, (str(pair.theirs), shown.text)
    for pair in by_query(document, theirs, theirs):
        nothing = await _text(others, pair.nobodys)
        await eventually(partial(_text, others, pair.theirs), partial(ne, nothing), 60)


async def _text(asking: httpx.AsyncClient, case: Case) -> str:
    return (await asking.get(case.path, params=case.query)).text


async def _settled(
    others: httpx.AsyncClient, document: Document, theirs: Names, trusting: str
) -> dict[str, list[str]]:
    """Return what every read shows, once it shows the same twice."""
    readings: list[dict[str, list[str]]] = []

    async def read() -> list[dict[str, list[str]]]:
        readings.append(await _kept(others, document, theirs, trusting))
        return readings[-2:]

    return (await eventually(read, lambda two: two[0] == two[-1] and len(two) > 1, 60))[-1]


async def _kept(
    others: httpx.AsyncClient, document: Document, theirs: Names, trusting: str
) -> dict[str, list[str]]:
    """Return what every read shows, without the station that reports all the time."""
    found: dict[str, list[str]] = {}
    for path in reads(document):
        if path in _NOT_KEPT:
            continue
        filled = path.format(**COMMON | theirs)
        shown = await others.get(filled, params={"limit": 500, **_asked(path, theirs)})
        parts = [shown.text]
        if path in set(lists(document)):
            parts = [json.dumps(item) for item in shown.json()["items"]]
        found[path] = [_CHANGING.sub("", part) for part in parts if trusting not in part]
    return found


def _asked(path: str, theirs: Names) -> dict[str, Any]:
    if path.endswith("/composite-schedule"):
        return {"connector_id": 1}
    # The station that reports all the time soon fills every page of all stations' frames.
    return {"station_id": theirs["station_id"]} if path == "/messages" else {}


def _markers(furniture: Furniture, theirs: Names) -> list[str]:
    """Return what no answer to another tenant may hold."""
    known = [str(one) for many in furniture.known.values() for one in many]
    found = {*known, *theirs.values(), furniture.trusting, furniture.away, furniture.user}
    # Tenants are the deployment's; a number alone marks nothing, and neither do these words.
    found -= {str(one) for one in furniture.known["tenant_id"]}
    found -= {theirs[name] for name in ("vendor", "model", "firmware_version")}
    return [one for one in found if not one.isdigit()]


# What is asked


async def _are_there_no_such(asking: httpx.AsyncClient, pairs: Iterable[Pair]) -> None:
    """Ask for the other's things: each is answered, as what there is not, by 404."""
    asked = 0
    for pair in pairs:
        status = (await _alike(asking, pair))[0]
        others = [code for path, code in _NOT_404.items() if re.fullmatch(path, pair.theirs.path)]
        assert status in (404, *others), (str(pair.theirs), status)
        asked += 1
    assert asked > 80


async def _are_alike(asking: httpx.AsyncClient, pairs: Iterable[Pair], least: int) -> None:
    """Ask with the names of the other's things, which say nothing that no names would not."""
    asked = 0
    for pair in pairs:
        shown = (await _alike(asking, pair))[1]
        understood = not any(f'"code":"{code}"' in shown for code in _NOT_UNDERSTOOD)
        assert understood, (str(pair.theirs), shown)
        asked += 1
    assert asked >= least


async def _alike(asking: httpx.AsyncClient, pair: Pair) -> Answer:
    ids = (*pair.theirs.names, *pair.nobodys.names)
    theirs, nobodys = [await _answer(asking, case, ids) for case in (pair.theirs, pair.nobodys)]
    assert theirs == nobodys, str(pair.theirs)
    return theirs


async def _answer(asking: httpx.AsyncClient, case: Case, ids: Iterable[str]) -> Answer:
    """Return the answer without the ids and what is another one each time."""
    answer = await asking.request(case.method, case.path, params=case.query, json=case.body)
    assert answer.status_code < 500, (str(case), answer.text)
    shown = _VARYING.sub("VARIES", answer.text)
    for id in sorted(ids, key=len, reverse=True):
        shown = re.sub(rf"(?<![\w.-]){re.escape(id)}(?![\w.-])", "?", shown)
    return answer.status_code, shown


async def _shows_nothing(
    asking: httpx.AsyncClient, document: Document, theirs: Names, markers: list[str]
) -> None:
    """Read every list and figure: nothing of the other is in it."""
    paths = [path for path in reads(document) if "{" not in path]
    assert len(paths) > 15
    numbers = [f'"{name}":{theirs[name]},' for name in NUMBERS]
    for path in paths:
        shown = (await asking.get(path, params={"limit": 500})).text
        assert [one for one in (*markers, *numbers) if one in shown] == [], path


async def _goes_on_with_nothing(
    asking: httpx.AsyncClient,
    others: httpx.AsyncClient,
    document: Document,
    theirs: Names,
    own: Names,
    markers: list[str],
) -> None:
    """Go on where a page of the other's ended: there is nothing but one's own."""
    went_on = 0
    for path in lists(document):
        page = await others.get(path.format(**COMMON | theirs), params={"limit": 1})
        cursors = {
            "cursor": page.json()["next_cursor"],
            "changed_after": page.json().get("changes"),
        }
        for parameter, cursor in cursors.items():
            if cursor is not None:
                filled = path.format(**COMMON | theirs | own)
                shown = await asking.get(filled, params={parameter: cursor, "limit": 500})
                assert shown.status_code in (200, 403, 404), (path, shown.text)
                # What there is not is answered with its own name.
                text = shown.text if shown.is_success else shown.json()["code"]
                assert [one for one in markers if one in text] == [], path
                went_on += 1
    assert went_on > 15


async def _leads_to_nothing(asking: httpx.AsyncClient) -> None:
    """Wait for what was asked with the other's names to end: it reached no station of theirs."""

    async def groups() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await asking.get("/command-groups")).json()["items"]
        return found

    ended = await eventually(groups, lambda found: all(one["completed_at"] for one in found), 60)
    outcomes = []
    for group in ended:
        path = f"/command-groups/{group['command_group_id']}/commands"
        for command in (await asking.get(path)).json()["items"]:
            error = command["error"] and command["error"]["code"]
            outcomes.append((command["status"], error, command["response"]))
    assert len(outcomes) == 2
    assert outcomes[0] == outcomes[1]
    own = {one["station_id"] for one in (await asking.get("/stations")).json()["items"]}
    for template in (await asking.get("/configuration-templates")).json()["items"]:
        path = f"/configuration-templates/{template['template_id']}/drift"
        drifting = (await asking.get(path)).json()["items"]
        assert {one["station_id"] for one in drifting} <= own


# Streams and events


@contextlib.asynccontextmanager
async def _nothing_is_told(
    asking: httpx.AsyncClient,
    others: httpx.AsyncClient,
    furniture: Furniture,
    own: Names,
    markers: list[str],
) -> AsyncIterator[None]:
    """Listen to the events of both, and for those of a station that reports all the time."""
    heard: list[str] = []
    asked_for: list[str] = []
    told: list[str] = []
    only = {"station_id": furniture.trusting}
    async with asyncio.TaskGroup() as group:
        listening = [
            group.create_task(_listen(asking, heard)),
            group.create_task(_listen(asking, asked_for, only)),
            group.create_task(_listen(others, told, only)),
        ]
        yield

        async def seen() -> bool:
            return len(told) > 3 and any(own["station_id"] in line for line in heard)

        changed = await asking.patch(f"/stations/{own['station_id']}", json={"display_name": "x"})
        assert changed.status_code == 200, changed.text
        sent = await asking.post(f"/stations/{own['station_id']}/commands/ClearCache", json={})
        assert sent.status_code == 200, sent.text
        await eventually(seen, bool, 60)
        for task in listening:
            task.cancel()
    assert asked_for == []
    assert [line for line in heard if any(marker in line for marker in markers)] == []
    tenants = [{json.loads(line)["tenantid"] for line in lines} for lines in (heard, told)]
    assert [len(found) for found in tenants] == [1, 1]
    assert tenants[0] != tenants[1]


async def _listen(
    client: httpx.AsyncClient, lines: list[str], query: dict[str, str] | None = None
) -> None:
    async with client.stream("GET", "/events", params=query, timeout=None) as answer:
        assert answer.status_code == 200
        async for line in answer.aiter_lines():
            field, _, data = line.partition(":")
            lines += [data] if field == "data" else []


@contextlib.asynccontextmanager
async def _published(run: RunState) -> AsyncIterator[list[Event]]:
    """Keep every event that other systems are told."""
    events: list[Event] = []

    async def keep(message: aio_pika.abc.AbstractIncomingMessage) -> None:
        events.extend(json.loads(message.body))

    async with await aio_pika.connect(run.broker_url, timeout=10) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind(EVENTS, "#")
        await queue.consume(keep, no_ack=True)
        yield events


def _are_told_to_their_tenant(
    events: list[Event], tenant_id: str, furniture: Furniture, markers: list[str]
) -> None:
    """See whose each event is: what is told of the other's things is the other's."""
    stations = {furniture.answering, furniture.away, furniture.trusting, "LOCKED-admin"}
    # Ids that were made for things of theirs; names others may use too.
    ids = [marker for marker in markers if re.fullmatch(r"[0-9a-f-]{36}", marker)]
    owners = {
        event["tenantid"]
        for event in events
        if event["subject"] in stations or any(id in json.dumps(event["data"]) for id in ids)
        if not _is_of_no_station(event)
    }
    assert owners == {tenant_id}
    kinds = {event["type"] for event in events if event["tenantid"] == tenant_id}
    assert len(kinds) > 20, kinds
    assert all(event["tenantid"] for event in events)


def _is_of_no_station(event: Event) -> bool:
    """Tell whether this is the end of a command to a station that its tenant does not have."""
    error = event["data"].get("error")
    return isinstance(error, dict) and error["code"] == "UNKNOWN_STATION"
