"""Certificates that end soon: told once, and renewed in time (whitepaper, A02)."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.orders import CommandOrder
from csms_shared.db.upkeep import UpkeepTask
from csms_shared.ocpp.intents import AskForCertificate
from csms_shared.runtime.clock import now_ms
from csms_shared.values.times import format_time
from station_registry.certificates.handlers.requests import SigningNow
from station_registry.certificates.handlers.signing import ORDERED_BY
from station_registry.certificates.store import certificates
from station_registry.certificates.store.certificates import Expiring
from station_registry.database.telling import place_orders, tell
from station_registry.events import fact
from station_registry.ocpp.orders.commands import command_order

EVERY_S = 300.0
_AT_ONCE = 200
# A held command waits this long at most; later the operator has the event.
_WAITS_MS = round(timedelta(days=7) / timedelta(milliseconds=1))


def watch_expiry(days: int, signing: SigningNow) -> UpkeepTask:
    """Return the task that asks for a new certificate `days` before the present one ends.

    No sooner than after half of its life, and not while there is nothing that could sign it: a
    station whose request is Rejected is not asked again.
    """

    async def work(connection: AsyncConnection) -> None:
        if (await signing(connection)).problem is not None:
            return
        expiring = await certificates.take_expiring(connection, days, _AT_ONCE)
        now = now_ms()
        await tell(
            connection,
            [
                fact(
                    "certificate.expiring",
                    one.station_id,
                    (one.fingerprint,),
                    now,
                    certificate_id=one.fingerprint,
                    serial_number=one.serial_number,
                    not_after=format_time(one.not_after),
                )
                for one in expiring
            ],
        )
        await place_orders(connection, [_renewal(one, now) for one in expiring])

    return UpkeepTask("certificates_expiring", EVERY_S, work)


def _renewal(one: Expiring, now: int) -> CommandOrder:
    return command_order(one.station_id, AskForCertificate(), now, _WAITS_MS, ORDERED_BY)
