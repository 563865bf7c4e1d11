"""All tables of the schema `billing`; each is defined in its block.

A component test compares them with what the migrations make.
"""

from billing_service.bills.tables import bill, session
from billing_service.cdrs.tables import cdr, cdr_head
from billing_service.database.metadata import metadata
from billing_service.database.service_tables import (
    bulk_action,
    outbox,
    outbox_deferred,
    parked,
    upkeep_turn,
)
from billing_service.tariffs.tables import tariff, tariff_assignment, tariff_version

__all__ = [
    "bill",
    "bulk_action",
    "cdr",
    "cdr_head",
    "metadata",
    "outbox",
    "outbox_deferred",
    "parked",
    "session",
    "tariff",
    "tariff_assignment",
    "tariff_version",
    "upkeep_turn",
]
