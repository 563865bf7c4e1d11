"""POST of a command: checked, stored, sent, waited for."""

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncEngine

from command_api.accounts.domain.roles import Principal
from command_api.commands.domain.password_rotation import is_password_rotation, length_problem
from command_api.commands.domain.payload_problems import payload_problems, with_whole_numbers
from command_api.commands.domain.registration import refusal_by_registration
from command_api.commands.domain.secret_values import masked
from command_api.commands.domain.security_profile_change import PROFILES, wanted_profile
from command_api.commands.domain.states import CommandRecord, CommandStatus
from command_api.commands.handlers.chain_checks import check_certificate_chain
from command_api.commands.handlers.charging_checks import check_charging_profile
from command_api.commands.handlers.dispatch import Dispatch
from command_api.commands.handlers.password_rotations import offer_password
from command_api.commands.handlers.watched import WatchedCommands
from command_api.commands.store.inserts import NewCommand, insert_commands
from command_api.commands.store.queries import get_command
from command_api.concurrency.gathering import Gathering
from command_api.idempotency.handlers import key_reused
from command_api.idempotency.store import Idempotency, KnownKey, find_key
from command_api.ports import OwnerDirectory, ServiceAway, Services
from csms_shared.broker.topology import SESSION_SERVICE, STATION_REGISTRY
from csms_shared.contracts.command_ids import new_command_id
from csms_shared.contracts.refusals import ProblemRaised, refuse
from csms_shared.contracts.stations import OwnerView
from csms_shared.db.engine import in_transaction
from csms_shared.ocpp.actions import command_actions
from csms_shared.ocpp.credentials import credential_proofs
from csms_shared.ocpp.versions import OCPP16
from csms_shared.runtime.clock import now_ms
from csms_shared.values.numbers import as_integer

