"""What every table of the schema hangs on."""

from sqlalchemy import MetaData

SCHEMA = "session"
metadata = MetaData()
