"""The story of one driver: plug in, authorize, charge, stop, unplug."""

import asyncio
from dataclasses import dataclass
from typing import Protocol

from csms_simulator.session import ChargingSession


class DriversStation(Protocol):
    """What a driver does at a station."""

    async def report_connector(self, connector_id: int, status: str | None = None) -> None:
        """Set a connector's status and report it."""

    async def authorize(self, id_tag: str) -> bool:
        """Ask whether a token may charge."""

    def open_session(self, connector_id: int, id_tag: str) -> ChargingSession:
        """Begin a session on a connector."""


@dataclass(frozen=True, slots=True)
class SessionPlan:
    """How long and how strongly to charge; without `samples` until somebody asks for the stop."""

    samples: int | None = 6
    sample_interval: float = 1.0
    power_w: int = 11_000
    meter_speed: float = 1.0
    stop_reason: str = "Local"
    with_data: bool = False

    def energy_per_sample_wh(self, power_w: int) -> int:
        """What the meter advances between two samples, sped up by `meter_speed`."""
        return max(1, round(power_w * self.sample_interval * self.meter_speed / 3600))


async def run_session(
    station: DriversStation,
    connector_id: int,
    id_tag: str,
    plan: SessionPlan,
    authorize: bool = True,
) -> ChargingSession | None:
    """Run a whole session and return it; None if the id token was refused before the start.

    Nothing here needs a connection except Authorize: offline, the station charges at once and
    delivers the record later. The session may still be in the queue when this returns.
    """
    await station.report_connector(connector_id, "Preparing")
    if authorize and not await station.authorize(id_tag):
        await station.report_connector(connector_id, "Available")
        return None
    session = station.open_session(connector_id, id_tag)
    session.start()
    await station.report_connector(connector_id, "Charging")
    await charge_until_end(station, session, plan)
    return session


async def charge_until_end(
    station: DriversStation, session: ChargingSession, plan: SessionPlan
) -> None:
    """Charge a session that has begun as planned, stop it, and free its connector."""
    taken = 0
    while plan.samples is None or taken < plan.samples:
        if await _stop_came(session, plan.sample_interval):
            break
        power_w = min(plan.power_w, session.power_limit_w)
        session.charge(plan.energy_per_sample_wh(power_w), power_w)
        session.take_sample()
        taken += 1
    session.stop(
        session.stop_reason if session.stop_requested.is_set() else plan.stop_reason,
        with_data=plan.with_data,
    )
    await station.report_connector(session.connector_id, "Finishing")
    await station.report_connector(session.connector_id, "Available")


async def _stop_came(session: ChargingSession, within: float) -> bool:
    try:
        async with asyncio.timeout(within):
            await session.stop_requested.wait()
    except TimeoutError:
        return False
    return True
