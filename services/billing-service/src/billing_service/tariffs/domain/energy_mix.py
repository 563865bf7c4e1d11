"""Where the energy of a tariff comes from (OCPI 2.2.1, mod_locations). It has no part in costs."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from billing_service.tariffs.domain.numbers import Exactly, Percent
from billing_service.tariffs.domain.strict import Strict, printable
from csms_shared.values.flags import Flag


class EnergySourceCategory(StrEnum):
    """What energy is made of."""

    NUCLEAR = "NUCLEAR"
    GENERAL_FOSSIL = "GENERAL_FOSSIL"
    COAL = "COAL"
    GAS = "GAS"
    GENERAL_GREEN = "GENERAL_GREEN"
    SOLAR = "SOLAR"
    WIND = "WIND"
    WATER = "WATER"


class EnvironmentalImpactCategory(StrEnum):
    """What is left of making it."""

    NUCLEAR_WASTE = "NUCLEAR_WASTE"
    CARBON_DIOXIDE = "CARBON_DIOXIDE"


class EnergySource(Strict):
    """A source's share."""

    source: EnergySourceCategory
    percentage: Percent


class EnvironmentalImpact(Strict):
    """Grams for each kWh."""

    category: EnvironmentalImpactCategory
    amount: Annotated[Decimal, Exactly(0, 1_000_000)]


class EnergyMix(Strict):
    """Where the energy comes from, and who supplies it."""

    is_green_energy: Flag
    energy_sources: tuple[EnergySource, ...] = ()
    environ_impact: tuple[EnvironmentalImpact, ...] = ()
    supplier_name: Annotated[str, printable(64)] | None = None
    energy_product_name: Annotated[str, printable(64)] | None = None
