"""Claims: authenticate stations and make their newest connections the owners."""

from collections.abc import Sequence

from prometheus_client import Counter
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.ownership import Claim, ClaimOutcome, ClaimReply
from csms_shared.runtime.clock import now_ms
from csms_shared.service.inbox import Reply, Work
from csms_shared.values.texts import is_storable
from station_registry.certificates.store import certificates
from station_registry.credentials.domain.client_certificates import fingerprint_of
from station_registry.credentials.store.passwords import save_credentials
from station_registry.database.telling import tell
from station_registry.events import Event, fact
from station_registry.history import store as history
from station_registry.history.domain import Change
from station_registry.ownership.domain.claims import (
    ClaimDecision,
    ClaimedStation,
    admissible,
    decide_claim,
    may_be_created,
    refuse_unknown,
)
from station_registry.ownership.domain.presence import CameOnline, came_online
from station_registry.ownership.handlers import controls
from station_registry.ownership.store import claimed_stations, connections, leases, liveness
from station_registry.provisioning import store as stations
from station_registry.provisioning.domain.registration import Policies
from station_registry.tenants import store as tenants
from station_registry.tenants.domain import why_no_more
from station_registry.works import parsed

CLAIMS = Counter("csms_claims_total", "Claims of connections, by outcome.", ["outcome"])
for _outcome in ClaimOutcome:
    CLAIMS.labels(_outcome.value)
CONFLICTS = Counter(
    "csms_ownership_conflicts_total", "Claims that took a station from another connection."
)


async def admit_unknown(
    connection: AsyncConnection, works: Sequence[Work], policies: Policies
) -> None:
    """Create the stations of these claims that nobody announced, where that is the policy.

    Comes before any station is locked: whoever creates holds one lock that all who create wait
    for, and may hold none that they have.
    """
    if policies.unknown_stations == "reject":
        return
    now = now_ms()
    wanted = _in_time(works, now)
    revoked = await _revoked(connection, wanted)
    welcome = {
        request.station_id
        for _, request in wanted
        if is_storable(request.station_id)
        and may_be_created(request, policies, now / 1000, revoked)
    }
    unknown = await stations.unknown(connection, welcome) if welcome else set()
    if not unknown:
        return
    existing = await stations.count_auto_created(connection)
    tenant_id = policies.unknown_stations_tenant
    quotas = await tenants.lock_quotas(connection, [tenant_id])
    admitted = admissible(unknown, existing, policies, quotas.get(tenant_id))
    created = await stations.create_unknown(connection, tenant_id, admitted) if admitted else {}
    events = [
        fact("station.created", station_id, (station_id, epoch), now)
        for station_id, epoch in created.items()
    ]
    await tell(connection, events)


async def claim(
    connection: AsyncConnection, works: Sequence[Work], policies: Policies
) -> list[Reply]:
    """Decide a batch of claims in order of arrival; a later one of a station wins."""
    now = now_ms()
    wanted = _in_time(works, now)
    if not wanted:
        return []
    ids = {request.station_id for _, request in wanted if is_storable(request.station_id)}
    revoked = await _revoked(connection, wanted)
    known = await claimed_stations.lock_for_claims(connection, ids)
    # Not when the socket was opened: a claim waits, and what ended meanwhile has ended before.
    online_ms = now_ms()
    before = dict(known)
    no_more = "" if known.keys() == ids else await _no_more(connection, policies)
    replies: list[Reply] = []
    events: list[Event] = []
    changes: list[Change] = []
    newest: dict[str, tuple[Claim, int]] = {}
    for work, request in wanted:
        station = known.get(request.station_id)
        if station is None:
            refused = refuse_unknown(request, policies, now / 1000, revoked, no_more)
            replies.append(_reply(work, refused))
            continue
        gateway_id = work.envelope["gateway_id"]
        decision = decide_claim(station, request, gateway_id, policies, now / 1000, revoked)
        known[request.station_id] = decision.station
        replies.append(_reply(work, decision.reply))
        if decision.claimed is None or decision.claimed.repeated:
            continue
        newest[request.station_id] = request, decision.profile
        replies += _controls(decision)
        events += _events(decision, request, work, online_ms)
        events += _raised(station, decision, request)
        changes += _changes(decision, request, online_ms)
    await _store(connection, before, known, newest)
    await leases.introduce(
        connection,
        [(work.envelope["gateway_id"], work.envelope["gateway_name"]) for work, _ in wanted],
    )
    await history.save(connection, changes)
    await tell(connection, events)
    return replies


