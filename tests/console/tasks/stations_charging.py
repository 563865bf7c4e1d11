"""Stations of a task's own, and what they say."""

from csms_simulator.bare_station import BareStation
from csms_simulator.session import ChargingSession

POWER_W = 7_400


async def charging(
    station: BareStation, id_token: str, connector_id: int = 1, energy_wh: int = 1_500
) -> ChargingSession:
    """Let a driver charge, who goes on until somebody ends it; one sample is taken."""
    await station.wait_accepted(60)
    session = station.open_session(connector_id, id_token)
    session.start()
    await session.started(60)
    await station.report_connector(connector_id, "Charging")
    session.charge(energy_wh, POWER_W)
    session.take_sample()
    return session
