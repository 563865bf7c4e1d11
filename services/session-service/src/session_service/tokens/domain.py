"""Who may charge: what a token's row means at this moment."""

from collections.abc import Mapping
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
    """An id token as an operator keeps it; `key` is that of `token_key_in_tenant`."""

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


@dataclass(frozen=True, slots=True)
class TokenQuestion:
    """A station asks what whoever identifies with this key may do."""

    token_key: str


def is_free_vend(key: str) -> bool:
    """Tell whether this is the empty token of stations that charge without any."""
    return key == ""


def authorization_of(
    key: str, tokens: Mapping[str, Token], now: datetime, *, free_vend: bool
) -> Authorization:
    """Return what whoever identifies with this key is told, other transactions aside.

    `free_vend`: who identifies with nothing may charge.
    """
    if free_vend and is_free_vend(key):
        return Authorization(AuthorizationStatus.ACCEPTED)
    return decide_authorization(tokens.get(key), now)


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
