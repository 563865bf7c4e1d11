"""Certificates that others are judged by, told before they end: only an operator can renew them."""

from collections import Counter

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.events import CloudEvent, event_id, event_type
from csms_shared.db.upkeep import UpkeepTask
from csms_shared.runtime.clock import now_ms
from csms_shared.values.times import format_time, format_time_ms
from station_registry.certificates.store.root_expiry import (
    ExpiringAuthority,
    ExpiringRoot,
    take_authorities,
    take_roots,
)
from station_registry.database.telling import tell
from station_registry.events import SOURCE, Event, fact

log = structlog.get_logger(__name__)

EVERY_S = 300.0
_AT_ONCE = 5_000
_AUTHORITY_EXPIRING = "certificate_authority.expiring"


def watch_roots(certificate_days: int, renewal_days: int) -> UpkeepTask:
    """Return the task that tells of ends to come.

    An authority: `certificate_days` before, because what it signs from then on ends with it. A
    root certificate in a station: `renewal_days` before.
    """

    async def work(connection: AsyncConnection) -> None:
        now = now_ms()
        authorities = await take_authorities(connection, certificate_days)
        roots = await take_roots(connection, renewal_days, _AT_ONCE)
        for one in authorities:
            log.warning(
                "certificate_authority_expiring",
                subject=one.subject,
                not_after=format_time(one.not_after),
            )
        alike = Counter((one.certificate_type, one.serial_number, one.not_after) for one in roots)
        for (certificate_type, serial_number, not_after), stations in alike.items():
            log.warning(
                "root_certificate_expiring",
                certificate_type=certificate_type,
                serial_number=serial_number,
                not_after=format_time(not_after),
                stations=stations,
            )
        events = [_authority_event(one, now) for one in authorities]
        await tell(connection, events + [_root_event(one, now) for one in roots])

    return UpkeepTask("roots_expiring", EVERY_S, work)


def _authority_event(one: ExpiringAuthority, now: int) -> Event:
    return _AUTHORITY_EXPIRING, CloudEvent(
        id=event_id(_AUTHORITY_EXPIRING, one.fingerprint),
        source=SOURCE,
        type=event_type(_AUTHORITY_EXPIRING),
        subject=one.fingerprint,
        time=format_time_ms(now),
        data={
            "fingerprint": one.fingerprint,
            "subject": one.subject,
            "not_after": format_time(one.not_after),
        },
    )


def _root_event(one: ExpiringRoot, now: int) -> Event:
    not_after = format_time(one.not_after)
    return fact(
        "certificate.root_expiring",
        one.station_id,
        (one.station_id, one.certificate_type, one.serial_number, not_after),
        now,
        certificate_type=one.certificate_type,
        serial_number=one.serial_number,
        not_after=not_after,
    )
