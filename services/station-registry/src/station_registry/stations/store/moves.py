"""A station goes to another tenant: what is of it goes along, ends or stays.

What is told of a station and is no history has a row of the tenant that has it now.
"""

# ruff: noqa: S608 - statements are put together from literals; every value is a parameter

from sqlalchemy.ext.asyncio import AsyncConnection

from station_registry.database.sql import statement
from station_registry.provisioning.domain.descriptions import DESCRIPTION_FIELDS

# What the station itself said, or took.
FOLLOW = ("connector_availability",)
# What the database keeps of it, by triggers.
KEPT = ("station_listing", "station_place")
# What its tenant said of it, and its connection. Tags go by a trigger, the connection before.
END = ("connector_hardware", "station_connection", "station_tag")
# What happened while it was its former tenant's. `station` is what moves.
STAY = (
    "certificate",
    "certificate_request",
    "data_transfer",
    "refusal",
    "security_event",
    "station_history",
    "station_job",
    "station",
)

_FORGOTTEN = ", ".join(
    f"{name} = {'DEFAULT' if name == 'tags' else 'NULL'}" for name in DESCRIPTION_FIELDS
)
# No connection of before can be given back.
_MOVE = statement(
    f"UPDATE station SET tenant_id = :tenant_id, released_epoch = epoch, {_FORGOTTEN} "
    "WHERE station_id = :station_id"
)
_TAKE_ALONG = tuple(
    statement(f"UPDATE {table} SET tenant_id = :tenant_id WHERE station_id = :station_id")
    for table in FOLLOW
)
_FORGET = statement("DELETE FROM connector_hardware WHERE station_id = :station_id")


async def move(connection: AsyncConnection, station_id: str, tenant_id: str) -> None:
    """Give a locked station to another tenant, whose row and whose former one's are locked."""
    parameters = {"station_id": station_id, "tenant_id": tenant_id}
    await connection.execute(_MOVE, parameters)
    for take_along in _TAKE_ALONG:
        await connection.execute(take_along, parameters)
    await connection.execute(_FORGET, {"station_id": station_id})
