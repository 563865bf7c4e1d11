"""What connectors are made of, as operators say, and requests on it to station-registry."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel

from csms_shared.contracts.envelope import Contract
from csms_shared.contracts.requests import OfTenant
from csms_shared.values.numbers import INT32_MAX, Whole


class PlugType(StrEnum):
    """What a connector's plug is: the names of OCPI's ConnectorType.

    OCPI 2.2.1 does not know MCS and SAE_J3400, which 2.3.0 has added.
    """

    CHADEMO = "CHADEMO"
    CHAOJI = "CHAOJI"
    DOMESTIC_A = "DOMESTIC_A"
    DOMESTIC_B = "DOMESTIC_B"
    DOMESTIC_C = "DOMESTIC_C"
    DOMESTIC_D = "DOMESTIC_D"
    DOMESTIC_E = "DOMESTIC_E"
    DOMESTIC_F = "DOMESTIC_F"
    DOMESTIC_G = "DOMESTIC_G"
    DOMESTIC_H = "DOMESTIC_H"
    DOMESTIC_I = "DOMESTIC_I"
    DOMESTIC_J = "DOMESTIC_J"
    DOMESTIC_K = "DOMESTIC_K"
    DOMESTIC_L = "DOMESTIC_L"
    DOMESTIC_M = "DOMESTIC_M"
    DOMESTIC_N = "DOMESTIC_N"
    DOMESTIC_O = "DOMESTIC_O"
    GBT_AC = "GBT_AC"
    GBT_DC = "GBT_DC"
    IEC_60309_2_SINGLE_16 = "IEC_60309_2_single_16"
    IEC_60309_2_THREE_16 = "IEC_60309_2_three_16"
    IEC_60309_2_THREE_32 = "IEC_60309_2_three_32"
    IEC_60309_2_THREE_64 = "IEC_60309_2_three_64"
    IEC_62196_T1 = "IEC_62196_T1"
    IEC_62196_T1_COMBO = "IEC_62196_T1_COMBO"
    IEC_62196_T2 = "IEC_62196_T2"
    IEC_62196_T2_COMBO = "IEC_62196_T2_COMBO"
    IEC_62196_T3A = "IEC_62196_T3A"
    IEC_62196_T3C = "IEC_62196_T3C"
    MCS = "MCS"
    NEMA_5_20 = "NEMA_5_20"
    NEMA_6_30 = "NEMA_6_30"
    NEMA_6_50 = "NEMA_6_50"
    NEMA_10_30 = "NEMA_10_30"
    NEMA_10_50 = "NEMA_10_50"
    NEMA_14_30 = "NEMA_14_30"
    NEMA_14_50 = "NEMA_14_50"
    PANTOGRAPH_BOTTOM_UP = "PANTOGRAPH_BOTTOM_UP"
    PANTOGRAPH_TOP_DOWN = "PANTOGRAPH_TOP_DOWN"
    SAE_J3400 = "SAE_J3400"
    TESLA_R = "TESLA_R"
    TESLA_S = "TESLA_S"


class ConnectorName(OfTenant):
    """Names one connector of a station; not the station itself, which is 0."""

    station_id: str
    connector_id: Annotated[int, Whole(1, INT32_MAX)]


class Hardware(Contract):
    """What a connector is made of; null where it is not known. Power in watts."""

    plug_type: PlugType | None = None
    max_power_w: Annotated[int, Whole(1, 10_000_000)] | None = None


class SetConnectorHardware(ConnectorName, Hardware):
    """What an operator says of a connector: all of it."""


class ConnectorHardwareView(ConnectorName, Hardware):
    """What is known of a connector's hardware, reported by its station or not.

    `evse_id`: in OCPP 1.6 the connector's number.
    """

    evse_id: int


# operation -> parameters; results: ConnectorHardwareView.
HARDWARE_OPERATIONS: dict[str, type[BaseModel]] = {
    "connector_hardware.get": ConnectorName,
    "connector_hardware.set": SetConnectorHardware,
}
