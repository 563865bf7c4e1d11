"""Whose rows are, where statements have to find it out (ADR 0037)."""

# ruff: noqa: S608 - put together from literals

from csms_shared.values.tenants import DEFAULT_TENANT

# For rows `d` of a statement: whose the station is now; the default one's where it is not known.
TENANT_OF_STATION = (
    "coalesce((SELECT s.tenant_id FROM station s WHERE s.station_id = d.station_id), "
    f"'{DEFAULT_TENANT}')"
)
