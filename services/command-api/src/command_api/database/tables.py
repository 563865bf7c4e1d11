"""The schema `command` whole: the tables of every block, compared with its migrations by a test."""

from command_api.accounts import tables as accounts
from command_api.audit import tables as audit
from command_api.command_groups import tables as command_groups
from command_api.commands import tables as commands
from command_api.database import SCHEMA
from command_api.database.metadata import metadata
from command_api.idempotency import tables as idempotency
from command_api.system import tables as system
from command_api.uploads import tables as uploads

__all__ = [
    "SCHEMA",
    "accounts",
    "audit",
    "command_groups",
    "commands",
    "idempotency",
    "metadata",
    "system",
    "uploads",
]
