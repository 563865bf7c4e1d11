"""Stations of each security profile, and what is kept of those that do not get in."""

import contextlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass

from websockets.exceptions import InvalidMessage, InvalidStatus

from csms_local.run_state import RunState
from csms_simulator.certificates import Issued
from tests.conformance.central_system import CentralSystem
from tests.conformance.played_station import Payload, PlayedStation, connected
from tests.conformance.security.trust import Trust
from tests.integration.waiting import eventually

PASSWORD = secrets.token_hex(20)
# Not an answer: the TLS connection ended in its place.
TLS_ENDED = 0


@dataclass(frozen=True, slots=True)
class Way:
    """How a station connects."""

    tls: bool = False
    password: str | None = None
    certificate: Issued | None = None


@contextlib.asynccontextmanager
async def by(
    way: Way, run: RunState, trust: Trust, central: CentralSystem
) -> AsyncIterator[PlayedStation]:
    """Connect the station this way."""
    assert run.ocpp_tls_url is not None
    async with connected(
        run.ocpp_tls_url if way.tls else run.ocpp_url,
        central.station_id,
        password=way.password,
        tls=trust.context(way.certificate) if way.tls else None,
    ) as station:
        yield station


async def status_of(way: Way, run: RunState, trust: Trust, central: CentralSystem) -> int:
    """Return the HTTP status that answers a connection: 101 where it is let in."""
    try:
        async with by(way, run, trust, central) as station:
            # With TLS 1.3 the client is done before its certificate is judged.
            await station.call("Heartbeat", {})
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code
    except (InvalidMessage, OSError, EOFError):
        return TLS_ENDED


async def refusal(central: CentralSystem, reason: str, status: int) -> Payload:
    """Read the newest refusal, which must be for this, and its security event."""
    path = "/refusals" if status == TLS_ENDED else f"/stations/{central.station_id}/refusals"
    rows = await eventually(
        lambda: central.operator.items(path),
        lambda rows: any(row["reason"] == reason for row in rows),
    )
    row = next(row for row in rows if row["reason"] == reason)
    assert row["http_status"] == status
    # What an installer reads.
    assert row["title"]
    assert row["check"]
    named = "" if status == TLS_ENDED else central.station_id
    await eventually(
        lambda: central.operator.items(
            "/security-events", station_id=named, type="ConnectionRefused", source="suite"
        ),
        lambda events: any(event["detail"].startswith(f"{reason} from ") for event in events),
    )
    return row
