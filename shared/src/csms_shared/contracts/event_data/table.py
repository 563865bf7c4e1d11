"""Every public event: what it tells, of what, and who tells it.

A row is all that an event needs to be read, described (docs/messages/events/) and held against its
model by the tests.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from pydantic import BaseModel

from csms_shared.contracts.event_data.billing import BillTold, CostChanged
from csms_shared.contracts.event_data.certificates import (
    AuthorityExpiring,
    CertificateDated,
    CertificateInstalled,
    CertificateRevoked,
    RootExpiring,
    StoreChanged,
)
from csms_shared.contracts.event_data.charging import ChargingProfileTold
from csms_shared.contracts.event_data.commands import CommandGroupCompleted
from csms_shared.contracts.event_data.configuration import ConfigurationChanged
from csms_shared.contracts.event_data.connectors import (
    ConnectorAdded,
    ConnectorOutOfService,
    ConnectorStatusChanged,
)
from csms_shared.contracts.event_data.heartbeats import StationHeartbeat
from csms_shared.contracts.event_data.jobs import JobChanged, JobCreated, RolloutChanged
from csms_shared.contracts.event_data.metering import MeterValuesReceived
from csms_shared.contracts.event_data.quarantine import QuarantineAdded
from csms_shared.contracts.event_data.reservations import ReservationTold
from csms_shared.contracts.event_data.security import ConnectionRefused, SecurityEventTold
from csms_shared.contracts.event_data.stations import (
    DataTransferred,
    RegistrationChanged,
    SecurityProfileRaised,
    StationBooted,
    StationConnected,
    StationDisconnected,
    StationMoved,
    StationNamed,
    StationOffline,
    StationOnline,
)
from csms_shared.contracts.event_data.system import (
    ConsumerPaused,
    ConsumerResumed,
    DestinationRecovered,
    DestinationRefusing,
    GatewayLeaseEnded,
    InstanceStarted,
    InstanceStopped,
    ItemParked,
    LimitReached,
    UpkeepFailing,
    UpkeepRecovered,
)
from csms_shared.contracts.event_data.tokens import IdTokenChanged
from csms_shared.contracts.event_data.transactions import (
    TransactionCorrected,
    TransactionStarted,
    TransactionStopped,
    TransactionUpdated,
    TransactionValuesLate,
)
from csms_shared.contracts.orders import CompletedCommand
from csms_shared.contracts.places import StationPlace
from csms_shared.contracts.sites import SiteTold
from csms_shared.contracts.tenants import TenantTold


class Source(StrEnum):
    """Who tells an event; the attribute `source` is `/csms/` and this."""

    REGISTRY = "station-registry"
    SESSIONS = "session-service"
    COMMANDS = "command-api"
    INTEGRATION = "integration-service"
    BILLING = "billing-service"


class Subject(StrEnum):
    """What an event is about: the name of the field of `data` that is its `subject`."""

    STATION = "station_id"
    SITE = "site_id"
    TENANT = "tenant_id"
    AUTHORITY = "fingerprint"
    ROLLOUT = "rollout_id"
    ID_TOKEN = "id_token"  # noqa: S105 - the name of a field
    COMMAND_GROUP = "command_group_id"
    GATEWAY = "gateway_id"
    INSTANCE = "instance"
    QUEUE = "queue"
    TASK = "task"
    LIMIT = "limit"
    EXCHANGE = "exchange"


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event: the model of its `data`, who tells it (one of them), of what, and when."""

    data: type[BaseModel]
    sources: tuple[Source, ...]
    subject: Subject
    told: str


_STATION = Subject.STATION


def _registry(data: type[BaseModel], told: str, subject: Subject = _STATION) -> EventRow:
    return EventRow(data, (Source.REGISTRY,), subject, told)


def _sessions(data: type[BaseModel], told: str, subject: Subject = _STATION) -> EventRow:
    return EventRow(data, (Source.SESSIONS,), subject, told)


def _commands(data: type[BaseModel], told: str, subject: Subject = _STATION) -> EventRow:
    return EventRow(data, (Source.COMMANDS,), subject, told)


def _billing(data: type[BaseModel], told: str, subject: Subject = _STATION) -> EventRow:
    return EventRow(data, (Source.BILLING,), subject, told)


def _any(data: type[BaseModel], told: str, subject: Subject) -> EventRow:
    return EventRow(data, tuple(Source), subject, told)


