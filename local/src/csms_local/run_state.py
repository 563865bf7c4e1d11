"""`run.json`: where a running suite is reached and which process is which."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from csms_local.state_folder import write_private


@dataclass(frozen=True, slots=True)
class GatewayState:
    """One gateway and the URL that reaches it without the balancer."""

    id: str
    pid: int
    ocpp_url: str


@dataclass(frozen=True, slots=True)
class RunState:
    """The content of `run.json`."""

    ocpp_url: str
    rest_url: str
    admin_username: str
    admin_password: str
    gateways: tuple[GatewayState, ...]
    services: dict[str, int]
    broker_url: str
    database_url: str
    ocpp_tls_url: str | None = None

    def write(self, path: Path) -> None:
        """Replace the file in one step; without TLS it has no `ocpp_tls_url`."""
        content = {name: value for name, value in asdict(self).items() if value is not None}
        write_private(path, json.dumps(content, indent=2) + "\n")

    @classmethod
    def read(cls, path: Path) -> "RunState":
        """Read what a running suite wrote."""
        content: dict[str, Any] = json.loads(path.read_text())
        content["gateways"] = tuple(GatewayState(**gateway) for gateway in content["gateways"])
        return cls(**content)
