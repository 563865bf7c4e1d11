"""What the ends of certificate commands change, whoever sent them (whitepaper, A02, M03 to M05)."""

from collections.abc import Sequence
from dataclasses import astuple, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.orders import CommandOrder, CompletedCommand
from csms_shared.db.orders import write_orders
from csms_shared.db.outbox import write_events
from csms_shared.runtime.clock import now_ms
from csms_shared.values.texts import fit
from station_registry.certificates.domain.deliveries import (
    Delivery,
    decide_delivery,
    delivery,
    what_went_wrong,
)
from station_registry.certificates.domain.details import (
    CertificateDetails,
    details,
    read_certificates,
)
from station_registry.certificates.domain.installed import apply_commands
from station_registry.certificates.handlers.signing import signed_order
from station_registry.certificates.store import certificates
from station_registry.certificates.store import installed as installed_certificates
from station_registry.certificates.store import requests as certificate_requests
from station_registry.certificates.store.requests import DeliveredRequest
from station_registry.database.tables import outbox
from station_registry.events import Told, fact
from station_registry.security_events.domain import (
    CERTIFICATE_NOT_INSTALLED,
    SecurityEvent,
    detected,
)
from station_registry.security_events.handlers import record_security_events


async def note_signed_certificates(
    connection: AsyncConnection, commands: Sequence[CompletedCommand]
) -> None:
    """Take in the ends of CertificateSigned: installed, refused, or to be sent once more."""
    carried = [(command, own) for command in commands if (own := _carried(command)) is not None]
    requests = await certificate_requests.lock_by_fingerprint(
        connection, {own.fingerprint for _, own in carried}
    )
    changed: dict[str, DeliveredRequest] = {}
    told: list[Told] = []
    events: list[SecurityEvent] = []
    orders: list[CommandOrder] = []
    answered: list[tuple[str, str]] = []
    for command, own in carried:
        outcome = delivery(command)
        request = requests.get(own.fingerprint)
        if request is None or request.station_id != command.station_id:
            # An operator's own: nobody asked here, but the station may have it now.
            if outcome is Delivery.NOT_SENT:
                continue
            chain = str(command.payload["certificateChain"])
            await certificates.save(
                connection, command.station_id, own, chain, "operator", authority=None
            )
        else:
            after = await _after(connection, request, command, outcome, orders)
            if after != request:
                requests[own.fingerprint] = changed[own.fingerprint] = after
            if after.status is not request.status:
                told += _installed(command, own) if outcome is Delivery.INSTALLED else []
                events += _not_installed(command, after)
        if outcome is not Delivery.NOT_SENT:
            answered.append((own.fingerprint, outcome.value))
    await certificate_requests.save_delivered(
        connection, sorted(changed.values(), key=lambda one: one.request_id)
    )
    await certificates.save_status(connection, certificates.known_statuses(answered))
    await record_security_events(connection, events)
    await write_events(connection, outbox, told)
    await write_orders(connection, outbox, orders)


def _carried(command: CompletedCommand) -> CertificateDetails | None:
    chain = read_certificates(str(command.payload.get("certificateChain", "")))
    return details(chain[0]) if chain else None


async def _after(
    connection: AsyncConnection,
    request: DeliveredRequest,
    command: CompletedCommand,
    outcome: Delivery,
    orders: list[CommandOrder],
) -> DeliveredRequest:
    decision = decide_delivery(
        request.status,
        request.deliveries,
        outcome,
        current=command.command_id == request.order_id,
    )
    if decision.status is not request.status:
        detail = what_went_wrong(decision.status, command)
        return replace(request, status=decision.status, detail=fit(detail, 1000))
    if not decision.again:
        return request
    chain = await certificates.chain_of(connection, request.fingerprint)
    order = signed_order(request.station_id, chain)
    orders.append(order)
    return replace(request, deliveries=request.deliveries + 1, order_id=order.order_id)


def _installed(command: CompletedCommand, own: CertificateDetails) -> list[Told]:
    return [
        fact(
            "certificate.installed",
            command.station_id,
            (own.fingerprint,),
            now_ms(),
            certificate_id=own.fingerprint,
            serial_number=own.serial_number,
        )
    ]


def _not_installed(command: CompletedCommand, ended: DeliveredRequest) -> list[SecurityEvent]:
    if ended.detail is None:
        return []
    return [
        detected(
            command.station_id,
            CERTIFICATE_NOT_INSTALLED,
            ended.detail,
            (str(command.command_id), ended.status.value),
            now_ms(),
        )
    ]


async def note_installed_certificates(
    connection: AsyncConnection, commands: Sequence[CompletedCommand]
) -> None:
    """Take in what InstallCertificate, DeleteCertificate and GetInstalledCertificateIds told."""
    known = await installed_certificates.lock(
        connection, {command.station_id for command in commands}
    )
    before = await installed_certificates.load(connection, known)
    after = apply_commands(before, [command for command in commands if command.station_id in known])
    await installed_certificates.save(connection, before, after)
    changes = [
        one
        for key, one in sorted(after.certificates.items(), key=lambda entry: entry[1].key[:2])
        if one.present is not ((was := before.certificates.get(key)) is not None and was.present)
    ]
    await write_events(
        connection,
        outbox,
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
