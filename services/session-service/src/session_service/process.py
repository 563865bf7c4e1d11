"""What one session-service process consists of."""

from sqlalchemy.ext.asyncio import AsyncEngine

from csms_shared.broker.link import Link
from csms_shared.broker.topology import (
    SESSION_SERVICE,
    decisions_queue,
    places_queue,
    replica_queue,
    reports_queue,
)
from csms_shared.db.upkeep import UpkeepTask
from csms_shared.service.dispatch import dispatching
from csms_shared.service.inbox import Apply, Inbox
from csms_shared.service.owning_service import OwningService
from csms_shared.service.station_calls import fault_reply
from session_service.amqp.inboxes import DecisionsInbox
from session_service.amqp.reports_barrier import Barrier, ReplicaInbox
from session_service.amqp.requests import requests_inbox
from session_service.charging.handlers.profiles import forget_ended, settle_waiting
from session_service.database import MIGRATIONS, SCHEMA
from session_service.database.tables import outbox, parked
from session_service.database.upkeep import upkeep_tasks
from session_service.local_lists.handlers.synchronizing import forget_contents, look_at_due
from session_service.quarantine.handlers.reconciling import reconcile_due
from session_service.reservations.handlers.judging import expire_reservations
from session_service.reservations.store.outages import forget_outages
from session_service.routes import place_routes, report_routes
from session_service.settings import Settings

# Two of each: one transaction waits for its commit while the other one works.
DECISION_CONSUMERS = 2
REPORT_CONSUMERS = 2


def session_service(settings: Settings, link: Link) -> OwningService:
    """Put the service together."""
    service = OwningService(
        SESSION_SERVICE,
        settings,
        link,
        schema=SCHEMA,
        migrations=MIGRATIONS,
        outbox=outbox,
        parked=parked,
        lanes=(places_queue(SESSION_SERVICE),),
    )
    publisher, replies = service.publisher, service.replies
    incarnation = service.incarnation
    barrier = Barrier(publisher, incarnation)
    wake = service.wake_relay
    for_held = service.engine("held starts", 1, by_keys=True)

    def deciding(engine: AsyncEngine, apply: Apply) -> Inbox:
        queue = decisions_queue(SESSION_SERVICE)
        return service.inbox(engine, queue, apply, fault_reply=fault_reply)

    service.consume_decisions(
        DECISION_CONSUMERS,
        lambda engine: DecisionsInbox(
            deciding, engine, for_held, barrier, free_vend=settings.free_vend
        ),
    )
    reports = service.consume_reports(
        REPORT_CONSUMERS,
        lambda engine: service.inbox(
            engine, reports_queue(SESSION_SERVICE), dispatching(report_routes())
        ),
    )
    service.consume_apart(
        places_queue(SESSION_SERVICE),
        lambda engine: service.inbox(
            engine, places_queue(SESSION_SERVICE), dispatching(place_routes()), tells=False
        ),
    )
    service.consume_own(
        replica_queue(SESSION_SERVICE, incarnation),
        ReplicaInbox(barrier, incarnation, reports, replies),
    )
    service.consume_requests(
        lambda engines: requests_inbox(engines, publisher, replies, service.about, wake)
    )
    service.keep_up(
        *upkeep_tasks(
            meter_value_days=settings.meter_value_retention_days,
            stop_days=settings.stop_retention_days,
            quarantine_days=settings.quarantine_retention_days,
        ),
        UpkeepTask("reconcile_quarantine", 15.0, reconcile_due),
        UpkeepTask("expire_reservations", 5.0, expire_reservations),
        UpkeepTask("forget_reservation_outages", 3600.0, forget_outages),
        UpkeepTask("look_at_local_lists", 5.0, look_at_due),
        UpkeepTask("forget_local_list_contents", 3600.0, forget_contents),
        UpkeepTask("settle_charging_profiles", 5.0, settle_waiting),
        UpkeepTask("forget_charging_profiles", 3600.0, forget_ended),
    )
    return service
