"""What a station's answer to CertificateSigned means for its request (whitepaper, A02 and A03)."""

from dataclasses import dataclass
from enum import StrEnum

from csms_shared.contracts.orders import CompletedCommand

# The first, and two more where nothing is known to have reached the station.
DELIVERIES = 3
# One that is offline for longer makes a new key sooner than it comes back for this one.
DELIVERY_HOURS = 24
ATTEMPTS = 8
_FIRST_PAUSE_S = 60
_LONGEST_PAUSE_S = 3600

_BUSY = "BUSY"


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


def delivery(command: CompletedCommand) -> Delivery:
    """Read the end of a CertificateSigned.

    Accepted or Rejected count as answered, and so does a CALLERROR: the station will not take
    it, and asking again is up to an operator (A02, error handling).
    """
    if command.status == "completed":
        accepted = (command.response or {}).get("status") == "Accepted"
        return Delivery.INSTALLED if accepted else Delivery.REFUSED
    if command.status == "error" and command.error is not None and command.error.code != _BUSY:
        return Delivery.REFUSED if command.sent_at is not None else Delivery.NOT_SENT
    return Delivery.NOT_SENT


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


def what_went_wrong(status: RequestStatus, command: CompletedCommand) -> str | None:
    """Say in words why a request ended without its certificate installed; who said no is named.

    None for every other status.
    """
    if status is RequestStatus.UNDELIVERED:
        end = command.error.code if command.error is not None else command.status
        return f"the certificate did not reach the station: {end}"
    if status is not RequestStatus.REFUSED:
        return None
    if command.error is not None:
        answer = f"{command.error.code}: {command.error.description}"
    else:
        answer = str((command.response or {}).get("status"))
    return f"the station refused the certificate: it answered {answer}"


def pause_s(attempts: int) -> int | None:
    """Return how long to wait after the attempt of this number failed, None to give up."""
    if attempts >= ATTEMPTS:
        return None
    return min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S << (attempts - 1))