# routing key -> row; in the order in which pages and documents show them.
EVENTS: Mapping[str, EventRow] = MappingProxyType(
    {
        "station.connected": _registry(
            StationConnected, "a connection of the station is accepted, or is given back"
        ),
        "station.disconnected": _registry(
            StationDisconnected, "the station's connection has ended, and it has no other"
        ),
        "station.online": _registry(StationOnline, "the station was offline, and is not any more"),
        "station.offline": _registry(StationOffline, "the station was online, and is not any more"),
        "station.heartbeat": _registry(
            StationHeartbeat, "the station was heard: at most once in a period, 900 s unless set"
        ),
        "station.booted": _registry(StationBooted, "the station has booted (BootNotification)"),
        "station.registration_changed": _registry(
            RegistrationChanged, "whether the station may take part has changed"
        ),
        "station.created": _registry(
            StationNamed, "an operator, or a first connection, has created the station"
        ),
        "station.deleted": _registry(StationNamed, "an operator has deleted the station"),
        "station.placed": _registry(
            StationPlace,
            "the station's site or tags have changed: about a second later, and once for changes "
            "that come together",
        ),
        "station.moved": _registry(
            StationMoved, "the station went to another tenant: an event for each of the two"
        ),
        "station.security_profile_raised": _registry(
            SecurityProfileRaised, "the station has connected with a higher security profile"
        ),
        "station.data_transferred": _registry(
            DataTransferred, "the station has sent data of its vendor's own (DataTransfer)"
        ),
        "site.created": _registry(SiteTold, "an operator has created the site", Subject.SITE),
        "site.updated": _registry(SiteTold, "an operator has changed the site", Subject.SITE),
        "site.deleted": _registry(SiteTold, "an operator has deleted the site", Subject.SITE),
        "tenant.created": _registry(
            TenantTold, "the platform has created the tenant", Subject.TENANT
        ),
        "tenant.updated": _registry(
            TenantTold, "the platform has changed the tenant", Subject.TENANT
        ),
        "security.connection_refused": _registry(
            ConnectionRefused,
            "a connection is refused for its credentials: once an hour for each station, address, "
            "reason and gateway",
        ),
        "security.event_reported": _registry(
            SecurityEventTold, "the station has reported a security event"
        ),
        "security.event_detected": _registry(
            SecurityEventTold, "the suite has noticed something that bears on security"
        ),
        "certificate.issued": _registry(
            CertificateDated, "the station's certificate was signed, and is on its way to it"
        ),
        "certificate.installed": _registry(
            CertificateInstalled, "the station has taken the certificate that was signed for it"
        ),
        "certificate.revoked": _registry(
            CertificateRevoked, "an operator has revoked the certificate"
        ),
        "certificate.expiring": _registry(
            CertificateDated, "the station's certificate ends soon, and is renewed: once for each"
        ),
        "certificate.root_expiring": _registry(
            RootExpiring, "a root certificate in the station ends soon: once for each"
        ),
        "certificate.store_changed": _registry(
            StoreChanged, "the station has told of a root certificate that it has, or has no more"
        ),
        "certificate_authority.expiring": _registry(
            AuthorityExpiring,
            "a certificate authority ends sooner than what it is to sign: once for each",
            Subject.AUTHORITY,
        ),
        "connector.status_changed": _registry(
            ConnectorStatusChanged, "the station says something else of the connector than before"
        ),
        "connector.added": _registry(
            ConnectorAdded, "the station speaks of the connector for the first time"
        ),
        "connector.out_of_service": _registry(
            ConnectorOutOfService,
            "the connector is `Faulted` or `Unavailable` after a status in which it served",
        ),
        "job.created": _registry(JobCreated, "a job of the station is ordered"),
        "job.status_changed": _registry(
            JobChanged, "the job's status, what the station says of it, or its result has changed"
        ),
        "job.finished": _registry(JobChanged, "the job has ended; after `job.status_changed`"),
        "rollout.running": _registry(
            RolloutChanged, "the rollout goes on after it was paused or stopped", Subject.ROLLOUT
        ),
        "rollout.paused": _registry(
            RolloutChanged, "an operator has paused the rollout", Subject.ROLLOUT
        ),
        "rollout.stopped": _registry(
            RolloutChanged, "too many of the rollout's stations failed", Subject.ROLLOUT
        ),
        "rollout.cancelled": _registry(
            RolloutChanged, "an operator has ended the rollout", Subject.ROLLOUT
        ),
        "rollout.completed": _registry(
            RolloutChanged, "the jobs of all stations have ended", Subject.ROLLOUT
        ),
        "configuration.changed": _registry(
            ConfigurationChanged, "the station has taken a value (ChangeConfiguration)"
        ),
        "transaction.started": _sessions(
            TransactionStarted, "a transaction is known: once for each"
        ),
        "transaction.updated": _sessions(
            TransactionUpdated, "values of an open transaction have come: at most once in 60 s"
        ),
        "transaction.stopped": _sessions(
            TransactionStopped, "the transaction has ended: once for each"
        ),
        "transaction.corrected": _sessions(
            TransactionCorrected, "the transaction's end turned out otherwise than it was told"
        ),
        "transaction.values_late": _sessions(
            TransactionValuesLate, "values have come of a transaction that had ended"
        ),
        "transaction.cost_changed": _billing(
            CostChanged,
            "what an open transaction has cost so far has changed: at most once in 60 s",
        ),
        "meter_values.received": _sessions(
            MeterValuesReceived, "a call has brought meter values: once for each call"
        ),
        "id_token.changed": _sessions(
            IdTokenChanged, "an operator has created, changed or deleted it", Subject.ID_TOKEN
        ),
        "quarantine.added": _sessions(QuarantineAdded, "a stop or meter values fit no transaction"),
        "reservation.created": _sessions(
            ReservationTold, "a reservation is wanted, and the station is asked"
        ),
        "reservation.active": _sessions(ReservationTold, "the station keeps the connector"),
        "reservation.used": _sessions(ReservationTold, "a transaction has begun with it"),
        "reservation.expired": _sessions(ReservationTold, "its time is over"),
        "reservation.cancelled": _sessions(
            ReservationTold, "the station keeps the connector no more"
        ),
        "reservation.refused": _sessions(
            ReservationTold, "the station does not keep the connector, or was not asked in time"
        ),
        "bill.issued": _billing(BillTold, "a transaction is billed: once for each bill"),
        "bill.held": _billing(
            BillTold, "a transaction is billed, and the bill is kept back: somebody has to look"
        ),
        "bill.released": _billing(
            BillTold, "an operator has released a bill that was kept back, and it is sent on"
        ),
        "bill.credited": _billing(
            BillTold,
            "a bill is taken back, for an amount has changed: just before the one that comes "
            "instead is told; told again when the credit is sent on, where it was kept back",
        ),
        "charging_profile.installed": _sessions(
            ChargingProfileTold, "the station has taken the profile"
        ),
        "charging_profile.removed": _sessions(
            ChargingProfileTold, "the station has the profile no more"
        ),
        "command.completed": _commands(
            CompletedCommand,
            "a command has ended; a second time where the answer came after `outcome_unknown`",
        ),
        "command_group.completed": _commands(
            CommandGroupCompleted, "all commands of the group have ended", Subject.COMMAND_GROUP
        ),
        "system.gateway_lease_ended": _registry(
            GatewayLeaseEnded,
            "a gateway that held stations did not renew its lease",
            Subject.GATEWAY,
        ),
        "system.instance_started": _any(
            InstanceStarted, "a process serves from now on", Subject.INSTANCE
        ),
        "system.instance_stopped": _any(
            InstanceStopped, "a process has ended in good order", Subject.INSTANCE
        ),
        "system.consumer_paused": _any(
            ConsumerPaused,
            "a queue was not consumed while the database was away; told when it is back",
            Subject.QUEUE,
        ),
        "system.consumer_resumed": _any(
            ConsumerResumed, "the queue is consumed again", Subject.QUEUE
        ),
        "system.item_parked": _any(
            ItemParked,
            "an item could not be processed: at most once a minute of each queue",
            Subject.QUEUE,
        ),
        "system.upkeep_failing": _any(
            UpkeepFailing, "a periodic task begins to fail", Subject.TASK
        ),
        "system.upkeep_recovered": _any(
            UpkeepRecovered, "the periodic task does not fail any more", Subject.TASK
        ),
        "system.limit_reached": _any(
            LimitReached,
            "something is turned away: at most once in 5 minutes of each limit and process",
            Subject.LIMIT,
        ),
        "system.destination_refusing": _any(
            DestinationRefusing,
            "a queue does not take what is published: at most once a minute of each exchange",
            Subject.EXCHANGE,
        ),
        "system.destination_recovered": _any(
            DestinationRecovered, "queues take again what is published", Subject.EXCHANGE
        ),
    }
)
