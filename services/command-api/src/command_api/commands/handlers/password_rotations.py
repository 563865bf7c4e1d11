"""Tells the registry of passwords that stations are sent, have taken over, or have not."""

import asyncio
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from command_api.commands.domain.password_rotation import OFFERED, password_change
from command_api.commands.domain.states import ANSWER_TIMEOUT_MS, GRACE_MS, CommandRecord
from command_api.commands.store.rotations import DueRotation, due_rotations, mark_applied
from command_api.ports import ServiceAway, ServiceFailed, Services
from csms_shared.broker.topology import STATION_REGISTRY
from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.db.engine import in_transaction
from csms_shared.db.tenancy import acting_for
from csms_shared.runtime.clock import now_ms
from csms_shared.runtime.errors import Unavailable
from csms_shared.runtime.retrying import until_available

log = structlog.get_logger(__name__)

POLL_S = 5.0
_LIMIT = 100
_NO_SUCH_STATION = "not_found"


async def offer_password(services: Services, command: CommandRecord) -> None:
    """Have the registry take connections with the password that the station is to be sent.

    What becomes of the command ends this; should nothing, because the command is not stored after
    all, then the station's next connection does.

    Raises:
        ProblemRaised: there is no such station, or another rotation of it is under way.
        ServiceAway: the registry does not answer.
    """
    await services.ask(
        STATION_REGISTRY,
        "stations.set_password",
        {
            "station_id": command.station_id,
            "credential_proofs": command.rotation_proofs,
            "rotation": command.command_id,
            "lasts_s": (command.deadline_ms - now_ms() + ANSWER_TIMEOUT_MS + GRACE_MS) / 1000,
            **OFFERED,
        },
    )


class PasswordRotations:
    """Applies rotations until the registry has each; every replica may run one."""

    def __init__(self, engine: AsyncEngine, services: Services) -> None:
        self._engine = engine
        self._services = services
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Tell that a rotation was answered."""
        self._wake.set()

    async def run(self) -> None:
        """Apply until cancelled."""
        retrying = until_available(Unavailable, ServiceAway, on_failure=_log_wait)
        while True:
            await retrying(self._apply_due)
            try:
                async with asyncio.timeout(POLL_S):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()

    async def _apply_due(self) -> None:
        """Apply what is due; what the registry won't take now is due again at the next turn.

        Raises:
            Unavailable, ServiceAway: the database or the registry does not answer.
        """
        put_off: list[UUID] = []

        async def find_due(connection: AsyncConnection) -> list[DueRotation]:
            return await due_rotations(connection, put_off, _LIMIT)

        while due := await in_transaction(self._engine, find_due):
            put_off += [rotation.command_id for rotation in due if not await self._apply(rotation)]

    async def _apply(self, rotation: DueRotation) -> bool:
        try:
            with acting_for(rotation.tenant_id):
                await self._services.ask(
                    STATION_REGISTRY,
                    "stations.set_password",
                    {
                        "station_id": rotation.station_id,
                        "credential_proofs": rotation.proofs,
                        "rotation": rotation.command_id,
                        **password_change(rotation.status, rotation.response, rotation.ended_ms),
                    },
                )
        except ServiceFailed as error:
            log.error("rotation_failed", command_id=str(rotation.command_id), error=str(error))
            return False
        except ProblemRaised as refused:
            code = refused.problem.code
            log.warning("rotation_refused", command_id=str(rotation.command_id), problem=code)
            if code != _NO_SUCH_STATION:
                return False
            # Deleted meanwhile: there is no password to set.
        await in_transaction(self._engine, lambda connection: mark_applied(connection, rotation))
        return True


async def _log_wait(error: BaseException) -> None:
    log.warning("rotations_wait", error=str(error))
