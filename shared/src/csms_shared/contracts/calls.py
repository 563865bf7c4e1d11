"""Station calls on their way from a gateway to the owning service, and the answers back."""

from typing import Any

from csms_shared.contracts.envelope import Batch, Contract
from csms_shared.values.tenants import DEFAULT_TENANT


class StationCall(Contract):
    """One OCPP CALL with the gateway's stamp.

    `(connection_id, seq)` is unique; `(epoch, seq)` orders the calls of one station over all its
    connections. `boot_count` counts the station's accepted boots as the registry knew them when
    the connection was claimed or last booted. `tenant_id` is the station's, as the claim's answer
    told it.
    """

    station_id: str
    tenant_id: str = DEFAULT_TENANT
    connection_id: str
    epoch: int
    seq: int
    boot_count: int = 0
    received_ms: int
    deadline_ms: int
    payload: dict[str, Any]


class CallBatch(Batch[StationCall]):
    """Calls of one action and one OCPP version; `reply_key` is where decisions are answered."""

    gateway_id: str
    reply_key: str
    version: str
    action: str


class CallFault(Contract):
    """An OCPP-J CALLERROR that a service wants the station to get."""

    code: str
    description: str = ""


class RegistrationChange(Contract):
    """What a gateway must know of a station after its registration or settings changed.

    `exempt_from_limits`: the gateway lifts what docs/adr/0020 names for it. `version` rises with
    each change of the station's registration, so the higher is the newer; 0 where it is not known.
    """

    registration_status: str
    boot_count: int
    heartbeat_interval_s: int
    strict: bool = False
    exempt_from_limits: bool = False
    version: int = 0


class CallReply(Contract):
    """The answer to one decision: exactly one of `payload` and `fault`."""

    connection_id: str
    seq: int
    payload: dict[str, Any] | None = None
    fault: CallFault | None = None
    registration: RegistrationChange | None = None


class CallReplyBatch(Batch[CallReply]):
    """Answers of one transaction to one gateway incarnation."""
