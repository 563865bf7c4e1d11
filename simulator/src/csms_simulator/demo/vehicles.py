"""Batteries: how much a car takes, by how full it is and how long it has been plugged in."""

import random
from dataclasses import dataclass

_RAMP_S = 45.0
_TAPER_FROM = 0.55
_LEAST_SHARE = 0.12
_BATTERIES_WH = (40_000, 52_000, 64_000, 77_000, 82_000, 95_000)
_ON_BOARD_W = (7_400, 11_000, 11_000, 11_000, 22_000)
_FAST_W = (50_000, 80_000, 110_000, 135_000, 170_000, 220_000)


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A car as it comes: `most_w` is what it can take of this kind of station."""

    battery_wh: int
    most_w: int
    arrives_with: float
    leaves_with: float
    tapers: bool

    def fullness(self, charged_wh: float) -> float:
        """Return how full it is, from 0 to 1, after that much."""
        return min(self.arrives_with + charged_wh / self.battery_wh, 1.0)

    def is_done(self, charged_wh: float) -> bool:
        """Tell whether it has what it came for."""
        return self.fullness(charged_wh) >= self.leaves_with

    def power_w(self, charged_wh: float, plugged_in_s: float) -> int:
        """Return what it takes: a ramp, then all that it can, then less and less."""
        ramp = min(max(plugged_in_s, 1.0) / _RAMP_S, 1.0)
        fullness = self.fullness(charged_wh)
        # Direct current fills the battery as fast as its cells take it. An on-board charger is
        # slower than that until the last few percent.
        taper_from = _TAPER_FROM if self.tapers else 0.95
        share = 1.0
        if fullness > taper_from:
            share = max(1 - (fullness - taper_from) / (1 - taper_from), _LEAST_SHARE)
        return round(self.most_w * ramp * share)


def arriving(chance: random.Random, fast: bool) -> Vehicle:
    """Draw a car."""
    arrives_with = chance.uniform(0.08, 0.45 if fast else 0.6)
    return Vehicle(
        battery_wh=chance.choice(_BATTERIES_WH),
        most_w=chance.choice(_FAST_W if fast else _ON_BOARD_W),
        arrives_with=arrives_with,
        leaves_with=chance.uniform(0.7, 0.9) if fast else chance.uniform(0.85, 1.0),
        tapers=fast,
    )
