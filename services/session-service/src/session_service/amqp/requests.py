"""The requests that session-service answers: a literal table from operation to handler."""

from collections.abc import Callable

from csms_shared.broker.publisher import Publisher
from csms_shared.broker.replies import Replies
from csms_shared.broker.topology import SESSION_SERVICE
from csms_shared.contracts.overview import OVERVIEW_OF_SESSIONS
from csms_shared.contracts.sessions import SESSION_OPERATIONS
from csms_shared.db.engine import transactional
from csms_shared.db.parked_requests import parked_operations
from csms_shared.db.tenancy import RequestEngines
from csms_shared.service.about import AboutInstance
from csms_shared.service.requests_inbox import RequestsInbox
from session_service.charging.handlers import requests as charging
from session_service.database.service_tables import bulk_action, parked
from session_service.local_lists.handlers import requests as lists
from session_service.overview import overview
from session_service.quarantine.handlers import bulk as quarantine_bulk
from session_service.quarantine.handlers import requests as quarantined
from session_service.reservations.handlers import facts as reservation_facts
from session_service.reservations.handlers import requests as reservations
from session_service.tokens.handlers import requests as tokens
from session_service.transactions.handlers import closing, facts
from session_service.transactions.handlers import evidence as evidence
from session_service.transactions.handlers import requests as transactions


def requests_inbox(
    engines: RequestEngines,
    publisher: Publisher,
    replies: Replies,
    about: AboutInstance,
    after: Callable[[], None],
) -> RequestsInbox:
    """Return the consumer handler of the requests queue; parked items are the platform's."""
    engine = engines.of_tenant
    return RequestsInbox(
        replies=replies,
        operations=SESSION_OPERATIONS,
        handlers={
            "transactions.list": transactional(engine, transactions.list_transactions),
            "transactions.get": transactional(engine, transactions.get_transaction),
            "transactions.meter_values": transactional(engine, transactions.list_meter_values),
            "transactions.evidence": transactional(engine, evidence.list_evidence),
            "transactions.close": transactional(engine, transactions.close_transaction),
            "transactions.close_many": transactional(engine, closing.close_many),
            "transactions.open": transactional(engine, transactions.open_transactions),
            "quarantine.list": transactional(engine, quarantined.list_quarantine),
            "quarantine.reconcile": transactional(engine, quarantined.reconcile_item),
            "quarantine.dismiss": transactional(engine, quarantined.dismiss_item),
            "quarantine.reconcile_many": transactional(engine, quarantine_bulk.reconcile_many),
            "quarantine.dismiss_many": transactional(engine, quarantine_bulk.dismiss_many),
            "id_tokens.list": transactional(engine, tokens.list_id_tokens),
            "id_tokens.create": transactional(engine, tokens.create_id_token),
            "id_tokens.get": transactional(engine, tokens.get_id_token),
            "id_tokens.change": transactional(engine, tokens.change_id_token),
            "id_tokens.delete": transactional(engine, tokens.delete_id_token),
            "reservations.list": transactional(engine, reservations.list_reservations),
            "reservations.get": transactional(engine, reservations.get_reservation),
            "reservations.find": transactional(engine, reservations.find_reservation),
            "reservations.create": transactional(engine, reservations.create_reservation),
            "reservations.cancel": transactional(engine, reservations.cancel_reservation),
            "reservations.facts": transactional(engine, reservation_facts.reservation_facts),
            "local_lists.get": transactional(engine, lists.get_local_list),
            "local_lists.keep": transactional(engine, lists.keep_local_list),
            "local_lists.sync": transactional(engine, lists.sync_local_list),
            "local_lists.leave": transactional(engine, lists.leave_local_list),
            "charging_profiles.list": transactional(engine, charging.list_profiles),
            "charging_profiles.composite": transactional(engine, charging.composite),
            "charging_profiles.check": transactional(engine, charging.check_profile),
            "sessions.facts": transactional(engine, facts.session_facts),
            OVERVIEW_OF_SESSIONS: transactional(engine, overview),
            **about.operations(engines.of_all),
            **parked_operations(engines.of_all, publisher, parked, bulk_action, SESSION_SERVICE),
        },
        after=after,
    )
