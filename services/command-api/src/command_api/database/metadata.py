"""What every table of the schema hangs on."""

from sqlalchemy import MetaData

metadata = MetaData()
