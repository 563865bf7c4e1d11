"""Which charging profiles a station holds, from the commands that it accepted.

Everything follows from the set of commands and the order in which they were written to the
station, not from the order in which their ends arrive here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from session_service.charging.domain.profiles import ClearFilter, Profile, Purpose, replaces

# Longer than the ConnectionTimeOut of real stations, in which the driver plugs in.
START_WINDOW = timedelta(minutes=10)
# Clocks of two machines, one of which stamps the command and the other the start.
CLOCK_TOLERANCE = timedelta(seconds=2)


class ProfileState(StrEnum):
    """`waiting`: for its transaction to start; `unused`: none started in time."""

    WAITING = "waiting"
    INSTALLED = "installed"
    REPLACED = "replaced"
    CLEARED = "cleared"
    ENDED = "ended"
    UNUSED = "unused"


LIVE = (ProfileState.WAITING, ProfileState.INSTALLED)
Order = tuple[datetime, UUID]


@dataclass(frozen=True, slots=True)
class AcceptedProfile:
    """A profile that a station accepted.

    `token_key` (that of the tenant) is set where it came with a remote start;
    `profile.connector_id` is meaningless there until the transaction is known, unless
    `connector_given`. `ended_at` is when what removed the profile was sent, or when it was found
    to be over.
    """

    command_id: UUID
    tenant_id: str
    station_id: str
    sent_at: datetime
    profile: Profile
    state: ProfileState = ProfileState.WAITING
    token_key: str | None = None
    connector_given: bool = True
    ended_at: datetime | None = None

    @property
    def order(self) -> Order:
        """Where this command stands among those of its station."""
        return self.sent_at, self.command_id


@dataclass(frozen=True, slots=True)
class AcceptedClearing:
    """A ClearChargingProfile that a station accepted."""

    command_id: UUID
    tenant_id: str
    station_id: str
    sent_at: datetime
    filter: ClearFilter

    @property
    def order(self) -> Order:
        """Where this command stands among those of its station."""
        return self.sent_at, self.command_id


@dataclass(frozen=True, slots=True)
class KnownTransaction:
    """A transaction of the station; `active` until it stopped or a newer one took over."""

    transaction_id: int
    connector_id: int
    token_key: str
    received_at: datetime
    active: bool


def settled(
    profiles: Iterable[AcceptedProfile],
    clearings: Iterable[AcceptedClearing],
    transactions: Sequence[KnownTransaction],
    now: datetime,
) -> list[AcceptedProfile]:
    """Return the profiles that a tenant sent to one station as they stand.

    The same input gives the same states.
    """
    bound = _bind(sorted(profiles, key=lambda profile: profile.order), transactions)
    removals = list(clearings)
    active = {each.transaction_id: each.active for each in transactions}
    result = []
    for each in bound:
        state, ended_at = _state(each, bound, removals, active.get(_transaction(each), True), now)
        result.append(replace(each, state=state, ended_at=ended_at))
    return result


def _transaction(accepted: AcceptedProfile) -> int:
    return accepted.profile.transaction_id or 0


def _bind(
    profiles: Sequence[AcceptedProfile], transactions: Sequence[KnownTransaction]
) -> list[AcceptedProfile]:
    claimed = {each.profile.transaction_id for each in profiles if each.token_key is not None} - {
        None
    }
    bound: list[AcceptedProfile] = []
    for each in profiles:
        if each.profile.purpose is Purpose.TX and each.profile.transaction_id is None:
            found = _transaction_of(each, transactions, claimed)
            if found is not None:
                each = _bound(each, found)
                if each.token_key is not None:
                    claimed.add(found.transaction_id)
        bound.append(each)
    return bound


def _bound(accepted: AcceptedProfile, transaction: KnownTransaction) -> AcceptedProfile:
    profile = replace(
        accepted.profile,
        transaction_id=transaction.transaction_id,
        connector_id=transaction.connector_id,
    )
    return replace(accepted, profile=profile, connector_given=True)


def _transaction_of(
    accepted: AcceptedProfile,
    transactions: Sequence[KnownTransaction],
    claimed: set[int | None],
) -> KnownTransaction | None:
    """Return the transaction that a profile without a number is for.

    The running one of its connector, else the first that starts there soon after: the station
    may have begun it before its StartTransaction reached us. A remote start's is always later,
    has its token, and serves one remote start.
    """
    remote = accepted.token_key is not None
    here = sorted(
        (
            each
            for each in transactions
            if not accepted.connector_given or each.connector_id == accepted.profile.connector_id
            if not remote
            or (each.token_key == accepted.token_key and each.transaction_id not in claimed)
        ),
        key=lambda each: (each.received_at, each.transaction_id),
    )
    running = [each for each in here if each.active and each.received_at <= accepted.sent_at]
    if running and not remote:
        return running[-1]
    begin, end = accepted.sent_at - CLOCK_TOLERANCE, accepted.sent_at + START_WINDOW
    return next((each for each in here if begin <= each.received_at <= end), None)


def _state(
    accepted: AcceptedProfile,
    profiles: Sequence[AcceptedProfile],
    clearings: Sequence[AcceptedClearing],
    transaction_active: bool,
    now: datetime,
) -> tuple[ProfileState, datetime | None]:
    profile = accepted.profile
    if profile.purpose is Purpose.TX and profile.transaction_id is None:
        if now <= accepted.sent_at + START_WINDOW:
            return ProfileState.WAITING, None
        return ProfileState.UNUSED, accepted.sent_at + START_WINDOW
    replaced = [
        later.order
        for later in profiles
        if later.order > accepted.order and _takes_part(later) and replaces(later.profile, profile)
    ]
    cleared = [
        later.order
        for later in clearings
        if later.order > accepted.order and later.filter.matches(profile)
    ]
    first = min([*replaced, *cleared], default=None)
    if first is not None:
        state = ProfileState.REPLACED if first in replaced else ProfileState.CLEARED
        return state, first[0]
    if transaction_active:
        return ProfileState.INSTALLED, None
    over_before = accepted.state is ProfileState.ENDED
    return ProfileState.ENDED, accepted.ended_at if over_before else now


def _takes_part(accepted: AcceptedProfile) -> bool:
    return accepted.profile.purpose is not Purpose.TX or accepted.profile.transaction_id is not None
