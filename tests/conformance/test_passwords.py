"""Use case A01 of the security whitepaper: however a change of the password goes, one is left."""

import asyncio
import secrets
import uuid

import asyncpg
import pytest
from websockets.exceptions import InvalidStatus

from csms_local.run_state import RunState
from tests.conformance.central_system import CentralSystem
from tests.conformance.played_station import Payload, PlayedStation, connected
from tests.integration.waiting import eventually

KEY = "AuthorizationKey"
ACTION = "ChangeConfiguration"
OLD, NEW = (secrets.token_hex(20) for _ in range(2))


async def lets_in(run: RunState, central: CentralSystem, password: str) -> bool:
    """Try a password once."""
    try:
        async with connected(run.ocpp_url, central.station_id, password=password):
            return True
    except InvalidStatus as refused:
        if refused.response.status_code != 401:
            raise
        return False


async def only(run: RunState, central: CentralSystem, password: str) -> None:
    """Check that of the two passwords this one counts, and goes on to, and the other does not."""
    assert await lets_in(run, central, password)
    assert not await lets_in(run, central, OLD if password == NEW else NEW)
    assert await lets_in(run, central, password)
    kept = await central.station()
    assert (kept["has_password"], kept["password_change_pending"]) == (True, False)
    refused = await central.operator.items(f"/stations/{central.station_id}/refusals")
    assert {row["reason"] for row in refused} <= {"bad_credentials"}


async def booted(station: PlayedStation) -> PlayedStation:
    """Let a station boot."""
    await station.boot()
    await station.status(1, "Available")
    return station


def rotation(central: CentralSystem) -> "asyncio.Task[Payload]":
    """Begin a change of the password."""
    return asyncio.create_task(
        central.operator.command(central.station_id, ACTION, {"key": KEY, "value": NEW})
    )


async def applied(run: RunState, rotating: "asyncio.Task[Payload]") -> Payload:
    """Wait for the end of a change, and until the passwords are changed by it.

    That is a moment later, which no station is quick enough to notice, and REST does not show.
    """
    command = await rotating
    database = await asyncpg.connect(run.database_url)
    query = "SELECT rotation_applied FROM command.commands WHERE command_id = $1"
    try:
        await eventually(
            lambda: database.fetchval(query, uuid.UUID(command["command_id"])),
            lambda status: status == command["status"],
        )
    finally:
        await database.close()
    return command


@pytest.fixture
async def profile_1(central: CentralSystem) -> CentralSystem:
    """A station of security profile 1 with the old password."""
    await central.create(security_profile=1, password=OLD)
    return central


async def answered(
    run: RunState, central: CentralSystem, answer: Payload | None, code: str = "NotSupported"
) -> Payload:
    """Change the password of a station that answers so; without an answer, by a CALLERROR."""
    async with connected(run.ocpp_url, central.station_id, password=OLD) as station:
        await booted(station)
        command = rotation(central)
        asked = await station.asked(ACTION)
        assert asked.payload == {"key": KEY, "value": NEW}
        if answer is None:
            await station.refuse(asked, code)
        else:
            await station.answer(asked, answer)
        return await applied(run, command)


async def test_a01_the_new_password_from_accepted_on(
    run: RunState, profile_1: CentralSystem
) -> None:
    """A01.FR.03; the password itself is shown and stored nowhere (A01.FR.09)."""
    command = await answered(run, profile_1, {"status": "Accepted"})
    assert (command["status"], command["accepted"]) == ("completed", True)
    assert command["payload"] == {"key": KEY, "value": "***"}
    await only(run, profile_1, NEW)
    recorded = await profile_1.operator.items(f"/stations/{profile_1.station_id}/messages")
    assert not any(NEW in (item["frame"] or "") for item in recorded)


async def test_a01_a_station_that_is_back_at_once_with_its_new_password(
    run: RunState, profile_1: CentralSystem
) -> None:
    """It is let in at its first attempt, sooner than its answer is known everywhere."""
    async with connected(run.ocpp_url, profile_1.station_id, password=OLD) as station:
        await booted(station)
        command = rotation(profile_1)
        asked = await station.asked(ACTION)
        # Before its answer is even sent: nothing later can be slower than this.
        assert await lets_in(run, profile_1, NEW)
    assert (await applied(run, command))["status"] == "outcome_unknown"
    assert asked.payload["value"] == NEW
    await only(run, profile_1, NEW)


