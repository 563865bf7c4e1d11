"""Bodies of requests for firmware, diagnostics and logs, of one station or of a rollout."""

import base64
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from command_api.http.requests import schema_rules
from command_api.jobs import domain
from csms_shared.contracts.refusals import ProblemRaised, refuse
from csms_shared.runtime.clock import utc_now
from csms_shared.values.numbers import Whole
from csms_shared.values.times import Expiry, Moment

_DAY_S = 86_400
_LOCATION = "https://firmware.example/2.0.bin"
# OCPP's schemas check the address; RFC 3986.
_Address = Annotated[str, Field(min_length=1, max_length=512, json_schema_extra={"format": "uri"})]
_PEM_BEGIN = "-----BEGIN CERTIFICATE-----"
# Their patterns are for documentation, beside `_check_signature`.
_Certificate = Annotated[
    str,
    Field(max_length=5500, json_schema_extra={"pattern": rf"^[^\u0000]*{_PEM_BEGIN}[^\u0000]*$"}),
]
_Signature = Annotated[
    str,
    Field(
        min_length=1,
        max_length=800,
        json_schema_extra={
            "pattern": "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}(==|[A-Za-z0-9+/][A-Za-z0-9+/=]))$"
        },
    ),
]
# For documentation: the three go together, but that a signed update may do without a date.
SIGNATURE_RULE: schema_rules.Schema = {
    "anyOf": [
        schema_rules.left_out("signature", "signing_certificate", "install_at"),
        schema_rules.given("signature", "signing_certificate"),
    ]
}


class _Retries(BaseModel):
    model_config = ConfigDict(extra="forbid")

    retries: Annotated[int, Whole(0, 100)] | None = None
    retry_interval: Annotated[int, Whole(0, _DAY_S)] | None = Field(None, description="seconds")


class NewJob(_Retries):
    """What all jobs of one station have."""

    hold_until: Moment | None = Field(
        None,
        description="how long an offline station is waited for, default an hour, at most 7 days",
    )


class Firmware(_Retries):
    """Firmware to fetch and install; with a signature the station checks it (whitepaper, L01)."""

    location: _Address = Field(examples=[_LOCATION])
    retrieve_at: Expiry | None = Field(None, description="default: now")
    install_at: Expiry | None = Field(
        None, description="with a signature only, not before `retrieve_at`"
    )
    signing_certificate: _Certificate | None = Field(None, description="PEM")
    signature: _Signature | None = Field(None, description="base64")
    timeout_s: Annotated[int, Whole(60, 30 * _DAY_S)] = 6 * 3600


class NewFirmwareJob(Firmware, NewJob):
    """Firmware for one station."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"location": _LOCATION, "retries": 3}], **SIGNATURE_RULE}
    )


class NewDiagnosticsJob(NewJob):
    """Diagnostics to upload; without a location, to this suite."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"from": "2026-11-20T00:00:00Z", "to": "2026-11-21T00:00:00Z"}]
        }
    )

    location: _Address | None = None
    from_: Moment | None = Field(None, alias="from")
    to: Moment | None = Field(None, description="not before `from`")
    timeout_s: Annotated[int, Whole(60, 30 * _DAY_S)] = 3600


class NewLogJob(NewDiagnosticsJob):
    """A log to upload (whitepaper, N01); without a location, to this suite."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"log_type": "SecurityLog"}]})

    log_type: Literal["SecurityLog", "DiagnosticsLog"]


def firmware_job(body: Firmware) -> domain.Firmware:
    """Return what is asked of stations.

    Raises:
        ProblemRaised: half a signature, one that is none, or an install date that can't be.
    """
    signed = body.signature is not None
    if signed != (body.signing_certificate is not None):
        raise refuse(
            422,
            "validation_failed",
            "a signature needs its certificate, and the reverse",
            ("signature", "goes with signing_certificate"),
        )
    retrieve_at = body.retrieve_at or utc_now()
    if signed:
        if body.install_at is not None and body.install_at < retrieve_at:
            raise _invalid("install_at", "must not be before retrieve_at")
        _check_signature(body)
    elif body.install_at is not None:
        raise refuse(
            422,
            "validation_failed",
            "UpdateFirmware has no install date",
            ("install_at", "needs a signature"),
        )
    return domain.Firmware(
        location=body.location,
        retrieve_at=retrieve_at,
        install_at=body.install_at,
        signing_certificate=body.signing_certificate,
        signature=body.signature,
        retries=body.retries,
        retry_interval=body.retry_interval,
    )


def upload_job(body: NewDiagnosticsJob) -> domain.Upload:
    """Return what is asked of a station, without a location where none is given.

    Raises:
        ProblemRaised: it ends before it begins.
    """
    if body.from_ is not None and body.to is not None and body.to < body.from_:
        raise _invalid("to", "must not be before from")
    return domain.Upload(
        location=body.location,
        log_type=body.log_type if isinstance(body, NewLogJob) else None,
        begin=body.from_,
        end=body.to,
        retries=body.retries,
        retry_interval=body.retry_interval,
    )


def _check_signature(body: Firmware) -> None:
    if _PEM_BEGIN not in (body.signing_certificate or ""):
        raise _invalid("signing_certificate", "must be a certificate in PEM")
    text = "".join((body.signature or "").split())
    try:
        base64.b64decode(text, validate=True)
    except ValueError:
        raise _invalid("signature", "must be base64") from None
    if not text:
        raise _invalid("signature", "must be base64")


def _invalid(field: str, problem: str) -> ProblemRaised:
    return refuse(422, "validation_failed", f"{field} {problem}", (field, problem))
