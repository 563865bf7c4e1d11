"""Payloads of the station's actions that jobs are made of, from what operators ask for."""

from datetime import UTC, datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from command_api.http.answers import given
from csms_shared.clock import utc_now
from csms_shared.ocpp.schemas import request_problems
from csms_shared.ocpp.times import format_time
from csms_shared.ocpp.versions import OCPP16
from csms_shared.refusals import refuse

DAY_S = 86_400
# The registry gives these their request id.
_NUMBERED = ("SignedUpdateFirmware", "GetLog")


class Retries(BaseModel):
    """How often the station tries; `retry_interval` in seconds."""

    model_config = ConfigDict(extra="forbid")

    retries: int | None = Field(None, ge=0, le=100)
    retry_interval: int | None = Field(None, ge=0, le=DAY_S, description="seconds")


class Firmware(Retries):
    """Firmware to fetch and install; with a signature the station checks it (whitepaper, L01)."""

    location: str = Field(min_length=1, max_length=512)
    retrieve_at: AwareDatetime | None = Field(None, description="default: now")
    install_at: AwareDatetime | None = None
    signing_certificate: str | None = Field(None, max_length=5500, description="PEM")
    signature: str | None = Field(None, max_length=800, description="base64")
    timeout_s: int = Field(6 * 3600, ge=60, le=30 * DAY_S)


def firmware_request(body: Firmware) -> tuple[str, dict[str, Any]]:
    """Return action and payload of a firmware update, `requestId` left out.

    Raises:
        ProblemRaised: half a signature, or an install date that 1.6 can't say without one.
    """
    signed = body.signature is not None
    if signed != (body.signing_certificate is not None):
        raise refuse(
            422,
            "validation_failed",
            "a signature needs its certificate, and the reverse",
            ("signature", "goes with signing_certificate"),
        )
    retrieve = sent_time(body.retrieve_at or utc_now())
    if signed:
        firmware = given(
            location=body.location,
            retrieveDateTime=retrieve,
            installDateTime=sent_time(body.install_at),
            signingCertificate=body.signing_certificate,
            signature=body.signature,
        )
        return "SignedUpdateFirmware", {"firmware": firmware, **sent_retries(body)}
    if body.install_at is not None:
        raise refuse(
            422,
            "validation_failed",
            "UpdateFirmware has no install date",
            ("install_at", "needs a signature"),
        )
    return "UpdateFirmware", {
        "location": body.location,
        "retrieveDate": retrieve,
        **sent_retries(body),
    }


def check_payload(action: str, payload: dict[str, Any]) -> None:
    """Refuse what no station could be sent.

    Raises:
        ProblemRaised: the payload is not valid for OCPP 1.6.
    """
    numbered = {**payload, "requestId": 1} if action in _NUMBERED else payload
    problems = request_problems(OCPP16, action, numbered)
    if problems:
        raise refuse(
            422,
            "payload_invalid",
            f"this makes no valid {action} request",
            *((problem.pointer or "/", problem.description) for problem in problems),
        )


def sent_retries(body: Retries) -> dict[str, int]:
    """Return the fields that a payload has for them."""
    return given(retries=body.retries, retryInterval=body.retry_interval)


def sent_time(moment: datetime | None) -> str | None:
    """Return a time as stations read it."""
    return None if moment is None else format_time(moment.astimezone(UTC))
