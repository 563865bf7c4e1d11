"""Authorize: what a token is worth now."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from csms_shared.service.inbox import Reply
from csms_shared.values.id_tokens import token_key
from csms_shared.values.texts import storable
from session_service.handling.calls import ReceivedCall, call_reply
from session_service.ocpp.v16.transactions import id_tag_info
from session_service.tokens.domain import Token, authorization_of


def asked_tokens(calls: Sequence[ReceivedCall]) -> list[str]:
    """Return the key of each call's token."""
    return [token_key(storable(received.payload["idTag"])) for received in calls]


def authorize(
    calls: Sequence[ReceivedCall],
    keys: Sequence[str],
    tokens: Mapping[str, Token],
    now: datetime,
    *,
    free_vend: bool,
) -> list[Reply]:
    """Answer a batch of Authorize calls; nobody waits for one past its deadline."""
    now_ms = int(now.timestamp() * 1000)
    return [
        call_reply(
            received,
            {"idTagInfo": id_tag_info(authorization_of(key, tokens, now, free_vend=free_vend))},
        )
        for received, key in zip(calls, keys, strict=True)
        if received.call.deadline_ms > now_ms
    ]
