"""Who holds a station's socket: claims, releases, leases, re-assertion and liveness (ADR 0004).

Gateways send these to station-registry: claims to its decisions queue, leases and re-assertions
to a queue of their own each (all answered), releases, liveness and refusals to its reports queue
(not answered).
"""

from enum import StrEnum

from pydantic import Field

from csms_shared.contracts.calls import RegistrationChange
from csms_shared.contracts.envelope import Batch, Contract, Open
from csms_shared.values.tenants import DEFAULT_TENANT

# In a release: whoever claimed was never told the epoch. Epochs begin at 1.
NEVER_LEARNT = 0


class ClaimOutcome(StrEnum):
    """Why a connection may or may not be opened."""

    ACCEPTED = "accepted"
    UNKNOWN_STATION = "unknown_station"
    BAD_CREDENTIALS = "bad_credentials"
    WRONG_SECURITY_PROFILE = "wrong_security_profile"
    BAD_CERTIFICATE = "bad_certificate"
    MISSING_SUBPROTOCOL = "missing_subprotocol"
    TOO_MANY_UNKNOWN_STATIONS = "too_many_unknown_stations"
    TENANT_SUSPENDED = "tenant_suspended"


class Claim(Contract):
    """Authenticate a connecting station and make its new connection the owner.

    `credential_proofs` are hex HMACs of the presented password in its accepted forms, empty
    where the station sent none. `offers_subprotocol` is false where `ocpp_version` is our guess,
    which a strict station is refused for. `tls`: the station came by TLS, to us or to a trusted
    proxy. `certificate` is its client certificate in base64 of DER, whose chain, validity and
    revocation were checked where TLS ended; null where it showed none. A claim is idempotent by
    `connection_id`.
    """

    station_id: str
    connection_id: str
    ocpp_version: str
    offers_subprotocol: bool = True
    remote_address: str
    credential_proofs: tuple[str, ...] = ()
    tls: bool = False
    certificate: str | None = None
    connected_ms: int


class ClaimBatch(Batch[Claim]):
    """Claims of one gateway incarnation."""

    gateway_id: str
    gateway_name: str
    reply_key: str
    deadline_ms: int


class ClaimReply(Contract):
    """The registry's answer; `epoch` and `registration` are set where the claim was accepted.

    `booted`: the station was accepted after a boot at least once. `status_known`: the registry
    has a status of at least one connector, so the gateway need not ask for it.
    `credential_checks`: with bad credentials, what rules further wrong ones out at the gateway
    (docs/adr/0014). `detail`: what is wrong in this very case, for whoever installs the station;
    empty where the outcome says it all. `tenant_id`: whose the station is; the gateway names it
    with each of the station's calls.
    """

    connection_id: str
    outcome: Open[ClaimOutcome]
    detail: str = ""
    tenant_id: str = DEFAULT_TENANT
    epoch: int = 0
    booted: bool = False
    status_known: bool = False
    registration: RegistrationChange | None = None
    credential_checks: tuple[str, ...] = ()


class ClaimReplyBatch(Batch[ClaimReply]):
    """Answers to one batch of claims."""


class Release(Contract):
    """A connection ended; only the row with this very connection and epoch is let go.

    `epoch` is `NEVER_LEARNT` where the claim was given up and its answer never came.
    """

    station_id: str
    connection_id: str
    epoch: int
    reason: str
    released_ms: int


class ReleaseBatch(Batch[Release]):
    """Releases of one gateway incarnation."""

    gateway_id: str


class Liveness(Contract):
    """The station was heard on this connection; applied by (epoch), later wins.

    `tolerated`: how often each of its deviations was forgiven since the last such message.
    """

    station_id: str
    connection_id: str
    epoch: int
    last_seen_ms: int
    tolerated: dict[str, int] = Field(default_factory=dict)


class LivenessBatch(Batch[Liveness]):
    """Stations heard since the last batch, each once."""

    gateway_id: str


class LeaseRenewal(Contract):
    """A gateway's sign of life: the lease runs 20 s from here by the database's clock.

    `draining` ends no ownership; it keeps the gateway's figures true. `final` gives the lease up.
    """

    gateway_id: str
    gateway_name: str
    connections: int
    version: str
    started_ms: int
    draining: bool = False
    final: bool = False


class LeaseBatch(Batch[LeaseRenewal]):
    """One renewal; a batch like every work-queue message. Past `deadline_ms` it says nothing."""

    reply_key: str
    correlation_id: str
    deadline_ms: int | None = None


class LeaseReply(Contract):
    """`confirmed` is false when the lease had run out: re-assert everything.

    `own_queues`: the registry reads the queues of leases and of re-assertions. One of the version
    before reads both from its decisions queue.
    """

    confirmed: bool
    own_queues: bool = False


class Reassertion(Contract):
    """A connection that the gateway holds and wants to see under its present incarnation.

    `registration_version` is that of the registration that the gateway goes by; null where it
    knows no versions.
    """

    station_id: str
    connection_id: str
    epoch: int
    ocpp_version: str
    remote_address: str
    connected_ms: int
    registration_version: int | None = None


class ReassertionBatch(Batch[Reassertion]):
    """A page of at most 500 connections; not looked at past `deadline_ms`."""

    gateway_id: str
    gateway_name: str
    reply_key: str
    correlation_id: str
    deadline_ms: int | None = None


class ChangedRegistration(Contract):
    """The registration of a re-asserted connection's station is another one."""

    connection_id: str
    registration: RegistrationChange


class ReassertionReply(Contract):
    """What became of a page, or of a part of it; other parts have replies of their own.

    `superseded`: connections that belong to somebody newer, which the gateway closes. `held`: those
    that are the gateway's; null from a registry of the version before, which answers whole pages.
    `changed`: registrations that the gateway does not have, because a control was lost.
    """

    superseded: list[str]
    held: list[str] | None = None
    changed: list[ChangedRegistration] = Field(default_factory=list)


# The reason of a refusal in the TLS handshake, where the station's id is not known yet.
CLIENT_CERTIFICATE_REFUSED = "client_certificate_refused"


class Refusal(Contract):
    """Refused handshakes of a kind, in words an installer understands.

    `reason` is the metric's label; `station_id` is empty where none was named, or where the
    address named too many. `times` counts all that this gateway refused since `period_ms`, so
    that the largest is right in any order; `refused_ms` is the last of them. What was refused in
    its TLS handshake has no station id and the HTTP status 0.
    """

    station_id: str
    remote_address: str
    reason: str
    detail: str
    http_status: int
    refused_ms: int
    times: int = Field(1, ge=1)
    first_ms: int | None = None
    period_ms: int | None = None


class RefusalBatch(Batch[Refusal]):
    """Refusals of one gateway since the last batch."""

    gateway_id: str


class ProbeItem(Contract):
    """An empty decision: whoever answers it can commit."""

    sent_ms: int


class ProbeBatch(Batch[ProbeItem]):
    """Asks a service's decision path whether it answers."""

    reply_key: str
    correlation_id: str
    deadline_ms: int


class ProbeReply(Contract):
    """The decision path of this service answered."""

    service: str
