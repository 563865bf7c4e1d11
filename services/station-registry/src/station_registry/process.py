"""What one station-registry process consists of."""

from functools import partial

from csms_shared.broker.link import Link
from csms_shared.broker.topology import (
    SESSION_SERVICE,
    STATION_REGISTRY,
    decisions_queue,
    leases_queue,
    owner_look_ups_queue,
    places_queue,
    reassertions_queue,
    recordings_queue,
    reports_queue,
)
from csms_shared.contracts.stations import LOOK_UP_OWNERS, STATION_OPERATIONS
from csms_shared.db.upkeep import UpkeepTask
from csms_shared.service.inbox import reply_messages
from csms_shared.service.owning_service import OwningService
from csms_shared.service.requests_inbox import RequestsInbox
from csms_shared.service.station_calls import fault_reply
from station_registry.amqp.absent_gateways import absent_gateways
from station_registry.amqp.requests import owner_look_ups, station_operations
from station_registry.certificates.handlers.built_in_authority import BuiltInAuthority, signing_now
from station_registry.certificates.handlers.expiry import watch_expiry
from station_registry.certificates.handlers.root_expiry import watch_roots
from station_registry.certificates.handlers.signers import Signer
from station_registry.certificates.handlers.signing import CertificateSigning
from station_registry.certificates.store import requests as certificate_requests
from station_registry.data_transfer.store import purge_transfers
from station_registry.database import MIGRATIONS, SCHEMA
from station_registry.database.service_tables import outbox, parked
from station_registry.history import store as history
from station_registry.http.external_signer import ExternalSigner
from station_registry.jobs.handlers.jobs import time_out_jobs
from station_registry.jobs.handlers.rollouts import advance_rollouts
from station_registry.jobs.store.reports import purge_reports
from station_registry.ownership.handlers.disconnecting import watch_suspended
from station_registry.ownership.handlers.leases import doubt_gateways, watch_leases
from station_registry.ownership.store.leases import purge_ended
from station_registry.routes import (
    apply_by,
    decision_routes,
    lease_routes,
    reassertion_routes,
    recording_routes,
    report_routes,
)
from station_registry.security_events import store as security_events
from station_registry.settings import RegistrySettings
from station_registry.sites.places import tell_places
from station_registry.traffic.store.recordings import upkeep_tasks
from station_registry.traffic.store.refusals import purge as purge_refusals

# One: what arrives during its transaction is the next, and large batches let more stations in.
DECISION_CONSUMERS = 1
REPORT_CONSUMERS = 2
SIGNING_CONNECTIONS = 1
LEASES_PREFETCH = 100
# Two or three pages make a transaction (`Consumer` bounds its bytes); these come next.
REASSERTIONS_PREFETCH = 10


def station_registry(settings: RegistrySettings, link: Link) -> OwningService:
    """Put the service together."""
    service = OwningService(
        STATION_REGISTRY,
        settings,
        link,
        schema=SCHEMA,
        migrations=MIGRATIONS,
        outbox=outbox,
        parked=parked,
        # What it tells of places waits for whoever follows them, started or not.
        lanes=(leases_queue(), reassertions_queue(), places_queue(SESSION_SERVICE)),
    )
    publisher, replies, policies = service.publisher, service.replies, settings.policies()
    wake = service.wake_relay
    authority = _authority(settings)
    signing = _signing(service, settings, authority)
    if signing is not None:
        service.run_beside(signing.run)
    decisions = service.consume_decisions(
        DECISION_CONSUMERS,
        lambda engine: service.inbox(
            engine,
            decisions_queue(STATION_REGISTRY),
            apply_by(decision_routes(policies, signing_now(settings.signing(), authority))),
            fault_reply=fault_reply,
        ),
    )
    leases = service.consume_lane(
        leases_queue(),
        lambda engine: service.inbox(engine, leases_queue(), apply_by(lease_routes()), tells=False),
        prefetch=LEASES_PREFETCH,
    )
    service.consume_lane(
        reassertions_queue(),
        lambda engine: service.inbox(
            engine, reassertions_queue(), apply_by(reassertion_routes(policies))
        ),
        prefetch=REASSERTIONS_PREFETCH,
    )
    service.consume_reports(
        REPORT_CONSUMERS,
        lambda engine: service.inbox(
            engine,
            reports_queue(STATION_REGISTRY),
            apply_by(report_routes(settings.heartbeat_event_seconds)),
        ),
    )
    service.consume_apart(
        recordings_queue(),
        lambda engine: service.inbox(
            engine, recordings_queue(), apply_by(recording_routes()), tells=False
        ),
    )
    service.consume_requests(
        lambda engines: RequestsInbox(
            replies=replies,
            operations=STATION_OPERATIONS,
            handlers=station_operations(
                engines, publisher, replies, policies, service.about, authority
            ),
            after=wake,
        )
    )
    # Commands wait for these: they never stand behind a search.
    service.consume_requests(
        lambda engines: RequestsInbox(
            replies=replies,
            operations={LOOK_UP_OWNERS: STATION_OPERATIONS[LOOK_UP_OWNERS]},
            handlers={LOOK_UP_OWNERS: owner_look_ups(engines.of_all)},
        ),
        lane=owner_look_ups_queue(),
    )
    service.keep_up_apart(
        "leases",
        # Gateways of the version before renew among the decisions.
        watch_leases(
            lambda: leases.consuming and any(consumer.consuming for consumer in decisions),
            service.incarnation,
        ),
        doubt_gateways(partial(absent_gateways, link)),
    )
    service.keep_up(
        *upkeep_tasks(settings.recording_retention_days),
        *history.upkeep_tasks(settings.history_retention_days),
        UpkeepTask("purge_refusals", 60.0, purge_refusals),
        UpkeepTask("purge_data_transfers", 60.0, purge_transfers),
        UpkeepTask("purge_gateways", 60.0, purge_ended),
        tell_places(),
        watch_suspended(lambda told: replies.deliver(reply_messages(told))),
        UpkeepTask("advance_rollouts", 2.0, advance_rollouts),
        UpkeepTask("time_out_jobs", 5.0, time_out_jobs),
        UpkeepTask("purge_job_reports", 60.0, purge_reports),
        UpkeepTask("purge_security_events", 600.0, security_events.purge),
        UpkeepTask("purge_certificate_requests", 600.0, certificate_requests.purge),
        watch_expiry(settings.certificate_renewal_days, signing_now(settings.signing(), authority)),
        watch_roots(settings.certificate_days, settings.certificate_renewal_days),
    )
    return service


def _authority(settings: RegistrySettings) -> BuiltInAuthority | None:
    if settings.ca_folder is None or settings.ca_passphrase is None:
        return None
    return BuiltInAuthority(
        settings.ca_folder,
        settings.ca_passphrase.get_secret_value(),
        settings.operator_name,
        settings.certificate_days,
    )


def _signing(
    service: OwningService, settings: RegistrySettings, authority: BuiltInAuthority | None
) -> CertificateSigning | None:
    """Return what signs accepted requests, as part of the service; None without a signer."""
    if not settings.signing().ready:
        return None
    engine = service.engine("signing", SIGNING_CONNECTIONS)
    signer: Signer
    if authority is not None:
        signer = authority.signing_for(engine)
        service.run_beside(partial(authority.watch, engine))
        service.warn(lambda: authority.warnings)
    else:
        token = settings.signer_token
        signer = ExternalSigner(
            settings.signer_url or "", None if token is None else token.get_secret_value()
        )
    return CertificateSigning(engine, signer, service.wake_relay)
