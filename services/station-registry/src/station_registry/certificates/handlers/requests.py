"""Stations that ask for a certificate (security whitepaper, A02 and A03), in batches.

Accepted says that the request is sound and will be signed; the signing itself happens after the
commit (`signing`), because it may take longer than a station waits.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.events import event_id
from csms_shared.contracts.read_calls import Answer, Call, answer
from csms_shared.runtime.clock import now_ms
from csms_shared.values.texts import fit
from station_registry.certificates.domain.deliveries import RequestStatus
from station_registry.certificates.domain.requests import (
    CSR_MAX_CHARS,
    AskingStation,
    Refused,
    SigningPolicy,
    SigningRequest,
    decide_request,
)
from station_registry.certificates.store import requests as certificate_requests
from station_registry.certificates.store.requests import AskedRequest
from station_registry.security_events.domain import (
    CERTIFICATE_REQUEST_REFUSED,
    SecurityEvent,
    detected,
)
from station_registry.security_events.handlers import record_security_events

SigningNow = Callable[[AsyncConnection], Awaitable[SigningPolicy]]


async def sign_certificate(
    connection: AsyncConnection, calls: Sequence[Call[str]], signing: SigningNow
) -> list[Answer[RequestStatus]]:
    """Decide on requests that can still be answered; one seen before is answered as it was.

    The value of a call is its certificate signing request, in PEM.
    """
    now = now_ms()
    asked = [call for call in calls if call.deadline_ms > now]
    if not asked:
        return []
    stations = await certificate_requests.lock_asking(
        connection, {call.station_id for call in asked}
    )
    answered = await certificate_requests.answered(connection, {request_id(call) for call in asked})
    policy = await signing(connection)
    rows: list[AskedRequest] = []
    events: list[SecurityEvent] = []
    answers: list[Answer[RequestStatus]] = []
    for call in sorted(asked, key=lambda call: call.stamp):
        status = answered.get(request_id(call))
        if status is None:
            station = _station(stations.get(call.station_id), call)
            decision = decide_request(station, call.value, policy)
            status = RequestStatus.REJECTED
            if isinstance(decision, Refused):
                events.append(_refused(call, decision))
                rows.append(_row(call, decision))
            else:
                status = RequestStatus.ACCEPTED
                if station.open_key_digest is None:
                    rows.append(_row(call, decision))
                    stations[call.station_id] = (
                        call.epoch,
                        replace(station, open_key_digest=decision.public_key_digest),
                    )
            answered[request_id(call)] = status
        answers.append(answer(call, status))
    await certificate_requests.save(connection, rows)
    await record_security_events(connection, events)
    return answers


def request_id(call: Call[str]) -> UUID:
    """Return the id of a call's request: the same call again makes the same."""
    return UUID(event_id("certificate_request", call.connection_id, call.seq))


def _station(known: tuple[int, AskingStation] | None, call: Call[str]) -> AskingStation:
    if known is None:
        return AskingStation(call.station_id, 0, None, None)
    epoch, station = known
    # The profile is that of the newest connection; an older one has been closed already.
    return station if epoch == call.epoch else replace(station, security_profile=0)


def _refused(call: Call[str], refused: Refused) -> SecurityEvent:
    return detected(
        call.station_id,
        CERTIFICATE_REQUEST_REFUSED,
        f"{refused.problem.value}: {refused.detail}",
        (call.connection_id, call.seq),
        call.received_ms,
    )


def _row(call: Call[str], decision: SigningRequest | Refused) -> AskedRequest:
    if isinstance(decision, Refused):
        return AskedRequest(
            request_id(call),
            call.station_id,
            fit(call.value, CSR_MAX_CHARS) or "",
            None,
            None,
            None,
            RequestStatus.REJECTED,
            decision.problem.value,
            fit(decision.detail, 1000),
            call.received_ms,
        )
    return AskedRequest(
        request_id(call),
        call.station_id,
        decision.pem,
        decision.public_key_digest,
        decision.common_name,
        decision.organization,
        RequestStatus.ACCEPTED,
        None,
        None,
        call.received_ms,
    )
