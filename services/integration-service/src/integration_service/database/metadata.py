"""The metadata that every table of the schema belongs to."""

from sqlalchemy import MetaData

metadata = MetaData()
