"""Refused handshakes, kept for a while so that an operator can see why a station stays away."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.messages import ListRefusals, RefusalName, RefusalView
from csms_shared.contracts.ownership import CLIENT_CERTIFICATE_REFUSED, ClaimOutcome, Refusal
from csms_shared.contracts.pages import Page
from csms_shared.contracts.refusals import refuse
from csms_shared.service.inbox import Reply, Work
from csms_shared.values.texts import fit, is_storable
from station_registry.database.telling import tell
from station_registry.events import fact
from station_registry.security_events.domain import CONNECTION_REFUSED, SecurityEvent, detected
from station_registry.security_events.handlers import record_security_events
from station_registry.traffic.store import refusals
from station_registry.works import parsed

# Whoever is refused for these tried to pass for a station, or is set up wrongly.
_SECURITY_REASONS = frozenset(
    {
        ClaimOutcome.BAD_CREDENTIALS,
        ClaimOutcome.BAD_CERTIFICATE,
        ClaimOutcome.WRONG_SECURITY_PROFILE,
        CLIENT_CERTIFICATE_REFUSED,
    }
)


async def note_refusals(connection: AsyncConnection, works: Sequence[Work]) -> list[Reply]:
    """Store refusals; the first of an hour is told where it is one of security."""
    found = [(work.envelope["gateway_id"], refusal) for work, refusal in parsed(works, Refusal)]
    await refusals.save(connection, found)
    await _tell_security_events(connection, found)
    return []


async def _tell_security_events(
    connection: AsyncConnection, found: Sequence[tuple[str, Refusal]]
) -> None:
    """Record and tell once what is counted as one (whitepaper, A00.FR.323 and 408)."""
    refused: dict[str, tuple[SecurityEvent, Refusal]] = {}
    for gateway_id, refusal in found:
        if refusal.reason in _SECURITY_REASONS:
            event = _security_event(gateway_id, refusal)
            refused.setdefault(event.event_id, (event, refusal))
    new = await record_security_events(connection, [event for event, _ in refused.values()])
    await tell(
        connection,
        [
            fact(
                "security.connection_refused",
                event.station_id,
                (event.event_id,),
                event.received_ms,
                remote_address=refusal.remote_address,
                reason=refusal.reason,
                detail=refusal.detail,
                http_status=refusal.http_status,
            )
            for event, refusal in (refused[event.event_id] for event in new)
        ],
    )


def _security_event(gateway_id: str, refusal: Refusal) -> SecurityEvent:
    period_ms = refusal.refused_ms if refusal.period_ms is None else refusal.period_ms
    return detected(
        fit(refusal.station_id, 255) or "",
        CONNECTION_REFUSED,
        f"{refusal.reason} from {refusal.remote_address}: {refusal.detail}",
        (refusal.station_id, refusal.remote_address, refusal.reason, gateway_id, period_ms),
        refusal.refused_ms,
    )


async def list_refusals(connection: AsyncConnection, query: ListRefusals) -> Page[RefusalView]:
    """Return a page of refusals, also of stations that nobody knows."""
    if query.station_id is not None and not is_storable(query.station_id):
        return Page(items=[])
    return await refusals.page(connection, query)


async def get_refusal(connection: AsyncConnection, name: RefusalName) -> RefusalView:
    """Return one row of refusals.

    Raises:
        ProblemRaised: 404, there is none of this id.
    """
    found = await refusals.get(connection, name.tenant_id, name.id)
    if found is None:
        raise refuse(404, "not_found", f"there is no refusal {name.id}")
    return found
