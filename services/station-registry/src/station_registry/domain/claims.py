"""May this connection be opened: identity, password, security profile, version, then ownership."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from csms_shared.contracts.ownership import Claim, ClaimOutcome, ClaimReply
from csms_shared.contracts.stations import RegistrationStatus
from station_registry.domain.credentials import CredentialMatch, Credentials, after_use, match
from station_registry.domain.ownership import Claimed, Ownership, claim
from station_registry.domain.registration import Policies, Standing, registration_change


@dataclass(frozen=True, slots=True)
class ClaimedStation:
    """What a claim is decided on."""

    station_id: str
    standing: Standing
    security_profile: int
    credentials: Credentials
    ownership: Ownership
    status_known: bool


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
    station: ClaimedStation, request: Claim, gateway_id: str, policies: Policies
) -> ClaimDecision:
    """Authenticate the station and make the connection its owner."""
    if request.connection_id in station.ownership.recent:
        # Came again after its answer was lost; what was decided then still holds.
        return _accept(station, request, gateway_id, policies)
    found = match(station.credentials, request.credential_proofs)
    if (station.credentials.present or station.security_profile in (1, 2)) and (
        found is CredentialMatch.NONE
    ):
        return _refuse(station, request, ClaimOutcome.BAD_CREDENTIALS)
    if request.security_profile < station.security_profile:
        return _refuse(station, request, ClaimOutcome.WRONG_SECURITY_PROFILE)
    if station.standing.strict and not request.offers_subprotocol:
        # OCPP-J 1.6, 3.1.2: the version MUST be given in Sec-WebSocket-Protocol.
        return _refuse(station, request, ClaimOutcome.MISSING_SUBPROTOCOL)
    if station.credentials.previous:
        station = replace(
            station, credentials=after_use(station.credentials, request.credential_proofs)
        )
    checked = found is not CredentialMatch.NONE or request.security_profile > 2
    profile = request.security_profile if checked else 0
    return replace(_accept(station, request, gateway_id, policies), profile=profile)


def _accept(
    station: ClaimedStation, request: Claim, gateway_id: str, policies: Policies
) -> ClaimDecision:
    claimed = claim(station.ownership, gateway_id, request.connection_id)
    return ClaimDecision(
        ClaimReply(
            connection_id=request.connection_id,
            outcome=ClaimOutcome.ACCEPTED,
            epoch=claimed.epoch,
            booted=station.standing.status is RegistrationStatus.ACCEPTED,
            status_known=station.status_known,
            registration=registration_change(station.standing, policies),
        ),
        replace(station, ownership=claimed.ownership),
        claimed,
    )


def _refuse(station: ClaimedStation, request: Claim, outcome: ClaimOutcome) -> ClaimDecision:
    reply = ClaimReply(connection_id=request.connection_id, outcome=outcome)
    if outcome is ClaimOutcome.BAD_CREDENTIALS:
        reply.credential_checks = station.credentials.checks
    return ClaimDecision(reply, station)


def refuse_unknown(request: Claim, policies: Policies) -> ClaimReply:
    """Answer for a station that is not known and was not created either."""
    return ClaimReply(
        connection_id=request.connection_id,
        outcome=ClaimOutcome.UNKNOWN_STATION
        if policies.unknown_stations == "reject"
        else ClaimOutcome.TOO_MANY_UNKNOWN_STATIONS,
    )


def admissible(unknown: Iterable[str], existing: int, policies: Policies) -> list[str]:
    """Return which unknown stations may be created, in the order of their ids."""
    if policies.unknown_stations == "reject":
        return []
    room = max(0, policies.max_unknown_stations - existing)
    return sorted(unknown)[:room]
