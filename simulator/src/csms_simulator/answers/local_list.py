"""GetLocalListVersion and SendLocalList (5.10, 5.15)."""

from csms_simulator.answer import Answer
from csms_simulator.bare_station import BareStation
from csms_simulator.wire import Payload


async def get_local_list_version(station: BareStation, request: Payload) -> Answer:
    """Show the version of the list."""
    return Answer({"listVersion": station.local_list.version})


async def send_local_list(station: BareStation, request: Payload) -> Answer:
    """Replace or change the list."""
    return Answer({"status": station.local_list.update(request)})
