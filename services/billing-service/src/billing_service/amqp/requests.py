"""The requests that billing-service answers: a literal table from operation to handler."""

from collections.abc import Callable

from sqlalchemy.ext.asyncio import AsyncEngine

from billing_service.bills.handlers import requests as bills
from billing_service.cdrs.handlers import requests as cdrs
from billing_service.costs.handlers.simulation import Simulation
from billing_service.database.service_tables import bulk_action, parked
from billing_service.tariffs.handlers.assignments import (
    create_assignment,
    delete_assignment,
    get_assignment,
)
from billing_service.tariffs.handlers.tariffs import (
    change_tariff,
    create_tariff,
    delete_tariff,
    get_tariff,
)
from billing_service.tariffs.store import assignments, tariffs
from csms_shared.broker.publisher import Publisher
from csms_shared.broker.replies import Replies
from csms_shared.broker.topology import BILLING_SERVICE
from csms_shared.contracts.billing import BILLING_OPERATIONS
from csms_shared.contracts.overview import OVERVIEW_OF_BILLS
from csms_shared.db.engine import RequestHandler, transactional
from csms_shared.db.parked_requests import parked_operations
from csms_shared.db.tenancy import RequestEngines
from csms_shared.service.about import AboutInstance
from csms_shared.service.requests_inbox import RequestsInbox


def requests_inbox(
    engines: RequestEngines,
    publisher: Publisher,
    replies: Replies,
    about: AboutInstance,
    after: Callable[[], None],
) -> RequestsInbox:
    """Return the consumer handler of the requests queue; parked items are the platform's."""
    engine = engines.of_tenant
    handlers: dict[str, RequestHandler] = {
        "costs.get": transactional(engine, bills.get_cost),
        "costs.of_reservation": transactional(engine, bills.get_reservation_cost),
        "costs.of": transactional(engine, bills.costs_of),
        "bills.list": transactional(engine, bills.list_bills),
        "bills.release": transactional(engine, bills.release_bill),
        "bills.settle": transactional(engine, bills.settle_again),
        "bills.settle_reservation": transactional(engine, bills.settle_reservation_again),
        OVERVIEW_OF_BILLS: transactional(engine, bills.overview),
        "cdrs.list": transactional(engine, cdrs.list_cdrs),
        "cdrs.get": transactional(engine, cdrs.get_cdr),
        **tariff_handlers(engine),
        **about.operations(engines.of_all),
        **parked_operations(engines.of_all, publisher, parked, bulk_action, BILLING_SERVICE),
    }
    return RequestsInbox(
        replies=replies,
        operations={name: BILLING_OPERATIONS[name] for name in handlers},
        handlers=handlers,
        after=after,
    )


def tariff_handlers(engine: AsyncEngine) -> dict[str, RequestHandler]:
    """Return the handlers of requests on tariffs; `engine` sees the tenant's rows."""
    return {
        "tariffs.list": transactional(engine, tariffs.list_page),
        "tariffs.get": transactional(engine, get_tariff),
        "tariffs.create": transactional(engine, create_tariff),
        "tariffs.change": transactional(engine, change_tariff),
        "tariffs.delete": transactional(engine, delete_tariff),
        "tariffs.simulate": Simulation(engine),
        "tariff_assignments.list": transactional(engine, assignments.list_page),
        "tariff_assignments.get": transactional(engine, get_assignment),
        "tariff_assignments.create": transactional(engine, create_assignment),
        "tariff_assignments.delete": transactional(engine, delete_assignment),
    }
