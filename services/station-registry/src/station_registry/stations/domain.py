"""What an operator changes of a station's registration and settings."""

from dataclasses import dataclass, replace

from csms_shared.contracts.requests import FieldProblem, Problem
from csms_shared.contracts.stations import ChangeStation
from station_registry.credentials.domain.security_profiles import ProfileRules, Profiles, too_low
from station_registry.provisioning.domain.descriptions import (
    DESCRIPTION_FIELDS,
    Description,
    changed_description,
)
from station_registry.provisioning.domain.registration import Standing

_SETTABLE = frozenset(
    {
        "registration_status",
        "security_profile",
        "registered_serial_number",
        "heartbeat_interval",
        "boot_policy",
        "strict",
        "exempt_from_limits",
        *DESCRIPTION_FIELDS,
    }
)


@dataclass(frozen=True, slots=True)
class ChangeDecision:
    """The station's settings afterwards."""

    standing: Standing
    profiles: Profiles
    description: Description


def decide_change(
    standing: Standing,
    profiles: Profiles,
    description: Description,
    wanted: ChangeStation,
    rules: ProfileRules,
) -> ChangeDecision | Problem:
    """Take over the fields named in `set`.

    A status set by hand holds until a boot policy is set: from then on boots decide again. A
    security profile set by hand ends an upgrade that is under way.
    """
    wrong = [(name, "can't be changed") for name in sorted(wanted.set - _SETTABLE)]
    if "registration_status" in wanted.set and wanted.registration_status is None:
        wrong.append(("registration_status", "must be accepted, pending or rejected"))
    wrong += [
        (name, "must be true or false")
        for name in ("strict", "exempt_from_limits")
        if name in wanted.set and getattr(wanted, name) is None
    ]
    if "tags" in wanted.set and wanted.tags is None:
        wrong.append(("tags", "is not null"))
    if "security_profile" in wanted.set and too_low(wanted.security_profile, rules):
        wrong.append(("security_profile", f"must be 0, or at least the suite's {rules.minimum}"))
    if wrong:
        return Problem(
            status=422,
            code="invalid_request",
            detail="the change is not valid",
            errors=tuple(FieldProblem(field=name, message=message) for name, message in wrong),
        )
    if "boot_policy" in wanted.set:
        standing = replace(standing, boot_policy=wanted.boot_policy, decided=False)
    if "registration_status" in wanted.set and wanted.registration_status is not None:
        standing = replace(standing, status=wanted.registration_status, decided=True)
    if "heartbeat_interval" in wanted.set:
        standing = replace(standing, heartbeat_interval_s=wanted.heartbeat_interval)
    if "strict" in wanted.set and wanted.strict is not None:
        standing = replace(standing, strict=wanted.strict)
    if "exempt_from_limits" in wanted.set and wanted.exempt_from_limits is not None:
        standing = replace(standing, exempt=wanted.exempt_from_limits)
    if "security_profile" in wanted.set:
        profiles = replace(
            profiles,
            current=wanted.security_profile or 0,
            upgrade=None,
            upgrade_accepted=False,
        )
    if "registered_serial_number" in wanted.set:
        profiles = replace(profiles, registered_serial_number=wanted.registered_serial_number)
    return ChangeDecision(standing, profiles, changed_description(description, wanted))
