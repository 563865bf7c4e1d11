"""May this connection be opened: identity, security profile, version, then ownership."""

from collections.abc import Container, Iterable
from dataclasses import dataclass, replace

from csms_shared.contracts.ownership import Claim, ClaimOutcome, ClaimReply
from csms_shared.contracts.stations import RegistrationStatus
from station_registry.credentials.domain.client_certificates import read_certificate
from station_registry.credentials.domain.password_hashes import Credentials, after_use
from station_registry.credentials.domain.security_profiles import (
    Judgement,
    Presented,
    Profiles,
    connected_with,
    judge,
)
from station_registry.ownership.domain.owners import Claimed, Ownership, claim
from station_registry.provisioning.domain.registration import (
    Policies,
    Standing,
    registration_change,
)
from station_registry.tenants.domain import StationQuota


@dataclass(frozen=True, slots=True)
class ClaimedStation:
    """What a claim is decided on; `suspended`: the tenant that the station belongs to is."""

    station_id: str
    standing: Standing
    profiles: Profiles
    credentials: Credentials
    ownership: Ownership
    status_known: bool
    tenant_id: str
    suspended: bool


@dataclass(frozen=True, slots=True)
class ClaimDecision:
    """The answer, the station afterwards, and what happened to its ownership, if anything.

    `profile`: the security profile that the connection met; a password that nobody checked
    because the station has none counts as profile 0.
    """

    reply: ClaimReply
    station: ClaimedStation
    claimed: Claimed | None = None
    profile: int = 0


def decide_claim(
    station: ClaimedStation,
    request: Claim,
    gateway_id: str,
    policies: Policies,
    now_s: float,
    revoked: Container[str] = (),
) -> ClaimDecision:
    """Authenticate the station and make the connection its owner.

    `revoked`: fingerprints, of the certificates in these claims, that no longer count.
    """
    if request.connection_id in station.ownership.recent and not station.suspended:
        # Came again after its answer was lost; what was decided then still holds.
        return _accept(station, request, gateway_id, policies)
    judgement = _judge(station.profiles, station.credentials, request, policies, now_s, revoked)
    if judgement.outcome is not ClaimOutcome.ACCEPTED:
        return _refuse(station, request, judgement.outcome, judgement.detail)
    if station.suspended:
        return _refuse(station, request, ClaimOutcome.TENANT_SUSPENDED)
    if station.standing.strict and not request.offers_subprotocol:
        # OCPP-J 1.6, 3.1.2: the version MUST be given in Sec-WebSocket-Protocol.
        return _refuse(station, request, ClaimOutcome.MISSING_SUBPROTOCOL)
    if station.credentials.previous:
        station = replace(
            station, credentials=after_use(station.credentials, request.credential_proofs)
        )
    station = replace(station, profiles=connected_with(station.profiles, judgement.profile))
    return replace(_accept(station, request, gateway_id, policies), profile=judgement.profile)


def _judge(
    profiles: Profiles,
    credentials: Credentials,
    request: Claim,
    policies: Policies,
    now_s: float,
    revoked: Container[str],
) -> Judgement:
    shown = request.certificate
    presented = Presented(
        tls=request.tls,
        proofs=request.credential_proofs,
        has_certificate=shown is not None,
        certificate=None if shown is None else read_certificate(shown, revoked),
    )
    return judge(request.station_id, profiles, credentials, presented, policies.profiles, now_s)


def _accept(
    station: ClaimedStation, request: Claim, gateway_id: str, policies: Policies
) -> ClaimDecision:
    claimed = claim(station.ownership, gateway_id, request.connection_id)
    return ClaimDecision(
        ClaimReply(
            connection_id=request.connection_id,
            outcome=ClaimOutcome.ACCEPTED,
            tenant_id=station.tenant_id,
            epoch=claimed.epoch,
            booted=station.standing.status is RegistrationStatus.ACCEPTED,
            status_known=station.status_known,
            registration=registration_change(station.standing, policies),
        ),
        replace(station, ownership=claimed.ownership),
        claimed,
    )


def _refuse(
    station: ClaimedStation, request: Claim, outcome: ClaimOutcome, detail: str = ""
) -> ClaimDecision:
    reply = ClaimReply(connection_id=request.connection_id, outcome=outcome, detail=detail)
    if outcome is ClaimOutcome.BAD_CREDENTIALS:
        reply.credential_checks = station.credentials.checks
    return ClaimDecision(reply, station)


def refuse_unknown(
    request: Claim,
    policies: Policies,
    now_s: float,
    revoked: Container[str] = (),
    no_more: str = "",
) -> ClaimReply:
    """Answer for a station that is not known and was not created either.

    `no_more`: why the tenant of unknown stations is given none, if it is not.
    """
    outcome, detail = ClaimOutcome.UNKNOWN_STATION, ""
    if policies.unknown_stations != "reject":
        judgement = _judge(Profiles(), Credentials(), request, policies, now_s, revoked)
        # The other outcomes are those of known stations: gateways count them for each.
        detail = judgement.detail
        if judgement.outcome is ClaimOutcome.ACCEPTED:
            outcome, detail = ClaimOutcome.TOO_MANY_UNKNOWN_STATIONS, no_more
    return ClaimReply(connection_id=request.connection_id, outcome=outcome, detail=detail)


def may_be_created(
    request: Claim, policies: Policies, now_s: float, revoked: Container[str] = ()
) -> bool:
    """Tell whether a station that nobody announced could connect so: else it takes no room."""
    judgement = _judge(Profiles(), Credentials(), request, policies, now_s, revoked)
    return judgement.outcome is ClaimOutcome.ACCEPTED


def admissible(
    unknown: Iterable[str], existing: int, policies: Policies, quota: StationQuota | None
) -> list[str]:
    """Return which unknown stations may be created, in the order of their ids.

    `quota`: of the tenant whose they are to be; None where there is no such tenant.
    """
    if policies.unknown_stations == "reject" or quota is None or not quota.active:
        return []
    room = max(0, policies.max_unknown_stations - existing)
    return sorted(unknown)[: quota.room_for(room)]
