"""Which OCPP version a connection speaks, from the subprotocols that the station offers."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

from ws_gateway.domain.dialect import Dialect
from ws_gateway.ocpp import v16

_DIALECTS = MappingProxyType({"ocpp1.6": v16.DIALECT})


@dataclass(frozen=True, slots=True)
class Subprotocol:
    """The version to speak, and the name to answer in the header, None for no header."""

    dialect: Dialect
    header: str | None


def negotiate(headers: Sequence[str]) -> Subprotocol | None:
    """Choose the first supported one in the station's order, from its header's every line.

    A station that offers nothing speaks OCPP 1.6 and is answered without the header. None: it
    offers only what is not supported here.
    """
    offered = [name.strip() for header in headers for name in header.split(",")]
    offered = [name for name in offered if name]
    if not offered:
        return Subprotocol(v16.DIALECT, None)
    return next((Subprotocol(_DIALECTS[name], name) for name in offered if name in _DIALECTS), None)
