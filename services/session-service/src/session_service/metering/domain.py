"""Sampled values: text as sent with the parsed number beside it, and the key of each."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any, NamedTuple

from csms_shared.values.numbers import in_64_bits
from csms_shared.values.station_clocks import CLOCK_TOLERANCE
from session_service.values.stamps import Stamp
from session_service.values.suspicion import PLAUSIBLE_POWER_W, Flag

ENERGY_REGISTER = "Energy.Active.Import.Register"
ACTIVE_POWER = "Power.Active.Import"
# Where what a vehicle takes is measured.
AT_OUTLET = frozenset({None, "Outlet"})
THREE_PHASES = ("L1", "L2", "L3")
# Stations round kWh; less than a tenth of one is no step back.
REGISTER_ROUNDING_WH = 100
_FACTORS = {"Wh": 1.0, "kWh": 1000.0, "W": 1.0, "kW": 1000.0, None: 1.0}


class Sample(NamedTuple):
    """One sampled value; parts that were not sent are None."""

    sampled_at: datetime
    digest: bytes
    measurand: str | None
    phase: str | None
    context: str | None
    location: str | None
    format: str | None
    unit: str | None
    raw: str
    value: float | None


@dataclass(frozen=True, slots=True)
class MeterReport:
    """The meter values of one call.

    `named_id` is the transaction's id as sent, None without; `names_one` tells whether it can be
    one. `tenant_id` is the station's now: the values are its own where they are of no transaction.
    `untold` says why values of it count as sampled when they were received.
    """

    station_id: str
    tenant_id: str
    connector_id: int
    named_id: str | None
    names_one: bool
    connection_id: str
    stamp: Stamp
    received_at: datetime
    samples: tuple[Sample, ...]
    untold: frozenset[Flag] = frozenset()

    @property
    def named(self) -> tuple[str, str] | None:
        """The transaction that it names, by its station and what the station calls it."""
        return None if self.named_id is None else (self.station_id, self.named_id)


@dataclass(frozen=True, slots=True)
class MeterCall:
    """A report with the payload that it was read from, and its values in the station's words.

    `ocpp_version` is that of the payload, which is read by it again where it has to wait.
    """

    report: MeterReport
    ocpp_version: str
    payload: dict[str, Any]
    meter_values: Any


def sample_digest(source: str, parts: Iterable[str | None], raw: str) -> bytes:
    """Return what tells a value from others of its time.

    `source` names station, connector and transaction id as sent; `parts` are measurand, phase,
    location, context, format and unit, of which missing ones count as empty.
    """
    text = "\x1f".join([source, *[part or "" for part in parts], raw])
    return blake2b(text.encode(), digest_size=16).digest()


def sample_source(station_id: str, connector_id: int | None, named_id: str | None) -> str:
    """Return what names the origin of a call's values in their digests."""
    connector = "" if connector_id is None else str(connector_id)
    return f"{station_id}\x1f{connector}\x1f{'' if named_id is None else named_id}"


def energy_wh(meter_start: int, meter_stop: int | None) -> int | None:
    """Return the energy of a transaction, None while it goes on."""
    return None if meter_stop is None else in_64_bits(meter_stop - meter_start)


def sample_flags(samples: Iterable[Sample], meter_start: int, received_at: datetime) -> set[Flag]:
    """Judge the values of one call against the transaction that they belong to."""
    flags: set[Flag] = set()
    latest_allowed = received_at + CLOCK_TOLERANCE
    register = float(meter_start)
    for sample in samples:
        if sample.sampled_at > latest_allowed:
            flags.add(Flag.CLOCK_AHEAD)
        if sample.value is None or sample.phase is not None:
            continue
        if sample.measurand in (None, ENERGY_REGISTER) and sample.location in AT_OUTLET:
            energy = sample.value * _FACTORS.get(sample.unit, math.nan)
            if energy < register - REGISTER_ROUNDING_WH:
                flags.add(Flag.METER_BACKWARDS)
            elif energy > register:
                register = energy
        elif sample.measurand == ACTIVE_POWER:
            power = sample.value * _FACTORS.get(sample.unit, math.nan)
            if power > PLAUSIBLE_POWER_W:
                flags.add(Flag.IMPLAUSIBLE_POWER)
    return flags
