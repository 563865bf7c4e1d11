"""The error that stops a consumer without blaming a message."""


class Unavailable(Exception):
    """What a handler needs (its database, the broker) is away: try the same batch again."""
