"""What a service may want of a station, in no version's words."""

from dataclasses import dataclass
from datetime import datetime

from csms_shared.contracts.jobs import JobKind


@dataclass(frozen=True, slots=True)
class ReadConfiguration:
    """Tell the values of these keys; of all where there are none."""

    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangeConfiguration:
    """Give a key a value."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class InstallSignedCertificate:
    """Take this certificate, with those above it, as your own; in PEM."""

    chain: str


@dataclass(frozen=True, slots=True)
class AskForCertificate:
    """Make a new key and ask for a certificate of it."""


@dataclass(frozen=True, slots=True)
class JobRequest:
    """A command that starts a job, as somebody made it for a version of OCPP.

    `location`: where its file comes from or goes to. `not_before`: when the station may begin at
    the earliest. `is_numbered`: the station's reports name the request by a number.
    """

    kind: JobKind
    location: str
    not_before: datetime | None
    is_numbered: bool


Intent = ReadConfiguration | ChangeConfiguration | InstallSignedCertificate | AskForCertificate
