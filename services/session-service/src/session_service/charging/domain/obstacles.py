"""What keeps a station from taking a charging profile, as far as we know of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NoTransaction:
    """The profile is for a transaction, and none runs on its connector."""


@dataclass(frozen=True, slots=True)
class OtherTransaction:
    """The profile names a transaction that does not run on its connector."""

    connector_id: int


@dataclass(frozen=True, slots=True)
class TooManyProfiles:
    """The station takes at most `most` profiles and keeps `kept`."""

    most: int
    kept: int


Obstacle = NoTransaction | OtherTransaction | TooManyProfiles
