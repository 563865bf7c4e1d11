"""Requests for certificates, and ends of commands about certificates.

Security whitepaper, edition 3: A02, A03, M03 to M05.
"""

from collections.abc import Mapping
from typing import Any

from csms_shared.contracts.orders import CompletedCommand
from csms_shared.ocpp import v16
from csms_shared.values.texts import fit
from csms_shared.values.times import read_moment
from station_registry.certificates.domain.deliveries import Delivery, DeliveryEnd, RequestStatus
from station_registry.certificates.domain.details import HashData, normal_serial
from station_registry.certificates.domain.installed import (
    LISTED_MOST,
    Deletion,
    Installation,
    Listing,
    StoreAnswer,
)

INSTALL, DELETE, LIST = (
    v16.INSTALL_CERTIFICATE,
    v16.DELETE_CERTIFICATE,
    v16.GET_INSTALLED_CERTIFICATE_IDS,
)
_BUSY = "BUSY"


def read_signing_request(payload: Mapping[str, Any]) -> str:
    """Read a request: the certificate signing request, in PEM."""
    return str(payload["csr"])


def write_signing_answer(status: RequestStatus) -> dict[str, Any]:
    """Write a response: every status but one says that the request was sound."""
    return {"status": "Rejected" if status is RequestStatus.REJECTED else "Accepted"}


def read_delivery(command: CompletedCommand) -> DeliveryEnd:
    """Read the end of a CertificateSigned."""
    error = command.error
    if error is not None:
        said, reason = f"{error.code}: {error.description}", error.code
    else:
        said, reason = str((command.response or {}).get("status")), command.status
    return DeliveryEnd(
        command.command_id,
        command.station_id,
        str(command.payload.get("certificateChain", "")),
        outcome_of(command),
        said,
        reason,
    )


def outcome_of(command: CompletedCommand) -> Delivery:
    """Return what a CertificateSigned came to.

    Accepted or Rejected count as answered, and so does a CALLERROR: the station will not take
    it, and asking again is up to an operator (A02, error handling).
    """
    if command.status == "completed":
        accepted = (command.response or {}).get("status") == "Accepted"
        return Delivery.INSTALLED if accepted else Delivery.REFUSED
    if command.status == "error" and command.error is not None and command.error.code != _BUSY:
        return Delivery.REFUSED if command.sent_at is not None else Delivery.NOT_SENT
    return Delivery.NOT_SENT


def read_store_answer(command: CompletedCommand) -> StoreAnswer | None:
    """Read the end of a command about a station's root certificates; None where nothing is told."""
    if command.status != "completed":
        return None
    payload, response = command.payload, command.response or {}
    status = response.get("status")
    told: Installation | Deletion | Listing | None = None
    if command.action == LIST and status in ("Accepted", "NotFound"):
        shown = (response.get("certificateHashData") or [])[:LISTED_MOST]
        found = [_hash_data(one) for one in shown]
        told = Listing(
            str(payload.get("certificateType")), tuple(one for one in found if one is not None)
        )
    elif command.action == INSTALL and status == "Accepted":
        told = Installation(
            str(payload.get("certificateType")), str(payload.get("certificate", ""))
        )
    elif command.action == DELETE and status in ("Accepted", "NotFound"):
        data = _hash_data(payload.get("certificateHashData"))
        told = None if data is None else Deletion(data)
    if told is None:
        return None
    stamp = read_moment(command.completed_at), str(command.command_id)
    return StoreAnswer(command.station_id, stamp, told)


def _hash_data(value: object) -> HashData | None:
    if not isinstance(value, dict):
        return None
    parts = [
        fit(value.get(name), 128)
        for name in ("hashAlgorithm", "issuerNameHash", "issuerKeyHash", "serialNumber")
    ]
    if any(part is None for part in parts):
        return None
    algorithm, name_hash, key_hash, serial = (str(part) for part in parts)
    return HashData(algorithm, name_hash.lower(), key_hash.lower(), normal_serial(serial))
