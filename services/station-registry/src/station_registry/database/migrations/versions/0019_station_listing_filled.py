"""The stations of before, some thousands at a time: each is locked for milliseconds.

Locked, so that one which is changed or deleted meanwhile is not listed as it was.
"""

from alembic import op

revision = "0019_station_listing_filled"
down_revision = "0018_station_listing"
branch_labels = None
depends_on = None

_PAGE = 2_000


def upgrade() -> None:
    connection = op.get_bind()
    last = ""
    with op.get_context().autocommit_block():
        while True:
            found = connection.exec_driver_sql(
                "WITH page AS (SELECT * FROM station WHERE station_id > $1 AND deleted_at IS NULL "
                "ORDER BY station_id LIMIT $2 FOR SHARE), "
                "listed AS (INSERT INTO station_listing "
                "SELECT station_id, registration_status, vendor, station_search(station_id, "
                "vendor, model, serial_number, charge_box_serial_number) FROM page "
                "ON CONFLICT (station_id) DO NOTHING) "
                "SELECT max(station_id) FROM page",
                (last, _PAGE),
            ).scalar_one()
            if found is None:
                return
            last = found
