from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx

from csms_simulator.check import settled_differences
from csms_simulator.ledger import Ledger
from csms_simulator.operator import Operator

START = {
    "connectorId": 1,
    "idTag": "Tag",
    "meterStart": 100,
    "timestamp": "2026-01-01T10:00:00.000Z",
}
STOP = {"transactionId": 7, "meterStop": 350, "timestamp": "2026-01-01T11:00:00.000Z"}
SAMPLED = [{"value": "200"}, {"value": "16.0", "measurand": "Current.Import", "phase": "L1"}]
METER_VALUES = {
    "connectorId": 1,
    "transactionId": 7,
    "meterValue": [{"timestamp": "2026-01-01T10:30:00Z", "sampledValue": SAMPLED}],
}
TRANSACTION = {
    "transaction_id": 7,
    "station_id": "S/1",
    "connector_id": 1,
    "id_token": "TAG",
    "status": "completed",
    "started_at": "2026-01-01T10:00:00.000Z",
    "stopped_at": "2026-01-01T11:00:00.000Z",
    "meter_start": 100,
    "meter_stop": 350,
    "energy_wh": 250,
}
REPORTED_VALUE = {
    "timestamp": "2026-01-01T10:30:00.000Z",
    "measurand": "Energy.Active.Import.Register",
    "value": 200.0,
    "unit": None,
    "phase": None,
    "context": None,
    "location": None,
    "raw": "200",
}
REPORTED_CURRENT = {
    **REPORTED_VALUE,
    "measurand": "Current.Import",
    "phase": "L1",
    "value": 16.0,
    "raw": "16.0",
}


def charged_ledger() -> Ledger:
    ledger = Ledger()
    for action, payload, response in (
        (
            "StartTransaction",
            START,
            {"transactionId": 7, "idTagInfo": {"status": "Accepted"}},
        ),
        ("MeterValues", METER_VALUES, {}),
        ("StopTransaction", STOP, {}),
    ):
        ledger.sent("S/1", action, payload)
        ledger.acknowledged("S/1", action, payload, response, 0.01)
    return ledger


def suite_reporting(
    transactions: Callable[[], list[dict[str, Any]]], values: list[dict[str, Any]]
) -> httpx.MockTransport:
    """Answer as REST does, one meter value per page."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/v1/auth/token":
            return httpx.Response(200, json={"access_token": "secret"})
        assert request.headers["Authorization"] == "Bearer secret"
        if request.url.path == "/api/v1/transactions":
            assert request.url.params["station_id"] == "S/1"
            return httpx.Response(200, json={"items": transactions(), "next_cursor": None})
        first = int(request.url.params.get("cursor", "0"))
        following = str(first + 1) if first + 1 < len(values) else None
        page = {"items": values[first : first + 1], "next_cursor": following}
        return httpx.Response(200, json=page)

    return httpx.MockTransport(answer)


async def differences(transport: httpx.MockTransport, since: datetime | None = None) -> list[str]:
    operator = Operator("http://suite", "admin", "password", transport=transport)
    async with operator:
        found = await settled_differences(operator, charged_ledger(), within=0.6, since=since)
    return [str(difference) for difference in found]


async def test_what_rest_reports_page_after_page_matches_the_promise() -> None:
    values = [REPORTED_VALUE, REPORTED_CURRENT]
    assert await differences(suite_reporting(lambda: [TRANSACTION], values)) == []


async def test_a_record_that_appears_late_is_waited_for() -> None:
    answers = iter([[], [TRANSACTION]])
    transport = suite_reporting(lambda: next(answers), [REPORTED_VALUE, REPORTED_CURRENT])
    assert await differences(transport) == []


async def test_a_meter_value_that_never_appears_is_lost() -> None:
    found = await differences(suite_reporting(lambda: [TRANSACTION], [REPORTED_VALUE]))
    assert [text.split(":")[0] for text in found] == ["lost"]


async def test_a_suite_that_does_not_answer_is_a_difference() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/v1/auth/token":
            return httpx.Response(200, json={"access_token": "secret"})
        return httpx.Response(503)

    found = await differences(httpx.MockTransport(refuse))
    assert [text.split(":")[0] for text in found] == ["unreachable"]
