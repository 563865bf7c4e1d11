"""What the ends of certificate commands change, whoever sent them (whitepaper, A02, M03 to M05)."""

from collections.abc import Sequence
from dataclasses import astuple, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.orders import CommandOrder
from csms_shared.runtime.clock import now_ms
from csms_shared.values.texts import fit
from station_registry.certificates.domain.deliveries import (
    Delivery,
    DeliveryEnd,
    decide_delivery,
    what_went_wrong,
)
from station_registry.certificates.domain.details import (
    CertificateDetails,
    details,
    read_certificates,
)
from station_registry.certificates.domain.installed import StoreAnswer, apply_answers
from station_registry.certificates.handlers.signing import signed_order
from station_registry.certificates.store import certificates
from station_registry.certificates.store import installed as installed_certificates
from station_registry.certificates.store import requests as certificate_requests
from station_registry.certificates.store.requests import DeliveredRequest
from station_registry.database.telling import place_orders, tell
from station_registry.events import Event, fact
from station_registry.security_events.domain import (
    CERTIFICATE_NOT_INSTALLED,
    SecurityEvent,
    detected,
)
from station_registry.security_events.handlers import record_security_events


async def note_signed_certificates(
    connection: AsyncConnection, ends: Sequence[DeliveryEnd]
) -> None:
    """Take in what became of certificates: installed, refused, or to be sent once more."""
    carried = [(end, own) for end in ends if (own := _carried(end)) is not None]
    requests = await certificate_requests.lock_by_fingerprint(
        connection, {own.fingerprint for _, own in carried}
    )
    changed: dict[str, DeliveredRequest] = {}
    events: list[Event] = []
    noticed: list[SecurityEvent] = []
    orders: list[CommandOrder] = []
    answered: list[tuple[str, str]] = []
    for end, own in carried:
        outcome = end.outcome
        request = requests.get(own.fingerprint)
        if request is None or request.station_id != end.station_id:
            # An operator's own: nobody asked here, but the station may have it now.
            if outcome is Delivery.NOT_SENT:
                continue
            await certificates.save(
                connection, end.station_id, own, end.chain, "operator", authority=None
            )
        else:
            after = await _after(connection, request, end, orders)
            if after != request:
                requests[own.fingerprint] = changed[own.fingerprint] = after
            if after.status is not request.status:
                events += _installed(end, own) if outcome is Delivery.INSTALLED else []
                noticed += _not_installed(end, after)
        if outcome is not Delivery.NOT_SENT:
            answered.append((own.fingerprint, outcome.value))
    await certificate_requests.save_delivered(
        connection, sorted(changed.values(), key=lambda one: one.request_id)
    )
    await certificates.save_status(connection, certificates.known_statuses(answered))
    await record_security_events(connection, noticed)
    await tell(connection, events)
    await place_orders(connection, orders)


def _carried(end: DeliveryEnd) -> CertificateDetails | None:
    chain = read_certificates(end.chain)
    return details(chain[0]) if chain else None


async def _after(
    connection: AsyncConnection,
    request: DeliveredRequest,
    end: DeliveryEnd,
    orders: list[CommandOrder],
) -> DeliveredRequest:
    decision = decide_delivery(
        request.status,
        request.deliveries,
        end.outcome,
        current=end.command_id == request.order_id,
    )
    if decision.status is not request.status:
        detail = what_went_wrong(decision.status, end)
        return replace(request, status=decision.status, detail=fit(detail, 1000))
    if not decision.again:
        return request
    chain = await certificates.chain_of(connection, request.fingerprint)
    order = signed_order(request.station_id, chain)
    orders.append(order)
    return replace(request, deliveries=request.deliveries + 1, order_id=order.order_id)


def _installed(end: DeliveryEnd, own: CertificateDetails) -> list[Event]:
    return [
        fact(
            "certificate.installed",
            end.station_id,
            (own.fingerprint,),
            now_ms(),
            certificate_id=own.fingerprint,
            serial_number=own.serial_number,
        )
    ]


def _not_installed(end: DeliveryEnd, ended: DeliveredRequest) -> list[SecurityEvent]:
    if ended.detail is None:
        return []
    return [
        detected(
            end.station_id,
            CERTIFICATE_NOT_INSTALLED,
            ended.detail,
            (str(end.command_id), ended.status.value),
            now_ms(),
        )
    ]


async def note_installed_certificates(
    connection: AsyncConnection, answers: Sequence[StoreAnswer]
) -> None:
    """Take in what stations told of their stores."""
    known = await installed_certificates.lock(connection, {answer.station_id for answer in answers})
    before = await installed_certificates.load(connection, known)
    after = apply_answers(before, [answer for answer in answers if answer.station_id in known])
    await installed_certificates.save(connection, before, after)
    changes = [
        one
        for key, one in sorted(after.certificates.items(), key=lambda entry: entry[1].key[:2])
        if one.present is not ((was := before.certificates.get(key)) is not None and was.present)
    ]
    await tell(
        connection,
        [
            fact(
                "certificate.store_changed",
                one.station_id,
                (one.stamp[1], one.certificate_type, *astuple(one.hash_data), int(one.present)),
                now_ms(),
                certificate_type=one.certificate_type,
                serial_number=one.hash_data.serial_number,
                present=one.present,
            )
            for one in changes
        ],
    )
