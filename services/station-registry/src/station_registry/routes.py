"""Which handler takes which message, in the order in which their locks are taken."""

from functools import partial

from csms_shared.broker.topology import STATION_REGISTRY
from csms_shared.contracts.message_types import MessageType
from csms_shared.ocpp import v16 as ocpp16
from csms_shared.ocpp.versions import OCPP16
from csms_shared.service.dispatch import dispatching
from csms_shared.service.inbox import Apply
from csms_shared.service.probes import answering_probes
from csms_shared.service.routes import CallRoute, MessageRoute, Routes
from csms_shared.service.station_calls import of_payload
from station_registry.availability.handlers import note_statuses
from station_registry.batch_locks import Locks, take_locks
from station_registry.certificates.handlers.requests import SigningNow, sign_certificate
from station_registry.completed_commands import (
    note_completed_commands,
    stations_of_job_commands,
    stations_that_commands_lock,
)
from station_registry.data_transfer.handlers import transfer_data
from station_registry.jobs.handlers.jobs import note_job_reports
from station_registry.ocpp import v16
from station_registry.ownership.handlers.claims import admit_unknown, claim
from station_registry.ownership.handlers.connections import (
    note_liveness,
    reassert_connections,
    release_connections,
)
from station_registry.ownership.handlers.leases import renew_leases
from station_registry.ownership.handlers.system_notices import note_system_notices
from station_registry.provisioning.domain.registration import Policies
from station_registry.provisioning.handlers import boot
from station_registry.security_events.handlers import note_security_events
from station_registry.traffic.handlers.recordings import store_recordings
from station_registry.traffic.handlers.refusals import note_refusals
from station_registry.works import stations_of_items

_STATIONS = Locks(stations_of=stations_of_items)
_JOBS = Locks(jobs_of=stations_of_items)


def decision_routes(policies: Policies, signing: SigningNow) -> Routes[Locks]:
    """Return the routes of the decisions queue.

    Leases and re-assertions come here from gateways of the version before (ADR 0029).
    """
    return {
        MessageType.CLAIMS: MessageRoute(
            partial(claim, policies=policies),
            _STATIONS,
            first=partial(admit_unknown, policies=policies),
        ),
        **reassertion_routes(policies),
        (OCPP16, ocpp16.BOOT_NOTIFICATION): CallRoute(
            of_payload(v16.provisioning.read_boot),
            partial(boot, policies=policies),
            v16.provisioning.write_boot_answer,
            _STATIONS,
        ),
        (OCPP16, ocpp16.SIGN_CERTIFICATE): CallRoute(
            of_payload(v16.certificates.read_signing_request),
            partial(sign_certificate, signing=signing),
            v16.certificates.write_signing_answer,
            _STATIONS,
        ),
        (OCPP16, ocpp16.DATA_TRANSFER): CallRoute(
            of_payload(v16.data_transfer.read_transfer),
            transfer_data,
            v16.data_transfer.write_transfer_answer,
        ),
        MessageType.PROBE: MessageRoute(answering_probes(STATION_REGISTRY)),
        # Last, and after the stations everywhere: claims may have introduced the same gateway.
        **lease_routes(),
    }


def lease_routes() -> Routes[Locks]:
    """Return the routes of the queue of leases."""
    return {MessageType.LEASE: MessageRoute(renew_leases)}


def reassertion_routes(policies: Policies) -> Routes[Locks]:
    """Return the routes of the queue of re-assertions."""
    reassert = partial(reassert_connections, policies=policies)
    return {MessageType.REASSERTIONS: MessageRoute(reassert, _STATIONS)}


def report_routes(heartbeat_event_s: int) -> Routes[Locks]:
    """Return the routes of the reports queue.

    `heartbeat_event_s`: in which of each station a heartbeat is told once; 0: never.
    """
    return {
        MessageType.RELEASES: MessageRoute(release_connections, _STATIONS),
        MessageType.LIVENESS: MessageRoute(partial(note_liveness, told_every_s=heartbeat_event_s)),
        (OCPP16, ocpp16.STATUS_NOTIFICATION): CallRoute(
            of_payload(v16.availability.read_status), note_statuses
        ),
        (OCPP16, ocpp16.SECURITY_EVENT_NOTIFICATION): CallRoute(
            of_payload(v16.security_events.read_security_event), note_security_events
        ),
        MessageType.REFUSALS: MessageRoute(note_refusals),
        MessageType.SYSTEM_NOTICES: MessageRoute(note_system_notices),
        **{
            (OCPP16, action): CallRoute(
                of_payload(partial(v16.jobs.read_report, kind)), note_job_reports, locks=_JOBS
            )
            for action, kind in v16.jobs.KIND_OF_REPORT.items()
        },
        MessageType.EVENTS: MessageRoute(
            note_completed_commands,
            Locks(stations_that_commands_lock, stations_of_job_commands),
        ),
    }


def recording_routes() -> Routes[Locks]:
    """Return the routes of the recordings queue."""
    return {MessageType.RECORDINGS: MessageRoute(store_recordings)}


def apply_by(routes: Routes[Locks]) -> Apply:
    """Return what applies a batch of any mix, with the locks of its routes."""
    return dispatching(routes, take_locks)
