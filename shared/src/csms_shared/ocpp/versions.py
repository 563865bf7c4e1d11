"""The OCPP versions, as the suite's own names spell them."""

from typing import Final

OCPP16: Final = "ocpp16"
OCPP201: Final = "ocpp201"
OCPP21: Final = "ocpp21"