def _in_time(works: Sequence[Work], now: int) -> list[tuple[Work, Claim]]:
    # Past its deadline the gateway has refused the station already.
    return [
        (work, request)
        for work, request in parsed(works, Claim)
        if work.envelope["deadline_ms"] > now
    ]


async def _revoked(
    connection: AsyncConnection, wanted: Sequence[tuple[Work, Claim]]
) -> frozenset[str]:
    shown = {
        fingerprint
        for _, request in wanted
        if request.certificate is not None
        and (fingerprint := fingerprint_of(request.certificate)) is not None
    }
    return await certificates.revoked_among(connection, shown) if shown else frozenset()


async def _no_more(connection: AsyncConnection, policies: Policies) -> str:
    """Return why the tenant of unknown stations is given no more of them, if it is not."""
    if policies.unknown_stations == "reject":
        return ""
    tenant_id = policies.unknown_stations_tenant
    return why_no_more(tenant_id, await tenants.read_quota(connection, tenant_id))


async def _store(
    connection: AsyncConnection,
    before: dict[str, ClaimedStation],
    after: dict[str, ClaimedStation],
    newest: dict[str, tuple[Claim, int]],
) -> None:
    if not newest:
        return
    await claimed_stations.save_claimed(
        connection,
        [
            (
                after[station_id],
                request.ocpp_version,
                after[station_id].credentials != before[station_id].credentials,
                profile,
            )
            for station_id, (request, profile) in newest.items()
        ],
    )
    for station_id in newest:
        if after[station_id].credentials.current != before[station_id].credentials.current:
            # A rotation that ended with the old password: too rare for a statement of its own.
            await save_credentials(connection, station_id, after[station_id].credentials)
    held = [
        connections.HeldConnection(
            station_id, owner, request.ocpp_version, request.remote_address, request.connected_ms
        )
        for station_id, (request, _) in newest.items()
        if (owner := after[station_id].ownership.owner) is not None
    ]
    await connections.save(connection, held)
    await liveness.save_seen(
        connection, [(row.station_id, row.owner.epoch, row.connected_ms) for row in held]
    )


def _reply(work: Work, reply: ClaimReply) -> Reply:
    CLAIMS.labels(str(reply.outcome)).inc()
    return Reply(work.envelope["reply_key"], MessageType.CLAIM_REPLIES, reply)


def _controls(decision: ClaimDecision) -> list[Reply]:
    claimed = decision.claimed
    if claimed is None or claimed.superseded is None:
        return []
    CONFLICTS.inc()
    return [controls.superseded(decision.station.station_id, claimed.superseded, claimed.epoch)]


def _events(decision: ClaimDecision, request: Claim, work: Work, online_ms: int) -> list[Event]:
    claimed = decision.claimed
    if claimed is None:
        return []
    station_id, cause = request.station_id, (request.connection_id,)
    events = [
        fact(
            "station.connected",
            station_id,
            cause,
            request.connected_ms,
            gateway_id=work.envelope["gateway_id"],
            connection_id=request.connection_id,
            epoch=claimed.epoch,
            ocpp_version=request.ocpp_version,
            remote_address=request.remote_address,
            security_profile=decision.profile,
        )
    ]
    if claimed.came_online:
        events.append(fact("station.online", station_id, cause, online_ms, epoch=claimed.epoch))
    return events


def _changes(decision: ClaimDecision, request: Claim, online_ms: int) -> list[Change]:
    claimed = decision.claimed
    if claimed is None or claimed.ownership.owner is None:
        return []
    why = CameOnline.NEW_CONNECTION if claimed.came_online else CameOnline.SUPERSEDED
    return [came_online(request.station_id, claimed.ownership.owner, why, online_ms)]


def _raised(before: ClaimedStation, decision: ClaimDecision, request: Claim) -> list[Event]:
    previous, profile = before.profiles.current, decision.station.profiles.current
    if profile == previous:
        return []
    return [
        fact(
            "station.security_profile_raised",
            request.station_id,
            (request.connection_id,),
            request.connected_ms,
            security_profile=profile,
            previous_security_profile=previous,
            connection_id=request.connection_id,
        )
    ]
