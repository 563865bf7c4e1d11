"""Security profiles 0 to 3: with which a station may connect (security whitepaper, 2.1, A05).

Profile 0 asks for nothing: a station without a profile of its own may connect with any. One with
a profile connects with that one and no other (A00.FR.002), but while it is being upgraded.
"""

from dataclasses import dataclass, replace

from csms_shared.contracts.ownership import ClaimOutcome
from csms_shared.contracts.requests import Problem
from station_registry.credentials.domain.client_certificates import (
    ClientCertificate,
    certificate_problem,
)
from station_registry.credentials.domain.password_hashes import CredentialMatch, Credentials, match

HIGHEST = 3
_ANY = (0, 1, 2, 3)


@dataclass(frozen=True, slots=True)
class Profiles:
    """A station's profile, and the higher one it may be on its way to.

    `upgrade_accepted`: the station has said, or may have said, that it will use `upgrade`;
    before that it is only offered.
    """

    current: int = 0
    upgrade: int | None = None
    upgrade_accepted: bool = False
    registered_serial_number: str | None = None


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """How a command ended that raises a profile; `may_be_taken`: as far as anybody knows."""

    station_id: str
    profile: int
    may_be_taken: bool


@dataclass(frozen=True, slots=True)
class ProfileRules:
    """The suite's rules: the least profile, and the organization in stations' certificates."""

    minimum: int = 0
    operator_name: str = ""


@dataclass(frozen=True, slots=True)
class Presented:
    """What a connection showed; `certificate` is null where `has_certificate` can't be read."""

    tls: bool
    proofs: tuple[str, ...]
    has_certificate: bool = False
    certificate: ClientCertificate | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """With which profile the connection may be opened, or why with none."""

    outcome: ClaimOutcome
    profile: int = 0
    detail: str = ""


def judge(
    station_id: str,
    profiles: Profiles,
    credentials: Credentials,
    presented: Presented,
    rules: ProfileRules,
    now_s: float,
) -> Judgement:
    """Find the highest of the station's profiles that the connection meets.

    Passwords are compared only where the kind of connection is right: no answer on the plain
    port says anything of the password of a station that belongs on the other.
    """
    refusals = []
    for profile in sorted(_acceptable(profiles, rules), reverse=True):
        if not _is_of_kind(profile, presented):
            continue
        refusal = _refusal(
            profile, station_id, profiles, credentials, presented, rules.operator_name, now_s
        )
        if refusal is None:
            return Judgement(ClaimOutcome.ACCEPTED, profile)
        refusals.append(refusal)
    if not refusals:
        return Judgement(ClaimOutcome.WRONG_SECURITY_PROFILE, detail=_wanted(profiles, rules))
    # Whoever sent a password hears of the password, who sent a certificate of the certificate.
    return refusals[-1] if presented.proofs else refusals[0]


def connected_with(profiles: Profiles, profile: int) -> Profiles:
    """Return the profiles after a connection: a higher one ends the lower (A05.FR.09)."""
    if profiles.upgrade is None or profile < profiles.upgrade:
        return profiles
    return replace(profiles, current=profile, upgrade=None, upgrade_accepted=False)


def too_low(profile: int | None, rules: ProfileRules) -> bool:
    """Tell whether nobody could connect with this profile; 0 asks for whatever the suite does."""
    return bool(profile) and (profile or 0) < rules.minimum


def offered(
    profiles: Profiles, credentials: Credentials, profile: int, rules: ProfileRules
) -> Profiles | Problem:
    """Open the way to a higher profile, before the station is asked to use it.

    Before, because a station that accepts connects at once, sooner than its answer is known
    everywhere. Lower or equal is refused: never a downgrade through OCPP (A00.FR.005).
    """
    if not profiles.current < profile <= HIGHEST:
        return _conflict(
            "security_profile_not_higher",
            f"the station's security profile is {profiles.current}; OCPP only raises it",
        )
    if profile < rules.minimum:
        return _conflict(
            "security_profile_too_low", f"the suite's least security profile is {rules.minimum}"
        )
    if profile in (1, 2) and not credentials.present:
        return _conflict(
            "no_password", f"security profile {profile} needs a password: set it first"
        )
    if profile == HIGHEST and not rules.operator_name:
        return _conflict("no_operator_name", "security profile 3 needs CSMS_OPERATOR_NAME")
    if profiles.upgrade == profile:
        return profiles
    return replace(profiles, upgrade=profile, upgrade_accepted=False)


def accepted(profiles: Profiles, profile: int) -> Profiles:
    """Note that the station took the change, or may have.

    In any order and any number of times the same: what is not higher changes nothing.
    """
    on_its_way = (profiles.upgrade or 0) if profiles.upgrade_accepted else 0
    if not max(profiles.current + 1, on_its_way) <= profile <= HIGHEST:
        return profiles
    return replace(profiles, upgrade=profile, upgrade_accepted=True)


def declined(profiles: Profiles, profile: int) -> Profiles:
    """Note that the station did not take the change; what it accepted before still counts."""
    if profiles.upgrade != profile or profiles.upgrade_accepted:
        return profiles
    return replace(profiles, upgrade=None)


def _acceptable(profiles: Profiles, rules: ProfileRules) -> set[int]:
    own = {profiles.current} if profiles.current else set(_ANY)
    if profiles.upgrade is not None:
        own.add(profiles.upgrade)
    return {profile for profile in own if profile >= rules.minimum}


def _is_of_kind(profile: int, presented: Presented) -> bool:
    if profile == 1:
        return not presented.tls
    if profile == 2:
        return presented.tls
    return profile == 0 or (presented.tls and presented.has_certificate)


def _refusal(
    profile: int,
    station_id: str,
    profiles: Profiles,
    credentials: Credentials,
    presented: Presented,
    operator_name: str,
    now_s: float,
) -> Judgement | None:
    if profile == HIGHEST:
        problem = certificate_problem(
            presented.certificate,
            station_id,
            profiles.registered_serial_number,
            operator_name,
            now_s,
        )
        return None if problem is None else Judgement(ClaimOutcome.BAD_CERTIFICATE, detail=problem)
    if profile == 0 and not credentials.present:
        return None
    if match(credentials, presented.proofs) is CredentialMatch.NONE:
        return Judgement(ClaimOutcome.BAD_CREDENTIALS)
    return None


def _wanted(profiles: Profiles, rules: ProfileRules) -> str:
    acceptable = sorted(_acceptable(profiles, rules))
    if not acceptable:
        return (
            f"the station's security profile {profiles.current} is below the suite's least, "
            f"{rules.minimum}"
        )
    names = {
        1: "1 (password, no TLS)",
        2: "2 (TLS and password)",
        3: "3 (TLS and client certificate)",
    }
    return "the station must connect with security profile " + " or ".join(
        names[profile] for profile in acceptable
    )


def _conflict(code: str, detail: str) -> Problem:
    return Problem(status=409, code=code, detail=detail)
