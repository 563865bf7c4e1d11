"""What services want of stations, in no version's words; `writing` has those of each version.

Texts that a station is given (keys, values, certificates, id tokens) stand as they are. Times are
RFC 3339 UTC with `Z`.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError


class _Value(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class ReadConfiguration(_Value):
    """Tell the values of these keys; of all where there are none."""

    kind: Literal["read_configuration"] = "read_configuration"
    keys: tuple[str, ...] = ()


class ChangeConfiguration(_Value):
    """Give a key a value."""

    kind: Literal["change_configuration"] = "change_configuration"
    key: str
    value: str


class InstallSignedCertificate(_Value):
    """Take this certificate, with those above it, as your own; in PEM."""

    kind: Literal["install_signed_certificate"] = "install_signed_certificate"
    chain: str


class AskForCertificate(_Value):
    """Make a new key and ask for a certificate of it."""

    kind: Literal["ask_for_certificate"] = "ask_for_certificate"


class ReserveConnector(_Value):
    """Keep a connector, 0 for any, for a token or its group, until it expires."""

    kind: Literal["reserve_connector"] = "reserve_connector"
    reservation_id: int
    connector_id: int
    id_token: str
    group_id: str | None = None
    expires_at: str


class CancelReservation(_Value):
    """Give up what is reserved under this id."""

    kind: Literal["cancel_reservation"] = "cancel_reservation"
    reservation_id: int


class ReadLocalListLimits(_Value):
    """Tell how many entries your local list takes, in all and at once."""

    kind: Literal["read_local_list_limits"] = "read_local_list_limits"


class ReadLocalListVersion(_Value):
    """Tell the version of your local list."""

    kind: Literal["read_local_list_version"] = "read_local_list_version"


class ListedToken(_Value):
    """What a local list says of a token."""

    id_token: str
    status: Literal["accepted", "blocked", "expired", "invalid", "concurrent_tx"]
    expires_at: str | None = None
    group_id: str | None = None


class UpdateLocalList(_Value):
    """Take tokens off your local list, then put others on it; `full`: it has been emptied first.

    `version` is the list's from then on.
    """

    kind: Literal["update_local_list"] = "update_local_list"
    version: int
    full: bool
    taken_off: tuple[str, ...] = ()
    put_on: tuple[ListedToken, ...] = ()


Intent = Annotated[
    ReadConfiguration
    | ChangeConfiguration
    | InstallSignedCertificate
    | AskForCertificate
    | ReserveConnector
    | CancelReservation
    | ReadLocalListLimits
    | ReadLocalListVersion
    | UpdateLocalList,
    Field(discriminator="kind"),
]

_INTENT: TypeAdapter[Intent] = TypeAdapter(Intent)


def read_intent(document: Any) -> Intent | None:
    """Return the intent in a document; None where there is none, or none that is known here."""
    if document is None:
        return None
    try:
        return _INTENT.validate_python(document)
    except ValidationError:
        return None
