"""A station of the demo that logs in by password, and is given a certificate of its own."""

from collections.abc import Mapping
from urllib.parse import quote

import httpx
from cryptography.hazmat.primitives.asymmetric import ec

from csms_simulator.answer import Answer
from csms_simulator.bare_station import BareStation
from csms_simulator.certificates import certificate_request, organization_of
from csms_simulator.demo.charger import DemoStation
from csms_simulator.demo.network import CERTIFIED
from csms_simulator.operator import Operator
from csms_simulator.wire import Payload

_PATH = f"/stations/{quote(CERTIFIED)}"


async def new_password(operator: Operator) -> bytes:
    """Have a password made for the station: who proves nothing gets no certificate."""
    made = await operator.http.put(f"{_PATH}/password", json={})
    made.raise_for_status()
    changed = await operator.http.patch(_PATH, json={"security_profile": 1})
    changed.raise_for_status()
    return str(made.json()["password"]).encode()


async def obtain(operator: Operator, stations: Mapping[str, DemoStation]) -> None:
    """Have the suite's own authority sign the station's key, unless an earlier run has."""
    if (await operator.get(f"{_PATH}/certificates"))["certificates"]:
        return
    authority = await operator.http.get("/certificate-authority")
    if authority.status_code == httpx.codes.NOT_FOUND:
        # Another one signs, or none.
        return
    authority.raise_for_status()
    organization = organization_of(authority.json()["certificates"])
    csr = certificate_request(ec.generate_private_key(ec.SECP256R1()), CERTIFIED, organization)
    await stations[CERTIFIED].call("SignCertificate", {"csr": csr})


async def take(station: BareStation, request: Payload) -> Answer:
    """Take the certificate."""
    return Answer({"status": "Accepted"})
