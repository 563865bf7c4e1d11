"""Use case A05 of the security whitepaper: a higher security profile, and never a lower one."""

import asyncio

import pytest

from csms_local.run_state import RunState
from tests.conformance.central_system import CentralSystem
from tests.conformance.played_station import Payload, PlayedStation
from tests.conformance.security.secured import PASSWORD, Way, by, refusal, status_of
from tests.conformance.security.trust import Trust

ACTION, KEY = "ChangeConfiguration", "SecurityProfile"
BASIC = Way(password=PASSWORD)
TLS = Way(tls=True, password=PASSWORD)


async def booted(station: PlayedStation) -> PlayedStation:
    """Let a station boot."""
    await station.boot()
    await station.status(1, "Available")
    return station


async def raised(
    central: CentralSystem, station: PlayedStation, profile: int, status: str
) -> Payload:
    """Ask the station for a higher profile."""
    change = {"key": KEY, "value": str(profile)}
    return await central.command(station, ACTION, change, {"status": status})


async def stands(central: CentralSystem, profile: int, upgrade: int | None) -> None:
    """Check what is kept of the station's profile."""
    wanted = (profile, upgrade)
    await central.station(
        lambda found: (found["security_profile"], found["upgrade_profile"]) == wanted
    )


async def test_a05_upgrade_of_the_security_profile(
    run: RunState, trust: Trust, central: CentralSystem
) -> None:
    """From a first password over TLS to a certificate of the suite's own authority."""
    async with by(Way(), run, trust, central) as station:
        await booted(station)
        # No password yet: refused here, the station hears of nothing (A05.FR.02).
        path = f"/stations/{central.station_id}/commands/{ACTION}"
        refused = await central.operator.http.post(path, json={"key": KEY, "value": "1"})
        assert (refused.status_code, refused.json()["code"]) == (409, "no_password")
        assert station.nothing_asked()
        password = {"key": "AuthorizationKey", "value": PASSWORD}
        await central.command(station, ACTION, password, {"status": "Accepted"})
        await central.station(lambda found: found["has_password"])
        await raised(central, station, 1, "Accepted")
        await stands(central, 0, 1)
    steps = [(1, BASIC), (2, TLS), (3, None)]
    for profile, way in steps:
        if way is None:
            certificate = trust.authority.station(central.station_id)
            way = Way(tls=True, certificate=certificate)
        async with by(way, run, trust, central) as station:
            await stands(central, profile, None)
            if profile < 3:
                await raised(central, station, profile + 1, "Accepted")
                await stands(central, profile, profile + 1)
    # A05.FR.09: every lower one is closed.
    for lower in (Way(), BASIC, TLS):
        assert await status_of(lower, run, trust, central) == 403
    await refusal(central, "wrong_security_profile", 403)
    await stands(central, 3, None)


@pytest.mark.parametrize("status", ["Accepted", "RebootRequired"])
async def test_a05_both_profiles_count_until_the_first_connection_with_the_higher_one(
    run: RunState, trust: Trust, central: CentralSystem, status: str
) -> None:
    """A05.FR.08: a station that can't connect so falls back."""
    await central.create(security_profile=1, password=PASSWORD)
    async with by(BASIC, run, trust, central) as station:
        await booted(station)
        await raised(central, station, 2, status)
    await stands(central, 1, 2)
    assert await status_of(BASIC, run, trust, central) == 101
    assert await status_of(BASIC, run, trust, central) == 101
    await stands(central, 1, 2)
    assert await status_of(TLS, run, trust, central) == 101
    await stands(central, 2, None)
    assert await status_of(BASIC, run, trust, central) == 403
    assert await status_of(TLS, run, trust, central) == 101
    row = await refusal(central, "wrong_security_profile", 403)
    assert row["times"] == 1


@pytest.mark.parametrize("status", ["Rejected", "NotSupported"])
async def test_a05_a_station_that_does_not_take_the_higher_profile(
    run: RunState, trust: Trust, central: CentralSystem, status: str
) -> None:
    """A05.FR.02 to 04: it stays as it is, and the higher one does not count."""
    await central.create(security_profile=1, password=PASSWORD)
    async with by(BASIC, run, trust, central) as station:
        await booted(station)
        command = await raised(central, station, 2, status)
        assert not command["accepted"]
        await stands(central, 1, None)
    assert await status_of(TLS, run, trust, central) == 403
    assert await status_of(BASIC, run, trust, central) == 101


async def test_a05_a_station_that_dies_before_it_answers(
    run: RunState, trust: Trust, central: CentralSystem
) -> None:
    """Whether it took the higher profile shows when it connects."""
    await central.create(security_profile=1, password=PASSWORD)
    async with by(BASIC, run, trust, central) as station:
        await booted(station)
        command = asyncio.create_task(
            central.operator.command(central.station_id, ACTION, {"key": KEY, "value": "2"})
        )
        await station.asked(ACTION)
    assert (await command)["status"] == "outcome_unknown"
    assert await status_of(BASIC, run, trust, central) == 101
    assert await status_of(TLS, run, trust, central) == 101
    await stands(central, 2, None)
    assert await status_of(BASIC, run, trust, central) == 403


@pytest.mark.parametrize("value", ["0", "1", "2"])
async def test_a05_never_a_downgrade(
    run: RunState, trust: Trust, central: CentralSystem, value: str
) -> None:
    """A00.FR.005, A05.FR.01: lower or equal is refused here, and never reaches the station."""
    await central.create(security_profile=2, password=PASSWORD)
    async with by(TLS, run, trust, central) as station:
        await booted(station)
        path = f"/stations/{central.station_id}/commands/{ACTION}"
        refused = await central.operator.http.post(path, json={"key": KEY, "value": value})
        assert refused.status_code in (409, 422)
        assert station.nothing_asked()
    await stands(central, 2, None)
    assert await status_of(BASIC, run, trust, central) == 403
