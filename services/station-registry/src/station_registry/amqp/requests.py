"""Which function handles which request of REST: the operations of `STATION_OPERATIONS`."""

from functools import partial

from sqlalchemy.ext.asyncio import AsyncEngine

from csms_shared.broker.publisher import Publisher
from csms_shared.broker.replies import Replies
from csms_shared.broker.topology import STATION_REGISTRY
from csms_shared.contracts.overview import OVERVIEW_OF_STATIONS
from csms_shared.contracts.stations import LOOK_UP_OWNERS, STATIONS_IN_SCOPE
from csms_shared.db.engine import RequestHandler, transactional
from csms_shared.db.parked_requests import parked_operations
from csms_shared.db.tenancy import RequestEngines
from csms_shared.service.about import AboutInstance
from station_registry.certificates.handlers.built_in_authority import BuiltInAuthority
from station_registry.certificates.handlers.operations import certificate_operations
from station_registry.configuration.handlers import requests as configuration
from station_registry.configuration.handlers import templates
from station_registry.database.service_tables import bulk_action, parked
from station_registry.history.handlers import list_history
from station_registry.jobs.handlers import rollout_requests
from station_registry.jobs.handlers.requests import create_job, get_job, list_jobs
from station_registry.places.handlers import station_places
from station_registry.provisioning.domain.registration import Policies
from station_registry.security_events import store as security_events
from station_registry.sites import handlers as sites
from station_registry.sites.scopes import stations_in_scope
from station_registry.stations.handlers import hardware, stations
from station_registry.stations.handlers.moves import move, moving
from station_registry.stations.store import views
from station_registry.stations.store.overview import overview
from station_registry.tenants import handlers as tenants
from station_registry.traffic.handlers.fleet_messages import list_fleet_messages
from station_registry.traffic.handlers.recordings import list_messages
from station_registry.traffic.handlers.refusals import get_refusal, list_refusals


def station_operations(
    engines: RequestEngines,
    publisher: Publisher,
    replies: Replies,
    policies: Policies,
    about: AboutInstance,
    authority: BuiltInAuthority | None = None,
) -> dict[str, RequestHandler]:
    """Return who handles each operation.

    Of all tenants at once: tenants themselves and moves between them, what belongs to the
    deployment (gateways, parked messages), look-ups for many tenants' commands, recordings, of
    which one holds frames of many stations, and new stations, whose id another tenant's deleted
    one may have had.
    """
    engine, of_all = engines.of_tenant, engines.of_all
    instructing = partial(stations.instructing, engine, replies)
    return {
        "stations.list": transactional(engine, views.list_stations),
        "stations.create": transactional(of_all, partial(stations.create, policies)),
        "stations.get": transactional(engine, stations.get_detail),
        "stations.change": moving(
            stations.instructing(of_all, replies, move),
            instructing(partial(stations.change, policies)),
        ),
        "stations.delete": instructing(stations.delete),
        "stations.set_password": transactional(engine, stations.set_station_password),
        "stations.offer_profile": transactional(engine, partial(stations.offer_profile, policies)),
        "stations.connectors": transactional(engine, stations.list_connectors),
        "connector_hardware.get": transactional(engine, hardware.get),
        "connector_hardware.set": transactional(engine, hardware.set_hardware),
        "sites.list": transactional(engine, sites.list_all),
        "sites.create": transactional(engine, sites.create),
        "sites.get": transactional(engine, sites.get),
        "sites.change": transactional(engine, sites.change),
        "sites.delete": transactional(engine, sites.delete),
        "tenants.list": transactional(of_all, tenants.list_all),
        "tenants.create": transactional(of_all, tenants.create),
        "tenants.get": transactional(of_all, tenants.get),
        "tenants.change": transactional(of_all, tenants.change),
        "connections.list": transactional(engine, views.list_connections),
        # Also here: an older command-api does not know that they have a lane.
        LOOK_UP_OWNERS: owner_look_ups(of_all),
        STATIONS_IN_SCOPE: transactional(engine, stations_in_scope),
        "fleet.status": transactional(of_all, partial(stations.fleet_status, authority)),
        "fleet.counts": transactional(engine, stations.fleet_counts),
        "stations.places": transactional(engine, station_places),
        OVERVIEW_OF_STATIONS: transactional(engine, overview),
        "jobs.create": transactional(engine, create_job),
        "jobs.get": transactional(engine, get_job),
        "jobs.list": transactional(engine, list_jobs),
        "rollouts.create": transactional(engine, rollout_requests.create_rollout),
        "rollouts.get": transactional(engine, rollout_requests.get_rollout),
        "rollouts.list": transactional(engine, rollout_requests.list_rollouts),
        "rollouts.steer": transactional(engine, rollout_requests.steer_rollout),
        "rollouts.stations": transactional(engine, rollout_requests.list_rollout_stations),
        "security_events.list": transactional(engine, security_events.list_events),
        **certificate_operations(engines, authority),
        "history.list": transactional(engine, list_history),
        "messages.list": transactional(of_all, list_messages),
        "messages.fleet": transactional(of_all, list_fleet_messages),
        "refusals.list": transactional(engine, list_refusals),
        "refusals.get": transactional(engine, get_refusal),
        "configuration.get": transactional(engine, configuration.get_configuration),
        "configuration.values": transactional(engine, configuration.configuration_values),
        "configuration.refresh": transactional(engine, configuration.refresh_configuration),
        "configuration_templates.list": transactional(engine, templates.list_all),
        "configuration_templates.create": transactional(engine, templates.create),
        "configuration_templates.get": transactional(engine, templates.get),
        "configuration_templates.replace": transactional(engine, templates.replace),
        "configuration_templates.delete": transactional(engine, templates.delete),
        "configuration_templates.drift": transactional(engine, templates.show_drift),
        "configuration_templates.apply": transactional(engine, templates.apply),
        **about.operations(of_all),
        **parked_operations(of_all, publisher, parked, bulk_action, STATION_REGISTRY),
    }


def owner_look_ups(engine: AsyncEngine) -> RequestHandler:
    """Return who tells where commands go."""
    return transactional(engine, stations.look_up_owners)
