"""How much something asks for attention."""

from enum import StrEnum


class Level(StrEnum):
    """From what is as it should be, to what somebody has to look at."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"

    @property
    def rank(self) -> int:
        """Return a number that grows with the level: 0, 1, 2."""
        return _RANKS[self]


_RANKS = {level: rank for rank, level in enumerate(Level)}
