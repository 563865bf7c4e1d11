"""All tables of the schema `registry`: each block declares its own."""

from station_registry.availability import tables as availability
from station_registry.certificates import tables as certificates
from station_registry.configuration import tables as configuration
from station_registry.data_transfer import tables as data_transfer
from station_registry.database import service_tables
from station_registry.database.metadata import metadata
from station_registry.history import tables as history
from station_registry.jobs import tables as jobs
from station_registry.ownership import tables as ownership
from station_registry.provisioning import tables as provisioning
from station_registry.security_events import tables as security_events
from station_registry.sites import tables as sites
from station_registry.stations import tables as stations
from station_registry.tenants import tables as tenants
from station_registry.traffic import tables as traffic

__all__ = [
    "availability",
    "certificates",
    "configuration",
    "data_transfer",
    "history",
    "jobs",
    "metadata",
    "ownership",
    "provisioning",
    "security_events",
    "service_tables",
    "sites",
    "stations",
    "tenants",
    "traffic",
]
