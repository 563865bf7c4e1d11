"""Authorize and IdTagInfo of OCPP 1.6."""

from typing import Any

from csms_shared.contracts.read_calls import UnreadCall
from csms_shared.values.texts import storable
from csms_shared.values.times import format_time
from session_service.tokens.domain import Authorization, AuthorizationStatus, TokenQuestion
from session_service.values.keys import token_key_in_tenant

_STATUS = {
    AuthorizationStatus.ACCEPTED: "Accepted",
    AuthorizationStatus.BLOCKED: "Blocked",
    AuthorizationStatus.EXPIRED: "Expired",
    AuthorizationStatus.INVALID: "Invalid",
    AuthorizationStatus.CONCURRENT_TX: "ConcurrentTx",
}
_ID_TOKEN_MAX = 20  # CiString20Type


def read_authorize(call: UnreadCall) -> TokenQuestion:
    """Return what an Authorize asks."""
    return TokenQuestion(token_key_in_tenant(call.tenant_id, storable(call.value["idTag"])))


def write_authorize(authorization: Authorization) -> dict[str, Any]:
    """Return the answer to an Authorize."""
    return {"idTagInfo": id_tag_info(authorization)}


def id_tag_info(authorization: Authorization) -> dict[str, Any]:
    """Return the IdTagInfo of an answer."""
    info: dict[str, Any] = {"status": _STATUS[authorization.status]}
    if authorization.expires_at is not None:
        info["expiryDate"] = format_time(authorization.expires_at)
    group = authorization.group_id
    # A group of another protocol's length can't be said in 1.6, and a wrong answer is worse.
    if group is not None and len(group) <= _ID_TOKEN_MAX:
        info["parentIdTag"] = group
    return info
