"""The registry's real handlers on a real PostgreSQL, driven and read in the model's terms."""

import asyncio
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.ownership import ClaimReply as ClaimReplyContract
from csms_shared.contracts.ownership import LeaseReply, ReassertionReply
from csms_shared.db.isolation import apply_isolated
from csms_shared.runtime.clock import now_ms
from csms_shared.service.inbox import Reply, Work
from station_registry.certificates.domain.requests import SigningPolicy
from station_registry.certificates.handlers.built_in_authority import signing_now
from station_registry.ownership.handlers.leases import sweep_leases
from station_registry.provisioning.domain.registration import Policies
from station_registry.routes import apply_by, decision_routes, report_routes
from station_registry.stations.store import views
from tests.models.ownership.state import Claim, Incarnation, Reassertion, Release, ToRegistry

# A message and the station that it is about.
Addressed = tuple[str, ToRegistry]
_TABLES = ("station", "station_connection", "station_liveness", "gateway", "lease_watch", "outbox")
_ROUTES = {
    **decision_routes(
        Policies(unknown_stations="accept"), signing_now(SigningPolicy("", ready=False), None)
    ),
    **report_routes(900),
}
_STATIONS = text("SELECT station_id, epoch, released_epoch, recent_connections FROM station")
_OWNERS = text("SELECT station_id, gateway_id, connection_id, epoch FROM station_connection")
_RUNNING = text("SELECT gateway_id FROM gateway WHERE lease_expires_at > now()")
_OUTBOX = text("SELECT events FROM outbox ORDER BY id")


@dataclass(frozen=True, slots=True)
class Observed:
    """The rows, by station; owners are (gateway, connection, epoch).

    `stations`: epoch, released epoch, recent connections. `shown`: owners as other services are
    told. `running`: gateways whose lease runs. `told`: presence as the events tell it, in order.
    """

    stations: dict[str, tuple[Any, ...]]
    owners: dict[str, tuple[Any, ...]]
    shown: dict[str, tuple[Any, ...]]
    running: set[str]
    told: dict[str, list[str]]


def gateway_id(incarnation: Incarnation) -> str:
    """Return how an incarnation is called in messages and rows."""
    return f"gw-{incarnation[0]}-{incarnation[1]}"


class RegistryCode:
    """One registry; every call is a transaction of its own."""

    def __init__(self, runner: asyncio.Runner, engine: AsyncEngine) -> None:
        self._runner = runner
        self._engine = engine
        self._asks = itertools.count()

    def empty(self) -> None:
        """Forget everything, and look at the leases once: no grace is due any more."""
        self._execute(*(f"DELETE FROM {table}" for table in _TABLES))
        self.sweep()

    def take(self, batch: Sequence[Addressed]) -> dict[str, list[Any]]:
        """Apply one batch; return what was answered, by kind, in the batch's order."""
        works = [self._work(station, message) for station, message in batch]
        replies, failures = self._runner.run(apply_isolated(self._engine, works, apply_by(_ROUTES)))
        assert failures == []
        return _answers(replies)

    def sweep(self) -> None:
        """Look for leases that ran out."""

        async def work() -> None:
            async with self._engine.begin() as connection:
                await sweep_leases(connection, "registry-1")

        self._runner.run(work())

    def end_lease(self, incarnation: Incarnation) -> None:
        """Let 20 seconds pass for one gateway."""
        self._execute(
            "UPDATE gateway SET lease_expires_at = now() - interval '1 second' "
            "WHERE gateway_id = :id",
            id=gateway_id(incarnation),
        )

    def come_back(self) -> None:
        """Look at the leases after nobody had for a minute."""
        self._execute("UPDATE lease_watch SET looked_at = now() - interval '1 minute'")
        self.sweep()

    def observe(self, station_ids: Sequence[str]) -> Observed:
        """Return everything that the model knows too, as of one moment."""

        async def work() -> Observed:
            async with self._engine.begin() as connection:
                stations = await connection.execute(_STATIONS)
                owners = await connection.execute(_OWNERS)
                running = await connection.execute(_RUNNING)
                outbox = (await connection.execute(_OUTBOX)).all()
                shown = await views.look_up_owners(connection, list(station_ids))
            return Observed(
                {row[0]: tuple(row[1:]) for row in stations},
                {row[0]: tuple(row[1:]) for row in owners},
                {
                    each.station_id: (each.gateway_id, each.connection_id, each.epoch)
                    for each in shown
                    if each.gateway_id is not None
                },
                {row.gateway_id for row in running},
                _presence(event for row in outbox for event in orjson.loads(bytes(row.events))),
            )

        return self._runner.run(work())

    def _execute(self, *statements: str, **parameters: Any) -> None:
        async def work() -> None:
            async with self._engine.begin() as connection:
                for each in statements:
                    await connection.execute(text(each), parameters)

        self._runner.run(work())

    def _work(self, station_id: str, message: ToRegistry) -> Work:
        connection: dict[str, Any] = {
            "station_id": station_id,
            "ocpp_version": "ocpp16",
            "remote_address": "192.0.2.1",
            "connected_ms": now_ms(),
        }
        if isinstance(message, Release):
            item = {
                "station_id": station_id,
                "connection_id": f"{station_id}{message.released}",
                "epoch": message.epoch,
                "reason": "closed",
                "released_ms": now_ms(),
            }
            return Work("releases.v1", {"gateway_id": "any"}, item)
        name = gateway_id(message.sender)
        envelope: dict[str, Any] = {"gateway_id": name, "gateway_name": name}
        if isinstance(message, Claim):
            envelope |= {"reply_key": f"{name}.claims", "deadline_ms": now_ms() + 60_000}
            item = {**connection, "connection_id": f"{station_id}{message.connection}"}
            return Work("claims.v1", envelope, item)
        # Each asks for itself: answers are told apart by their keys, which keep the order.
        envelope |= {"reply_key": f"{next(self._asks):09}", "correlation_id": "1"}
        if isinstance(message, Reassertion):
            (held,) = message.held
            item = {
                **connection,
                "connection_id": f"{station_id}{held.connection}",
                "epoch": held.epoch,
            }
            return Work("reassertions.v1", envelope, item)
        item = {
            "gateway_id": name,
            "gateway_name": name,
            "connections": 1,
            "version": "1",
            "started_ms": 0,
        }
        return Work("lease.v1", envelope, item)


def _presence(events: Iterable[dict[str, Any]]) -> dict[str, list[str]]:
    told: dict[str, list[str]] = {}
    for event in events:
        for presence in ("online", "offline"):
            if f"station.{presence}." in event["type"]:
                told.setdefault(event["subject"], []).append(presence)
    return told


def _answers(replies: Sequence[Reply]) -> dict[str, list[Any]]:
    answers: dict[str, list[Any]] = {
        "claims": [],
        "superseded": [],
        "reassertions": [],
        "renewals": [],
    }
    for reply in sorted(replies, key=lambda reply: "" if reply.batched else reply.key):
        match reply.content:
            case ClaimReplyContract(connection_id=connection_id, epoch=epoch):
                answers["claims"].append((connection_id, epoch))
            case ReassertionReply(superseded=superseded):
                answers["reassertions"].append(superseded)
            case LeaseReply(confirmed=confirmed):
                answers["renewals"].append(confirmed)
            case control:
                assert reply.type is MessageType.CONTROLS
                answers["superseded"].append((reply.key, control.station_id, control.epoch))  # type: ignore[attr-defined]
    return answers
