"""Who may charge: what a token's row means at this moment."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class AuthorizationStatus(StrEnum):
    """The answer to a token; `concurrent_tx` only ever answers a start."""

    ACCEPTED = "accepted"
    BLOCKED = "blocked"
    EXPIRED = "expired"
    INVALID = "invalid"
    CONCURRENT_TX = "concurrent_tx"


@dataclass(frozen=True, slots=True)
class Token:
    """An id token as an operator keeps it; `key` is its text without case."""

    key: str
    status: str
    expires_at: datetime | None
    group_id: str | None
    max_concurrent: int | None


@dataclass(frozen=True, slots=True)
class Authorization:
    """What a station is told of a token."""

    status: AuthorizationStatus
    expires_at: datetime | None = None
    group_id: str | None = None


def token_key(id_token: str) -> str:
    """Return what a token is compared by: idTag is a CiString (OCPP 1.6, 7.28)."""
    return id_token.strip().casefold()


def is_free_vend(key: str) -> bool:
    """Tell whether this is the empty token of stations that charge without any."""
    return key == ""


def decide_authorization(token: Token | None, now: datetime) -> Authorization:
    """Return what a token is worth at `now`, other transactions aside."""
    if token is None:
        return Authorization(AuthorizationStatus.INVALID)
    status = AuthorizationStatus(token.status)
    if (
        status is AuthorizationStatus.ACCEPTED
        and token.expires_at is not None
        and token.expires_at <= now
    ):
        status = AuthorizationStatus.EXPIRED
    return Authorization(status, token.expires_at, token.group_id)
