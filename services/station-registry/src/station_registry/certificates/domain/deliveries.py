"""What becomes of a signed certificate on its way to its station (whitepaper, A02 and A03)."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

# The first, and two more where nothing is known to have reached the station.
DELIVERIES = 3
# One that is offline for longer makes a new key sooner than it comes back for this one.
DELIVERY_HOURS = 24
ATTEMPTS = 8
_FIRST_PAUSE_S = 60
_LONGEST_PAUSE_S = 3600


class RequestStatus(StrEnum):
    """Where a request for a certificate stands; `accepted` and `signed` are open."""

    REJECTED = "rejected"
    ACCEPTED = "accepted"
    SIGNED = "signed"
    INSTALLED = "installed"
    REFUSED = "refused"
    UNDELIVERED = "undelivered"
    FAILED = "failed"


class Delivery(StrEnum):
    """What a command's end says about a certificate on its way."""

    INSTALLED = "installed"
    REFUSED = "refused"
    NOT_SENT = "not_sent"


@dataclass(frozen=True, slots=True)
class DeliveryDecision:
    """The status afterwards; `again`: order the same certificate once more."""

    status: RequestStatus
    again: bool = False


@dataclass(frozen=True, slots=True)
class DeliveryEnd:
    """How a command ended that carried a certificate.

    `chain`: the certificate and those above it, in PEM. `said`: the station's answer in words,
    `reason`: why there was none, in a word.
    """

    command_id: UUID
    station_id: str
    chain: str
    outcome: Delivery
    said: str
    reason: str


def decide_delivery(
    status: RequestStatus, deliveries: int, outcome: Delivery, *, current: bool
) -> DeliveryDecision:
    """Return where the request stands now, whatever the order in which answers are seen.

    A yes stands above a no, and both above an end without an answer. `current`: the command is
    the newest one for this certificate; the end of an earlier one asks for nothing more.
    """
    if outcome is Delivery.INSTALLED or status is RequestStatus.INSTALLED:
        return DeliveryDecision(RequestStatus.INSTALLED)
    if outcome is Delivery.REFUSED or status is RequestStatus.REFUSED:
        return DeliveryDecision(RequestStatus.REFUSED)
    if not current or status is not RequestStatus.SIGNED:
        return DeliveryDecision(status)
    if deliveries < DELIVERIES:
        return DeliveryDecision(RequestStatus.SIGNED, again=True)
    return DeliveryDecision(RequestStatus.UNDELIVERED)


def what_went_wrong(status: RequestStatus, end: DeliveryEnd) -> str | None:
    """Say in words why a request ended without its certificate installed; who said no is named.

    None for every other status.
    """
    if status is RequestStatus.UNDELIVERED:
        return f"the certificate did not reach the station: {end.reason}"
    if status is not RequestStatus.REFUSED:
        return None
    return f"the station refused the certificate: it answered {end.said}"


def pause_s(attempts: int) -> int | None:
    """Return how long to wait after the attempt of this number failed, None to give up."""
    if attempts >= ATTEMPTS:
        return None
    return min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S << (attempts - 1))
