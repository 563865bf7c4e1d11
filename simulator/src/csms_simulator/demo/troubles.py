"""What goes wrong at stations by themselves: each is there once, however often the demo runs."""

from urllib.parse import quote

from csms_simulator.answer import Answer, AnswerWithCallError
from csms_simulator.bare_station import BareStation
from csms_simulator.demo.charger import DemoStation
from csms_simulator.demo.network import FAULTED, FORGETFUL, OFFLINE, OPENED, REFUSED
from csms_simulator.operator import Operator
from csms_simulator.settings import StationSettings
from csms_simulator.station import SimulatedStation
from csms_simulator.wire import Payload

_UNKNOWN_TRANSACTION = 2_000_000_000
_KNOCKS_EVERY_S = 60.0
BOOT_PATIENCE_S = 60.0


async def fail(stations: dict[str, DemoStation]) -> None:
    """Break a connector."""
    station_id, connector = FAULTED
    station = stations[station_id]
    station.faults[connector] = "GroundFailure"
    await station.report_connector(connector, "Faulted")


async def answer_with_an_error(station: BareStation, request: Payload) -> Answer:
    """Answer any call as firmware with a defect does."""
    raise AnswerWithCallError("InternalError", "the cache can't be read")


async def stop_what_nobody_started(station: DemoStation, operator: Operator) -> None:
    """Stop a transaction that the suite never heard of."""
    if await operator.items("/quarantine", station_id=FORGETFUL):
        return
    await station.call(
        "StopTransaction",
        {
            "transactionId": _UNKNOWN_TRANSACTION,
            "meterStop": station.meters[2] + 4_200,
            "timestamp": station.timestamp(),
            "reason": "PowerLoss",
        },
    )


async def report_intrusion(stations: dict[str, DemoStation], operator: Operator) -> None:
    """Report that a cabinet was opened, and that a clock was set."""
    if await operator.items("/security-events", station_id=OPENED):
        return
    station = stations[OPENED]
    for kind, told in (
        ("TamperDetectionActivated", "the door contact of the cabinet opened"),
        ("SettingSystemTime", "the clock was 212 s behind"),
    ):
        event = {"type": kind, "timestamp": station.timestamp(), "techInfo": told}
        await station.call("SecurityEventNotification", event)


def with_a_wrong_password(ocpp_url: str) -> SimulatedStation:
    """Return a station that tries to get in with another password than its own."""
    settings = StationSettings(
        password=b"the password of before",
        first_reconnect_wait=_KNOCKS_EVERY_S,
        longest_reconnect_wait=_KNOCKS_EVERY_S,
    )
    return SimulatedStation(REFUSED, ocpp_url, settings=settings)


async def boot_once_and_vanish(station: DemoStation, operator: Operator) -> None:
    """Boot a station that was never there, and leave it switched off."""
    known = await operator.get(f"/stations/{quote(OFFLINE)}")
    if known["last_boot_at"] is not None:
        return
    async with station:
        await station.wait_accepted(BOOT_PATIENCE_S)
        for connector in station.connector_status:
            await station.report_connector(connector)
