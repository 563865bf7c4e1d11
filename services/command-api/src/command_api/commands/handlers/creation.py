"""POST of a command: checked, stored, sent, waited for."""

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from command_api.accounts.domain.roles import Principal
from command_api.commands.domain.preparation import (
    AskedCommand,
    CommandEdge,
    Prepared,
    Refusal,
    refusal_of_target,
    seen_by,
    version_of,
)
from command_api.commands.domain.registration import refusal_by_registration
from command_api.commands.domain.states import CommandRecord, CommandStatus
from command_api.commands.handlers.dispatch import Dispatch
from command_api.commands.handlers.password_rotations import offer_password
from command_api.commands.handlers.watched import WatchedCommands
from command_api.commands.store.inserts import NewCommand, insert_commands
from command_api.commands.store.queries import get_command
from command_api.concurrency.gathering import Gathering
from command_api.idempotency.handlers import key_reused
from command_api.idempotency.store import Idempotency, KnownKey, find_key
from command_api.ports import OwnerDirectory, ServiceAway, Services
from csms_shared.broker.topology import STATION_REGISTRY
from csms_shared.contracts.command_ids import new_command_id
from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.contracts.stations import OwnerView
from csms_shared.db.engine import in_transaction
from csms_shared.db.tenancy import RequestEngines
from csms_shared.ocpp.credentials import credential_proofs
from csms_shared.runtime.clock import now_ms
from csms_shared.runtime.errors import Unavailable

_INSERT_MAX = 500


@dataclass(frozen=True, slots=True)
class CommandRequest:
    """What an operator asks for; `body` is the request's body as it was sent."""

    principal: Principal
    station_id: str
    action: str
    payload: dict[str, Any]
    body: bytes
    wait_s: float
    timeout_s: float
    hold_until_ms: int | None
    idempotency_key: str | None


