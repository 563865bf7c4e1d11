"""Who does not get in: the status, the row that says why, and the security event.

Security whitepaper, 2.3.1, 2.4.1 and 2.5.1.
"""

from collections.abc import Callable

import pytest

from csms_local.run_state import RunState
from csms_simulator.certificates import Authority, Issued
from tests.conformance.central_system import CentralSystem
from tests.conformance.security.secured import PASSWORD, TLS_ENDED, Way, by, refusal, status_of
from tests.conformance.security.trust import OPERATOR, Trust

WRONG = "f" * 40


@pytest.mark.parametrize(
    ("profile", "way"),
    [
        (1, Way(password=PASSWORD)),
        (2, Way(tls=True, password=PASSWORD)),
    ],
)
async def test_a_station_of_each_profile_gets_in(
    run: RunState, trust: Trust, central: CentralSystem, profile: int, way: Way
) -> None:
    await central.create(security_profile=profile, password=PASSWORD)
    async with by(way, run, trust, central) as station:
        assert (await station.boot())["status"] == "Accepted"
        kept = await central.station(lambda found: found["online"])
        assert kept["security_profile"] == profile
    assert await central.operator.items(f"/stations/{central.station_id}/refusals") == []


@pytest.mark.parametrize("name", ["station id", "registered serial number"])
async def test_a_station_of_profile_3_gets_in_by_its_certificate(
    run: RunState, trust: Trust, central: CentralSystem, name: str
) -> None:
    """A00.FR.404 and 405."""
    serial_number = f"SN-{central.station_id}"
    await central.create(security_profile=3, registered_serial_number=serial_number)
    common_name = central.station_id if name == "station id" else serial_number
    way = Way(tls=True, certificate=trust.authority.station(common_name))
    async with by(way, run, trust, central) as station:
        assert (await station.boot())["status"] == "Accepted"


@pytest.mark.parametrize(
    ("profile", "way", "status", "reason"),
    [
        (1, Way(password=WRONG), 401, "bad_credentials"),
        (1, Way(), 401, "bad_credentials"),
        (1, Way(tls=True, password=PASSWORD), 403, "wrong_security_profile"),
        (2, Way(tls=True, password=WRONG), 401, "bad_credentials"),
        (2, Way(tls=True), 401, "bad_credentials"),
        (2, Way(password=PASSWORD), 403, "wrong_security_profile"),
        (3, Way(tls=True, password=PASSWORD), 403, "wrong_security_profile"),
        (3, Way(password=PASSWORD), 403, "wrong_security_profile"),
    ],
)
async def test_a_connection_of_another_profile_or_password_is_refused(
    run: RunState,
    trust: Trust,
    central: CentralSystem,
    profile: int,
    way: Way,
    status: int,
    reason: str,
) -> None:
    """A00.FR.203, 302 and 401."""
    await central.create(security_profile=profile, password=PASSWORD)
    assert await status_of(way, run, trust, central) == status
    row = await refusal(central, reason, status)
    assert row["remote_address"] == "127.0.0.1"
    kept = await central.station()
    assert not kept["online"]
    assert kept["last_refusal"]["id"] == row["id"]


def _expired(trust: Trust, central: CentralSystem) -> Issued:
    return trust.authority.station(central.station_id, days=(-9, -1))


def _of_another_station(trust: Trust, central: CentralSystem) -> Issued:
    return trust.authority.station(f"another than {central.station_id[-8:]}")


def _of_another_operator(trust: Trust, central: CentralSystem) -> Issued:
    return trust.authority.station(central.station_id, "Another operator")


def _of_another_authority(_: Trust, central: CentralSystem) -> Issued:
    return Authority(OPERATOR, "Another CA").station(central.station_id)


def _of_a_server(trust: Trust, central: CentralSystem) -> Issued:
    return trust.authority.server(central.station_id)


@pytest.mark.parametrize(
    ("made", "status", "reason"),
    [
        (_of_another_station, 403, "bad_certificate"),
        (_of_another_operator, 403, "bad_certificate"),
        (_expired, TLS_ENDED, "client_certificate_refused"),
        (_of_another_authority, TLS_ENDED, "client_certificate_refused"),
        (_of_a_server, TLS_ENDED, "client_certificate_refused"),
    ],
)
async def test_a_connection_with_another_certificate_is_refused(
    run: RunState,
    trust: Trust,
    central: CentralSystem,
    made: Callable[[Trust, CentralSystem], Issued],
    status: int,
    reason: str,
) -> None:
    """A00.FR.403 to 408: also with the right password beside it."""
    await central.create(security_profile=3, password=PASSWORD)
    way = Way(tls=True, password=PASSWORD, certificate=made(trust, central))
    assert await status_of(way, run, trust, central) == status
    await refusal(central, reason, status)
    assert not (await central.station())["online"]
