"""What the fake registry makes of a claim."""

from collections.abc import Collection, Mapping

from csms_shared.contracts.ownership import Claim, ClaimOutcome
from csms_shared.ocpp.credentials import check_of, credential_proofs, hash_proof

PEPPER = "a pepper for the tests"
SALT = b"s" * 16


def judged_claim(
    claim: Claim,
    *,
    passwords: Mapping[str, bytes],
    unknown: Collection[str],
    wrong_profile: Collection[str],
    strict: Collection[str],
) -> tuple[ClaimOutcome, tuple[str, ...]]:
    """Return the outcome, and the checks of right passwords where a wrong one was shown."""
    if claim.station_id in unknown:
        return ClaimOutcome.UNKNOWN_STATION, ()
    if claim.station_id in wrong_profile:
        return ClaimOutcome.WRONG_SECURITY_PROFILE, ()
    if claim.station_id in strict and not claim.offers_subprotocol:
        return ClaimOutcome.MISSING_SUBPROTOCOL, ()
    password = passwords.get(claim.station_id)
    if password is not None:
        proofs = credential_proofs(PEPPER.encode(), claim.station_id, password)
        if not set(proofs) & set(claim.credential_proofs):
            checks = tuple(check_of(hash_proof(SALT, proof)) for proof in proofs)
            return ClaimOutcome.BAD_CREDENTIALS, checks
    return ClaimOutcome.ACCEPTED, ()
