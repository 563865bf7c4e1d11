"""Who may connect, and what those who may not are told."""

import asyncio
import base64
from typing import Any

import pytest
from gateway_fakes.running import RunningGateway
from gateway_fakes.waiting import until
from prometheus_client import REGISTRY
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from csms_shared.broker.topology import SESSION_SERVICE, STATION_REGISTRY


def _refusals(reason: str) -> float:
    return REGISTRY.get_sample_value("csms_gateway_refusals_total", {"reason": reason}) or 0.0


async def _refused(url: str, **options: Any) -> InvalidStatus:
    options.setdefault("subprotocols", [Subprotocol("ocpp1.6")])
    with pytest.raises(InvalidStatus) as refusal:
        await connect(url, compression=None, **options)
    return refusal.value


async def _raw(port: int, sent: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    await writer.drain()
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    return answer


def _basic(user: str, password: str) -> dict[str, str]:
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {token}"}


async def test_a_refusal_that_this_version_has_no_name_for_asks_the_station_to_come_again(
    running: RunningGateway,
) -> None:
    running.services.newer["N-1"] = "quarantined_certificate"
    before = _refusals("unknown_outcome")
    refused = await _refused(f"{running.url}/N-1")
    assert refused.response.status_code == 503
    assert "Retry-After" in refused.response.headers
    assert _refusals("unknown_outcome") == before + 1


async def test_an_unknown_station_gets_404_and_is_told_of(running: RunningGateway) -> None:
    running.services.unknown.add("U-1")
    before = _refusals("unknown_station")
    assert (await _refused(f"{running.url}/U-1")).response.status_code == 404
    assert _refusals("unknown_station") == before + 1
    await running.services.until(lambda: running.services.refusals)
    refusal = running.services.refusals[0]
    assert (refusal.station_id, refusal.reason, refusal.http_status) == (
        "U-1",
        "unknown_station",
        404,
    )


async def test_a_station_of_a_suspended_tenant_gets_403_until_it_is_active(
    running: RunningGateway,
) -> None:
    running.services.tenants["T-1"] = "north"
    running.services.suspended.add("north")
    before = _refusals("tenant_suspended")
    # However often it comes: nothing is wrong with how it does, so that it is not made to wait.
    for _ in range(6):
        assert (await _refused(f"{running.url}/T-1")).response.status_code == 403
    assert _refusals("tenant_suspended") == before + 6
    await running.services.until(lambda: running.services.refusals)
    refusal = running.services.refusals[0]
    assert (refusal.station_id, refusal.reason, refusal.http_status) == (
        "T-1",
        "tenant_suspended",
        403,
    )
    running.services.suspended.clear()
    await running.station("T-1")


async def test_each_call_names_the_tenant_that_the_claims_answer_named(
    running: RunningGateway,
) -> None:
    running.services.tenants["T-1"] = "north"
    for station_id in ("T-1", "T-2"):
        station = await running.station(station_id)
        await station.call("Authorize", {"idTag": "A"})
        await station.call("StatusNotification", {
            "connectorId": 1, "errorCode": "NoError", "status": "Available"
        })  # fmt: skip
    services = running.services
    await services.until(lambda: len(services.calls) >= 4)
    assert {(call.station_id, call.action, call.tenant_id) for call in services.calls} == {
        (station_id, action, tenant_id)
        for station_id, tenant_id in (("T-1", "north"), ("T-2", "default"))
        for action in ("Authorize", "StatusNotification")
    }


async def test_a_password_is_wanted_and_checked_in_both_forms(running: RunningGateway) -> None:
    running.services.passwords["P-1"] = b"0123456789abcdef"
    url = f"{running.url}/P-1"
    refused = await _refused(url)
    assert refused.response.status_code == 401
    assert refused.response.headers["WWW-Authenticate"].startswith("Basic")
    wrong = await _refused(url, additional_headers=_basic("P-1", "wrong"))
    assert wrong.response.status_code == 401
    right = await running.station("P-1", additional_headers=_basic("P-1", "0123456789abcdef"))
    await right.socket.close()


async def test_a_strict_station_that_offers_no_subprotocol_gets_400_and_is_told_of(
    running: RunningGateway,
) -> None:
    running.services.strict.add("V-1")
    before = _refusals("missing_subprotocol")
    refused = await _refused(f"{running.url}/V-1", subprotocols=None)
    assert refused.response.status_code == 400
    assert b"Sec-WebSocket-Protocol" in (refused.response.body or b"")
    assert _refusals("missing_subprotocol") == before + 1
    await running.services.until(lambda: running.services.refusals)
    refusal = running.services.refusals[0]
    assert (refusal.station_id, refusal.reason) == ("V-1", "missing_subprotocol")
    correct = await running.station("V-1")
    await correct.socket.close()


async def test_any_other_station_that_offers_no_subprotocol_is_served_and_counted(
    running: RunningGateway,
) -> None:
    station = await running.station("V-2", subprotocols=None)
    assert station.socket.response is not None
    assert "Sec-WebSocket-Protocol" not in station.socket.response.headers
    assert (await station.call("Heartbeat", {}))[0] == 3
    await running.services.until(
        lambda: running.services.tolerated("V-2") == {"missing_subprotocol": 1}
    )
    await station.socket.close()


async def test_what_is_no_station_is_refused_with_its_reason(running: RunningGateway) -> None:
    root = running.url.removesuffix("/ocpp")
    assert (await _refused(f"{root}/elsewhere/S")).response.status_code == 404
    unsupported = await _refused(f"{running.url}/S", subprotocols=[Subprotocol("ocpp9.9")])
    assert unsupported.response.status_code == 400
    port = running.gateway.port
    before = _refusals("no_upgrade")
    no_connection_header = (
        b"GET /ocpp/S HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    assert b" 426 " in (await _raw(port, no_connection_header)).splitlines()[0]
    assert _refusals("no_upgrade") == before + 1
    before = _refusals("tls_on_plain_port")
    await _raw(port, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 TLS hello\r\n\r\n")
    await until(lambda: _refusals("tls_on_plain_port") == before + 1)
    assert running.services.calls == []


@pytest.mark.parametrize(
    ("sent", "status", "told"),
    [
        (b"hello\r\n\r\n", b"400", b"invalid HTTP request line: hello"),
        (b"GET /ocpp/S HTTP/1.1\r\nX-A: \x08\r\n\r\n", b"400", b"invalid HTTP header value"),
        (b"GET /ocpp/S HTTP/1.1\r\n" + b"X-A: y\r\n" * 200, b"431", b"no more than 128 headers"),
    ],
    ids=["a word", "a control code in a header", "too many headers"],
)
async def test_what_is_no_http_request_is_told_so(
    running: RunningGateway, sent: bytes, status: bytes, told: bytes
) -> None:
    answer = await _raw(running.gateway.port, sent)
    head, body = answer.split(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %b " % status)
    assert b"Content-Length: %d\r\n" % len(body) in head
    assert told in body
    await running.services.until(lambda: running.services.refusals)
    assert [refusal.reason for refusal in running.services.refusals] == ["not_http"]


async def test_probes_are_answered_on_the_stations_port(running: RunningGateway) -> None:
    port = running.gateway.port
    assert b" 200 " in (await _raw(port, b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"))[:20]
    assert b" 200 " in (await _raw(port, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"))[:20]


@pytest.mark.parametrize("service", [STATION_REGISTRY, SESSION_SERVICE])
async def test_while_a_service_is_silent_upgrades_get_503_and_due_decisions_are_closed(
    running: RunningGateway, service: str
) -> None:
    idle = await running.station("I-1")
    station = await running.station("I-2")
    running.services.silent.add(service)
    action, payload = (
        ("Authorize", {"idTag": "T"})
        if service == SESSION_SERVICE
        else ("DataTransfer", {"vendorId": "V"})
    )
    await station.socket.send(f'[2,"1","{action}",{str(payload).replace(chr(39), chr(34))}]')
    assert await station.closed() == 1012
    refused = await _refused(f"{running.url}/I-3")
    assert refused.response.status_code == 503
    assert int(refused.response.headers["Retry-After"]) > 0
    # Reports still flow: the broker takes them.
    assert idle.socket.close_code is None
    report = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
    assert await idle.call("StatusNotification", report) == [3, "1", {}]
    running.services.silent.clear()
    await running.until_ready()
    again = await running.station("I-2")
    await again.socket.close()
    await idle.socket.close()


async def test_the_newest_connection_of_a_station_wins(running: RunningGateway) -> None:
    old = await running.station("N-1")
    new = await running.station("N-1")
    assert await old.closed() == 1000
    assert (await new.call("Heartbeat", {}))[0] == 3
    await new.socket.close()


async def test_an_address_from_a_header_does_not_count_without_a_trusted_proxy(
    running: RunningGateway,
) -> None:
    running.services.unknown.add("A-1")
    await _refused(f"{running.url}/A-1", additional_headers={"X-Forwarded-For": "203.0.113.9"})
    await running.services.until(lambda: running.services.refusals)
    assert running.services.refusals[0].remote_address == "127.0.0.1"
