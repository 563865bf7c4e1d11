"""Messages between the services: pydantic models, one module per family.

Additive inside a version: readers ignore fields they do not know, writers give new fields a
default. Times are milliseconds since the epoch (`..._ms`), ids of connections are uuid4 hex.
"""
