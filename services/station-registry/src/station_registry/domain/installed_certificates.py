"""The root certificates in a station's store, as its answers to commands tell.

InstallCertificate (whitepaper M05), DeleteCertificate (M04), GetInstalledCertificateIds (M03). The
ends of commands are seen in any order and more than once: of two about one certificate the later
one counts, by the time at which the station answered.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from csms_shared.contracts.orders import CompletedCommand
from csms_shared.ocpp import v16
from csms_shared.values.texts import fit
from csms_shared.values.times import read_moment
from station_registry.domain.certificate_details import (
    CertificateDetails,
    HashData,
    details,
    hash_data,
    normal_serial,
    read_certificates,
)

TYPES = ("CentralSystemRootCertificate", "ManufacturerRootCertificate")
INSTALL, DELETE, LIST = (
    v16.INSTALL_CERTIFICATE,
    v16.DELETE_CERTIFICATE,
    v16.GET_INSTALLED_CERTIFICATE_IDS,
)
# What a station lists beyond this is not kept; the whitepaper's own limit is the station's memory.
LISTED_MOST = 200
# We know its hash data under this algorithm until the station names its own (M04.FR.07).
_ASSUMED_ALGORITHM = "SHA256"
# In place of a hash that can't be computed without the issuer's certificate.
UNKNOWN_HASH = ""

Stamp = tuple[datetime, str]
Key = tuple[str, str, HashData]


@dataclass(frozen=True, slots=True)
class Installed:
    """One certificate of one type in one station; not `present` once it is known to be gone."""

    station_id: str
    certificate_type: str
    hash_data: HashData
    present: bool
    stamp: Stamp
    certificate: CertificateDetails | None = None

    @property
    def key(self) -> Key:
        """What makes two of them the same."""
        return self.station_id, self.certificate_type, self.hash_data


@dataclass(frozen=True, slots=True)
class StoreState:
    """What is known of the stores of some stations; `listed`: when each type was listed last."""

    certificates: dict[Key, Installed]
    listed: dict[tuple[str, str], Stamp]


def apply_commands(state: StoreState, commands: Iterable[CompletedCommand]) -> StoreState:
    """Return the state after some commands were answered; the order does not matter."""
    after = StoreState(dict(state.certificates), dict(state.listed))
    for command in commands:
        stamp = _stamp(command)
        if command.status != "completed":
            continue
        status = (command.response or {}).get("status")
        if command.action == LIST:
            _list(after, command, stamp)
        elif command.action == INSTALL and status == "Accepted":
            _install(after, command, stamp)
        elif command.action == DELETE and status in ("Accepted", "NotFound"):
            _delete(after, command, stamp)
    return after


def _stamp(command: CompletedCommand) -> Stamp:
    return read_moment(command.completed_at), str(command.command_id)


def _install(state: StoreState, command: CompletedCommand, stamp: Stamp) -> None:
    certificates = read_certificates(str(command.payload.get("certificate", "")))
    found = details(certificates[0]) if certificates else None
    if found is None:
        return
    data = hash_data(certificates[0], None, _ASSUMED_ALGORITHM) or HashData(
        _ASSUMED_ALGORITHM, UNKNOWN_HASH, UNKNOWN_HASH, found.serial_number
    )
    certificate_type = str(command.payload.get("certificateType"))
    key = (command.station_id, certificate_type, data)
    listed = state.listed.get((command.station_id, certificate_type))
    before = state.certificates.get(key)
    # A later listing has told already whether it is there, perhaps under other hashes.
    later = [one for one in (listed, before.stamp if before else None) if one and one > stamp]
    present = before.present if before and later else not later
    newest = max([stamp, *later])
    state.certificates[key] = Installed(
        command.station_id, certificate_type, data, present, newest, found
    )
    _recognise(state, command.station_id, certificate_type)


def _delete(state: StoreState, command: CompletedCommand, stamp: Stamp) -> None:
    data = _read(command.payload.get("certificateHashData"))
    if data is None:
        return
    for certificate_type in TYPES:
        _put(state, Installed(command.station_id, certificate_type, data, False, stamp))


def _list(state: StoreState, command: CompletedCommand, stamp: Stamp) -> None:
    response = command.response or {}
    certificate_type = str(command.payload.get("certificateType"))
    if response.get("status") not in ("Accepted", "NotFound"):
        return
    of_type = (command.station_id, certificate_type)
    shown = [_read(one) for one in (response.get("certificateHashData") or [])[:LISTED_MOST]]
    for data in shown:
        if data is not None:
            _put(state, Installed(*of_type, data, True, stamp))
    if (known := state.listed.get(of_type)) is None or known < stamp:
        state.listed[of_type] = stamp
    for key, one in list(state.certificates.items()):
        if key[:2] == of_type and one.stamp < stamp and key[2] not in shown:
            state.certificates[key] = replace(one, present=False, stamp=stamp)
    _recognise(state, *of_type)


def _put(state: StoreState, one: Installed) -> None:
    before = state.certificates.get(one.key)
    listed = state.listed.get(one.key[:2])
    if before is None and listed is not None and listed > one.stamp:
        # Not in a later listing: gone since.
        state.certificates[one.key] = replace(one, present=False, stamp=listed)
    elif before is None or before.stamp < one.stamp:
        state.certificates[one.key] = replace(
            one, certificate=before.certificate if before else None
        )


def _recognise(state: StoreState, station_id: str, certificate_type: str) -> None:
    """Give listed hash data the certificate that we installed, where the hashes are its own."""
    of_type = [
        one for key, one in state.certificates.items() if key[:2] == (station_id, certificate_type)
    ]
    known = [one.certificate for one in of_type if one.certificate is not None]
    for one in of_type:
        if one.certificate is None and (found := _matching(one.hash_data, known)) is not None:
            state.certificates[one.key] = replace(one, certificate=found)


def _matching(data: HashData, known: Sequence[CertificateDetails]) -> CertificateDetails | None:
    for candidate in known:
        if candidate.serial_number != data.serial_number:
            continue
        certificate = read_certificates(candidate.pem)[0]
        own = hash_data(certificate, None, data.hash_algorithm)
        # Without its issuer only the serial number can be compared.
        if own is None or own == data:
            return candidate
    return None


def _read(value: object) -> HashData | None:
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
