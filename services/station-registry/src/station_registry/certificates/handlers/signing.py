"""Signs accepted requests and sends each certificate to its station as an order."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from csms_shared.contracts.orders import CommandOrder
from csms_shared.db.engine import in_transaction
from csms_shared.ocpp.certificate_chains import longest_chain
from csms_shared.ocpp.intents import InstallSignedCertificate
from csms_shared.runtime.clock import now_ms, utc_now
from csms_shared.runtime.errors import Unavailable
from csms_shared.runtime.retrying import until_available
from csms_shared.values.times import format_time
from station_registry.certificates.domain.deliveries import DELIVERY_HOURS, pause_s
from station_registry.certificates.domain.details import details, pem_of
from station_registry.certificates.domain.requests import SigningRequest
from station_registry.certificates.domain.signed_chains import chain_problem
from station_registry.certificates.handlers.signers import Signed, Signer, SignerAway, SignerRefused
from station_registry.certificates.store import certificates
from station_registry.certificates.store import requests as certificate_requests
from station_registry.certificates.store.requests import DueRequest
from station_registry.database.telling import place_orders, tell
from station_registry.events import fact
from station_registry.ocpp.orders.commands import command_order
from station_registry.security_events.domain import CERTIFICATE_SIGNING_FAILED, detected
from station_registry.security_events.handlers import record_security_events

log = structlog.get_logger(__name__)

# A station waits minutes for its certificate (CertSigningWaitMinimum).
POLL_S = 1.0
ORDERED_BY = "station-registry"
_AT_ONCE = 8
_DELIVERED_WITHIN_MS = round(timedelta(hours=DELIVERY_HOURS) / timedelta(milliseconds=1))


def signed_order(station_id: str, chain: str) -> CommandOrder:
    """Return the order that brings a station its certificate."""
    intent = InstallSignedCertificate(chain=chain)
    return command_order(station_id, intent, now_ms(), _DELIVERED_WITHIN_MS, ORDERED_BY)


class CertificateSigning:
    """Works through accepted requests; every replica may run one."""

    def __init__(
        self, engine: AsyncEngine, signer: Signer, wake_relay: Callable[[], None] = lambda: None
    ) -> None:
        self._engine = engine
        self._signer = signer
        self._wake_relay = wake_relay

    async def run(self) -> None:
        """Sign until cancelled."""
        retrying = until_available(Unavailable, on_failure=_log_wait)
        while True:
            if not await retrying(self.sign_due):
                await asyncio.sleep(POLL_S)

    async def sign_due(self) -> bool:
        """Sign what is due now; true where there was something.

        Raises:
            Unavailable: the database is away; what was taken is due again in two minutes.
        """
        due = await in_transaction(
            self._engine, lambda connection: certificate_requests.take_due(connection, _AT_ONCE)
        )
        for request in due:
            await self._sign(request)
        if due:
            self._wake_relay()
        return bool(due)

    async def _sign(self, due: DueRequest) -> None:
        request = SigningRequest(due.csr, due.public_key_digest, due.common_name, due.organization)
        try:
            signed = await self._signer.sign(due.request_id, due.station_id, request)
            longest = longest_chain(due.max_chain_size)
            if problem := chain_problem(signed.chain, request, utc_now(), longest):
                raise SignerRefused(problem)
        except SignerAway as away:
            log.warning("signer_away", request_id=str(due.request_id), error=str(away)[:300])
            await self._put_off(due, str(away)[:900])
        except SignerRefused as refused:
            await self._give_up(due, str(refused))
        else:
            await in_transaction(
                self._engine, lambda connection: self._issued(connection, due, signed)
            )

    async def _put_off(self, due: DueRequest, detail: str) -> None:
        pause = pause_s(due.attempts)
        if pause is None:
            await self._give_up(due, f"given up after {due.attempts} attempts: {detail}")
            return
        await in_transaction(
            self._engine,
            lambda connection: certificate_requests.try_later(
                connection, due.request_id, pause, detail
            ),
        )

    async def _issued(self, connection: AsyncConnection, due: DueRequest, signed: Signed) -> None:
        if not await certificate_requests.lock_accepted(connection, due.request_id):
            return
        own = details(signed.chain[0])
        assert own is not None, "the chain was checked"
        chain = pem_of(signed.chain)
        order = signed_order(due.station_id, chain)
        await certificates.save(
            connection, due.station_id, own, chain, self._signer.source, signed.authority
        )
        await certificate_requests.save_signed(
            connection, due.request_id, own.fingerprint, order.order_id
        )
        await tell(
            connection,
            [
                fact(
                    "certificate.issued",
                    due.station_id,
                    (own.fingerprint,),
                    now_ms(),
                    certificate_id=own.fingerprint,
                    serial_number=own.serial_number,
                    not_after=format_time(own.not_after),
                )
            ],
        )
        await place_orders(connection, [order])

    async def _give_up(self, due: DueRequest, detail: str) -> None:
        await in_transaction(
            self._engine,
            lambda connection: _failed(connection, due.request_id, due.station_id, detail[:1000]),
        )


async def _failed(
    connection: AsyncConnection, request_id: UUID, station_id: str, detail: str
) -> None:
    if await certificate_requests.save_failed(connection, request_id, detail):
        event = detected(
            station_id, CERTIFICATE_SIGNING_FAILED, detail, (str(request_id),), now_ms()
        )
        await record_security_events(connection, [event])


async def _log_wait(error: BaseException) -> None:
    log.warning("signing_waits", error=str(error))
