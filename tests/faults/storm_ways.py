"""How the stations of a storm come: without TLS, by TLS, by TLS with certificates of their own."""

import asyncio
import secrets
from pathlib import Path

from csms_local.nodes.ports import free_port
from csms_local.run_state import GatewayState
from csms_simulator.certificates import Authority
from csms_simulator.operator import Operator
from tests.faults.faulty_suite import GATEWAYS
from tests.faults.storm_plan import StormPlan
from tests.faults.wrapped_programs import WrappedPrograms

PROFILES = {0: "without TLS", 2: "profile 2", 3: "profile 3"}
_POSTS_AT_ONCE = 16
_OPERATOR = "Operator"


class StormWay:
    """What a suite and its stations need for one security profile; each gateway has a port of its
    own, so that it is known which of them holds whom."""

    def __init__(self, profile: int, folder: Path) -> None:
        self.profile = profile
        self.folder = folder
        self.title = f" by TLS, {PROFILES[profile]}" if profile else ""
        # What one more held connection may cost its gateway, all of the handshake included.
        self.bytes_per_station = (128 if profile else 64) * 1024
        self.programs: Path | None = None
        self.env: dict[str, str] = {}
        self._ports: dict[str, int] = {}
        self._password = secrets.token_hex(16) if profile == 2 else ""
        if profile:
            self._prepare_tls()

    def _prepare_tls(self) -> None:
        self._authority = Authority(_OPERATOR)
        (self.folder / "ca.pem").write_bytes(self._authority.pem)
        # RSA: the dearest signature that a gateway makes.
        self._authority.server("127.0.0.1", kind="rsa").write(self.folder, "rsa")
        self.env = {
            "CSMS_OPERATOR_NAME": _OPERATOR,
            "CSMS_TLS_RSA_CERTIFICATE": str(self.folder / "rsa.pem"),
            "CSMS_TLS_RSA_KEY": str(self.folder / "rsa.key"),
        }
        if self.profile == 3:
            self.env["CSMS_TLS_CLIENT_CA"] = str(self.folder / "ca.pem")
        wrapped = WrappedPrograms(self.folder / "programs")
        self.programs = wrapped.folder
        for gateway in GATEWAYS:
            self._ports[gateway] = free_port(set(self._ports.values()))
            wrapped.give(gateway, {"CSMS_TLS_PORT": str(self._ports[gateway])})

    def url(self, gateway: GatewayState) -> str:
        """Return where stations reach this gateway."""
        if not self.profile:
            return gateway.ocpp_url
        return f"wss://127.0.0.1:{self._ports[gateway.id]}/ocpp"

    def plan(
        self, urls: list[str], prefix: str, stations: int, heartbeat_every_s: float = 0.0
    ) -> StormPlan:
        """Return the plan of a process of stations."""
        return StormPlan(
            urls,
            prefix,
            stations,
            heartbeat_every_s,
            self._password,
            str(self.folder / "ca.pem") if self.profile else "",
            str(self.folder) if self.profile == 3 else "",
        )

    async def create(self, operator: Operator, *plans: StormPlan) -> None:
        """Make the stations, which nobody may make up by connecting by TLS."""
        if not self.profile:
            return
        places = asyncio.Semaphore(_POSTS_AT_ONCE)
        body = {"security_profile": self.profile}
        secret = {"password": self._password} if self._password else {}

        async def create(station_id: str) -> None:
            if self.profile == 3:
                self._authority.station(station_id).write(self.folder, station_id)
            async with places:
                created = await operator.http.post(
                    "/stations", json={"station_id": station_id, **body, **secret}
                )
                created.raise_for_status()

        await asyncio.gather(*(create(each) for plan in plans for each in plan.station_ids))