_REMOTE_STOP = "RemoteStopTransaction"
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
        engine: AsyncEngine,
        owners: OwnerDirectory,
        services: Services,
        dispatch: Dispatch,
        watched: WatchedCommands,
        broker_is_up: Callable[[], bool],
        pepper: bytes,
        secret: bytes,
        min_password_length: int,
    ) -> None:
        self._engine = engine
        self._owners = owners
        self._services = services
        self._dispatch = dispatch
        self._watched = watched
        self._broker_is_up = broker_is_up
        self._pepper = pepper
        self._secret = secret
        self._min_password_length = min_password_length
        # One statement is one transaction: without BEGIN and COMMIT it is one round trip.
        self._autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")
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
        owner = await self._owner(request)
        payload = await self._resolved_payload(request, owner)
        await check_charging_profile(
            self._services,
            request.station_id,
            request.action,
            payload,
            held=request.hold_until_ms is not None,
        )
        await check_certificate_chain(self._services, request.station_id, request.action, payload)
        await self._offer_profile(request, payload)
        record = self._record(request, payload, owner)
        sent_payload = payload
        if is_password_rotation(request.action, payload):
            record = self._rotation(record, request)
            await offer_password(self._services, record)
        with self._watched.watch(record) as watch:
            if not await self.inserts.submit(NewCommand(record, idempotency)):
                assert idempotency is not None
                known = await self._known(idempotency)
                assert known is not None
                return await self._repeated(known, idempotency, request.wait_s)
            if record.rotation_proofs is not None:
                self._dispatch.keep_secret(record.command_id, sent_payload)
            await self._send(record, owner)
            if await watch.wait(request.wait_s):
                return await self._stored(record.command_id)
            return watch.command

    async def _send(self, record: CommandRecord, owner: OwnerView) -> None:
        if not record.held:
            await self._dispatch.send_first(record, owner)
            return
        try:
            await self._dispatch.send_held([record.station_id])
        except ServiceAway:
            # It is stored and waits: the next connection or sweep finds it.
            self._dispatch.wake_held([record.station_id])

    async def _owner(self, request: CommandRequest) -> OwnerView:
        owner = await self._owners.find(request.station_id)
        if not owner.known:
            raise refuse(404, "unknown_station", f"there is no station {request.station_id}")
        version = _version(owner)
        if request.action not in command_actions(version):
            raise refuse(404, "unknown_action", f"{version} has no command {request.action}")
        refusal = refusal_by_registration(
            request.station_id, request.action, owner.registration_status
        )
        if refusal is not None:
            raise ProblemRaised(refusal)
        return owner

    async def _resolved_payload(self, request: CommandRequest, owner: OwnerView) -> dict[str, Any]:
        payload = request.payload
        if request.action == _REMOTE_STOP and set(payload) == {"connectorId"}:
            payload = {"transactionId": await self._open_transaction(request.station_id, payload)}
        version = _version(owner)
        problems = payload_problems(version, request.action, payload)
        if problems:
            payload = with_whole_numbers(version, request.action, payload)
            problems = payload_problems(version, request.action, payload)
        if problems:
            raise refuse(
                422,
                "payload_invalid",
                f"the payload is no valid {request.action} request",
                *problems,
            )
        return payload

    async def _open_transaction(self, station_id: str, payload: dict[str, Any]) -> int:
        connector_id = as_integer(payload["connectorId"])
        if connector_id is None:
            raise refuse(
                422,
                "payload_invalid",
                "connectorId must be an integer",
                ("/connectorId", "must be an integer"),
            )
        found = await self._services.ask(
            SESSION_SERVICE, "transactions.open", {"station_id": station_id}
        )
        transaction_id = found.get(str(connector_id))
        if transaction_id is None:
            raise refuse(
                409,
                "no_open_transaction",
                f"connector {connector_id} of {station_id} has no open transaction",
            )
        return int(transaction_id)

    async def _offer_profile(self, request: CommandRequest, payload: dict[str, Any]) -> None:
        """Have the registry take connections with the profile that the station is asked to use.

        It may be back with it before its answer is known there. A lower one is refused.
        """
        profile = wanted_profile(request.action, payload)
        if profile is None:
            return
        if profile not in PROFILES:
            raise refuse(
                422, "payload_invalid", "SecurityProfile is 1, 2 or 3", ("/value", "is none")
            )
        await self._services.ask(
            STATION_REGISTRY,
            "stations.offer_profile",
            {"station_id": request.station_id, "security_profile": int(profile)},
        )

    def _record(
        self, request: CommandRequest, payload: dict[str, Any], owner: OwnerView
    ) -> CommandRecord:
        now = now_ms()
        held = request.hold_until_ms is not None
        return CommandRecord(
            command_id=new_command_id(now),
            station_id=request.station_id,
            action=request.action,
            ocpp_version=_version(owner),
            payload=payload,
            status=CommandStatus.WAITING if held else CommandStatus.PENDING,
            created_by=request.principal.name,
            created_ms=now,
            deadline_ms=request.hold_until_ms or now + round(request.timeout_s * 1000),
            held=held,
            attempts=0 if held else 1,
        )

    def _rotation(self, record: CommandRecord, request: CommandRequest) -> CommandRecord:
        """Return the command with its password masked and its proofs beside it."""
        if record.held:
            raise refuse(
                422,
                "rotation_not_held",
                "a new AuthorizationKey is never stored, so the command can't be held",
                ("hold_until", "not allowed with AuthorizationKey"),
            )
        password = str(record.payload["value"])
        problem = length_problem(password, self._min_password_length)
        if problem is not None:
            raise refuse(422, "payload_invalid", f"value {problem}", ("/value", problem))
        return replace(
            record,
            payload=masked(record.payload),
            rotation_proofs=credential_proofs(self._pepper, request.station_id, password.encode()),
        )

    def _idempotency(self, request: CommandRequest) -> Idempotency | None:
        if request.idempotency_key is None:
            return None
        # Keyed, because the body may hold a password.
        digest = hmac.digest(
            self._secret,
            orjson.dumps([request.station_id, request.action]) + request.body,
            "sha256",
        )
        return Idempotency(request.principal.id, request.idempotency_key, digest)

    async def _known(self, idempotency: Idempotency) -> KnownKey | None:
        return await in_transaction(
            self._engine,
            lambda connection: find_key(connection, idempotency.principal, idempotency.key),
        )

    async def _repeated(
        self, known: KnownKey, idempotency: Idempotency, wait_s: float
    ) -> CommandRecord:
        if not hmac.compare_digest(known.request_hash, idempotency.request_hash):
            raise key_reused()
        command = await self._stored(known.id)
        if command.status.is_final:
            return command
        with self._watched.watch(command) as watch:
            # Read once more: it may have ended between the first look and the watch.
            command = await self._stored(known.id)
            if command.status.is_final:
                return command
            if await watch.wait(wait_s):
                return await self._stored(known.id)
            return watch.command

    async def _stored(self, command_id: UUID) -> CommandRecord:
        command = await in_transaction(
            self._engine, lambda connection: get_command(connection, command_id)
        )
        assert command is not None, "commands are never deleted"
        return self._watched.latest(command)

    async def _insert(self, batch: Sequence[NewCommand]) -> list[bool]:
        inserted = await in_transaction(
            self._autocommit, lambda connection: insert_commands(connection, batch)
        )
        return [new.record.command_id in inserted for new in batch]


def _version(owner: OwnerView) -> str:
    return owner.ocpp_version or OCPP16