class CommandCreation:
    """Creates commands and waits for what becomes of them."""

    def __init__(
        self,
        *,
        engines: RequestEngines,
        owners: OwnerDirectory,
        edge: CommandEdge,
        services: Services,
        dispatch: Dispatch,
        watched: WatchedCommands,
        broker_is_up: Callable[[], bool],
        pepper: bytes,
        secret: bytes,
    ) -> None:
        self._engine = engines.of_tenant
        self._owners = owners
        self._edge = edge
        self._services = services
        self._dispatch = dispatch
        self._watched = watched
        self._broker_is_up = broker_is_up
        self._pepper = pepper
        self._secret = secret
        # One statement is one transaction: without BEGIN and COMMIT it is one round trip. A batch
        # has commands of many tenants, each with its own: no role of one tenant can store it.
        self._autocommit = engines.of_all.execution_options(isolation_level="AUTOCOMMIT")
        self.inserts: Gathering[NewCommand, bool] = Gathering(
            self._insert, max_items=_INSERT_MAX, lanes=2
        )

    async def create(self, request: CommandRequest) -> CommandRecord:
        """Create the command, or find the one that the idempotency key stands for.

        Raises:
            ProblemRaised: it is refused; nothing was stored.
            ServiceAway: a service that has to be asked does not answer; nothing was stored.
        """
        idempotency = self._idempotency(request)
        if idempotency is not None:
            known = await self._known(idempotency)
            if known is not None:
                return await self._repeated(known, idempotency, request.wait_s)
        if not self._broker_is_up():
            raise ServiceAway("the broker does not answer")
        owner = seen_by(request.principal.acts_for, await self._owners.find(request.station_id))
        prepared = await self._prepared(request, owner)
        await self._offer_profile(request, prepared)
        record = self._record(request, prepared, owner)
        if record.rotation_proofs is not None:
            await offer_password(self._services, record)
        with self._watched.watch(record) as watch:
            if not await self.inserts.submit(NewCommand(record, idempotency)):
                assert idempotency is not None
                known = await self._known(idempotency)
                assert known is not None
                return await self._repeated(known, idempotency, request.wait_s)
            if record.rotation_proofs is not None:
                self._dispatch.keep_secret(record.command_id, prepared.payload)
            await self._send(record, owner)
            if await watch.wait(request.wait_s):
                return await self._stored(record.tenant_id, record.command_id)
            return watch.command

    async def _send(self, record: CommandRecord, owner: OwnerView) -> None:
        if not record.held:
            await self._dispatch.send_first(record, owner)
            return
        try:
            await self._dispatch.send_held([record.station_id])
        except (ServiceAway, Unavailable):
            # It is stored and waits: the next connection or sweep finds it.
            self._dispatch.wake_held([record.station_id])

    async def _prepared(self, request: CommandRequest, owner: OwnerView) -> Prepared:
        asked = _asked(request, request.payload, owner)
        refusal = refusal_of_target(asked, owner, self._edge) or refusal_by_registration(
            asked.station_id, asked.version, asked.action, owner.registration_status
        )
        prepared = refusal or await self._edge.prepare(asked)
        if isinstance(prepared, Refusal):
            raise ProblemRaised(prepared)
        return prepared

    async def _offer_profile(self, request: CommandRequest, prepared: Prepared) -> None:
        """Have the registry take connections with the profile that the station is asked to use.

        It may be back with it before its answer is known there. A lower one is refused. The
        command's time begins afterwards.
        """
        if prepared.security_profile is not None:
            await self._services.ask(
                STATION_REGISTRY,
                "stations.offer_profile",
                {"station_id": request.station_id, "security_profile": prepared.security_profile},
            )

    def _record(
        self, request: CommandRequest, prepared: Prepared, owner: OwnerView
    ) -> CommandRecord:
        now = now_ms()
        held = request.hold_until_ms is not None
        return CommandRecord(
            command_id=new_command_id(now),
            tenant_id=request.principal.acts_for,
            station_id=request.station_id,
            action=request.action,
            ocpp_version=version_of(owner),
            payload=self._edge.kept_payload(_asked(request, prepared.payload, owner)),
            status=CommandStatus.WAITING if held else CommandStatus.PENDING,
            created_by=request.principal.name,
            created_ms=now,
            deadline_ms=request.hold_until_ms or now + round(request.timeout_s * 1000),
            held=held,
            attempts=0 if held else 1,
            awaited_start=prepared.awaited_start,
            rotation_proofs=self._proofs(request.station_id, prepared.new_password),
        )

    def _proofs(self, station_id: str, password: str | None) -> tuple[str, ...] | None:
        if password is None:
            return None
        return credential_proofs(self._pepper, station_id, password.encode())

    def _idempotency(self, request: CommandRequest) -> Idempotency | None:
        if request.idempotency_key is None:
            return None
        # Keyed, because the body may hold a password.
        digest = hmac.digest(
            self._secret,
            orjson.dumps([request.station_id, request.action]) + request.body,
            "sha256",
        )
        return Idempotency(
            request.principal.acts_for, request.principal.id, request.idempotency_key, digest
        )

    async def _known(self, idempotency: Idempotency) -> KnownKey | None:
        return await in_transaction(
            self._engine, lambda connection: find_key(connection, idempotency)
        )

    async def _repeated(
        self, known: KnownKey, idempotency: Idempotency, wait_s: float
    ) -> CommandRecord:
        if not hmac.compare_digest(known.request_hash, idempotency.request_hash):
            raise key_reused()
        command = await self._stored(idempotency.tenant_id, known.id)
        if command.status.is_final:
            return command
        with self._watched.watch(command) as watch:
            # Read once more: it may have ended between the first look and the watch.
            command = await self._stored(idempotency.tenant_id, known.id)
            if command.status.is_final:
                return command
            if await watch.wait(wait_s):
                return await self._stored(idempotency.tenant_id, known.id)
            return watch.command

    async def _stored(self, tenant_id: str, command_id: UUID) -> CommandRecord:
        command = await in_transaction(
            self._engine, lambda connection: get_command(connection, tenant_id, command_id)
        )
        assert command is not None, "commands are never deleted"
        return self._watched.latest(command)

    async def _insert(self, batch: Sequence[NewCommand]) -> list[bool]:
        inserted = await in_transaction(
            self._autocommit, lambda connection: insert_commands(connection, batch)
        )
        return [new.record.command_id in inserted for new in batch]


def _asked(request: CommandRequest, payload: dict[str, Any], owner: OwnerView) -> AskedCommand:
    return AskedCommand(
        station_id=request.station_id,
        version=version_of(owner),
        action=request.action,
        payload=payload,
        held=request.hold_until_ms is not None,
    )
