"""The root certificates in a station's store, as its answers to commands tell.

Installed (whitepaper M05), deleted (M04), listed (M03). The ends of commands are seen in any order
and more than once: of two about one certificate the later one counts, by the time at which the
station answered.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from station_registry.certificates.domain.details import (
    CertificateDetails,
    HashData,
    details,
    hash_data,
    read_certificates,
)

TYPES = ("CentralSystemRootCertificate", "ManufacturerRootCertificate")
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


@dataclass(frozen=True, slots=True)
class Installation:
    """The station took a certificate; `certificate` is its PEM."""

    certificate_type: str
    certificate: str


@dataclass(frozen=True, slots=True)
class Deletion:
    """The station has this certificate no more."""

    hash_data: HashData


@dataclass(frozen=True, slots=True)
class Listing:
    """What can be read of all that the station has of a type."""

    certificate_type: str
    shown: tuple[HashData, ...]


@dataclass(frozen=True, slots=True)
class StoreAnswer:
    """What a station told of its store, and when."""

    station_id: str
    stamp: Stamp
    told: Installation | Deletion | Listing


def apply_answers(state: StoreState, answers: Iterable[StoreAnswer]) -> StoreState:
    """Return the state after some commands were answered; the order does not matter."""
    after = StoreState(dict(state.certificates), dict(state.listed))
    for answer in answers:
        station_id, stamp = answer.station_id, answer.stamp
        match answer.told:
            case Installation() as installation:
                _install(after, station_id, installation, stamp)
            case Deletion(data):
                for certificate_type in TYPES:
                    _put(after, Installed(station_id, certificate_type, data, False, stamp))
            case Listing() as listing:
                _list(after, station_id, listing, stamp)
    return after


def _install(state: StoreState, station_id: str, installation: Installation, stamp: Stamp) -> None:
    certificates = read_certificates(installation.certificate)
    found = details(certificates[0]) if certificates else None
    if found is None:
        return
    data = hash_data(certificates[0], None, _ASSUMED_ALGORITHM) or HashData(
        _ASSUMED_ALGORITHM, UNKNOWN_HASH, UNKNOWN_HASH, found.serial_number
    )
    certificate_type = installation.certificate_type
    key = (station_id, certificate_type, data)
    listed = state.listed.get((station_id, certificate_type))
    before = state.certificates.get(key)
    # A later listing has told already whether it is there, perhaps under other hashes.
    later = [one for one in (listed, before.stamp if before else None) if one and one > stamp]
    present = before.present if before and later else not later
    newest = max([stamp, *later])
    state.certificates[key] = Installed(station_id, certificate_type, data, present, newest, found)
    _recognise(state, station_id, certificate_type)


def _list(state: StoreState, station_id: str, listing: Listing, stamp: Stamp) -> None:
    of_type = (station_id, listing.certificate_type)
    for data in listing.shown:
        _put(state, Installed(*of_type, data, True, stamp))
    if (known := state.listed.get(of_type)) is None or known < stamp:
        state.listed[of_type] = stamp
    for key, one in list(state.certificates.items()):
        if key[:2] == of_type and one.stamp < stamp and key[2] not in listing.shown:
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