@pytest.mark.parametrize("status", ["Rejected", "NotSupported"])
async def test_a01_the_old_password_where_the_station_says_no(
    run: RunState, profile_1: CentralSystem, status: str
) -> None:
    """A01.FR.04."""
    command = await answered(run, profile_1, {"status": status})
    assert (command["status"], command["accepted"]) == ("completed", False)
    await only(run, profile_1, OLD)


async def test_a01_the_old_password_where_the_station_answers_an_error(
    run: RunState, profile_1: CentralSystem
) -> None:
    assert (await answered(run, profile_1, None))["status"] == "error"
    await only(run, profile_1, OLD)


@pytest.mark.parametrize("stored", [False, True], ids=["nothing stored", "stored"])
async def test_a01_the_station_dies_before_it_answers(
    run: RunState, profile_1: CentralSystem, stored: bool
) -> None:
    """Nobody knows which password it has, until it comes back with one of them."""
    async with connected(run.ocpp_url, profile_1.station_id, password=OLD) as station:
        await booted(station)
        command = rotation(profile_1)
        await station.asked(ACTION)
    assert (await applied(run, command))["status"] == "outcome_unknown"
    await only(run, profile_1, NEW if stored else OLD)


async def test_a01_a_change_that_takes_a_reboot_and_takes(
    run: RunState, profile_1: CentralSystem
) -> None:
    """Until the reboot the station goes on with the old password."""
    command = await answered(run, profile_1, {"status": "RebootRequired"})
    assert (command["status"], command["accepted"]) == ("completed", True)
    assert await lets_in(run, profile_1, OLD)
    assert await lets_in(run, profile_1, OLD)
    await only(run, profile_1, NEW)


async def reset(central: CentralSystem, station: PlayedStation, status: str) -> None:
    """Have the station reset."""
    await central.command(station, "Reset", {"type": "Hard"}, {"status": status})


@pytest.mark.parametrize("password", [OLD, NEW], ids=["not taken", "taken"])
async def test_a01_a_change_that_takes_a_reboot_ends_with_that_reboot(
    run: RunState, profile_1: CentralSystem, password: str
) -> None:
    """After a reset that the station accepted, the password that it uses is the one it has."""
    await answered(run, profile_1, {"status": "RebootRequired"})
    async with connected(run.ocpp_url, profile_1.station_id, password=OLD) as station:
        await reset(profile_1, station, "Rejected")
    # No reset, no end: the new one still counts.
    async with connected(run.ocpp_url, profile_1.station_id, password=OLD) as station:
        await reset(profile_1, station, "Accepted")
    assert (await profile_1.station())["password_change_pending"]

    async def pending() -> bool:
        assert await lets_in(run, profile_1, password)
        return bool((await profile_1.station())["password_change_pending"])

    # A station needs longer to reboot than its yes to the reset needs to be known everywhere.
    await eventually(pending, lambda pending: not pending)
    await only(run, profile_1, password)


async def test_a01_a_first_password_that_the_station_may_not_have_taken(
    run: RunState, central: CentralSystem
) -> None:
    """A station without one is not locked out by a change that it died of."""
    async with connected(run.ocpp_url, central.station_id) as station:
        await booted(station)
        command = rotation(central)
        await station.asked(ACTION)
    assert (await applied(run, command))["status"] == "outcome_unknown"
    async with connected(run.ocpp_url, central.station_id) as station:
        await station.call("Heartbeat", {})
    assert not (await central.station())["has_password"]
    assert await lets_in(run, central, NEW)
    await only(run, central, NEW)


async def test_a01_a_change_that_never_reached_the_station(
    run: RunState, profile_1: CentralSystem
) -> None:
    async with connected(run.ocpp_url, profile_1.station_id, password=OLD) as station:
        await booted(station)
    await profile_1.station(lambda found: not found["online"])
    command = await applied(run, rotation(profile_1))
    assert (command["status"], command["sent_at"]) == ("station_offline", None)
    await only(run, profile_1, OLD)
