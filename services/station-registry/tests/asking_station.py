"""A station that asks for its certificate, and the ends of the orders that bring it one."""

import uuid
from pathlib import Path
from typing import Any

import orjson
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from driven_registry import Registry, answer_of

from csms_shared.contracts.certificates import StationCertificatesView
from csms_shared.contracts.events import CloudEvent
from csms_shared.runtime.clock import now_ms, utc_now
from csms_shared.service.inbox import Work
from csms_shared.values.times import format_time, format_time_ms
from station_registry.certificates.handlers.built_in_authority import BuiltInAuthority
from station_registry.certificates.handlers.signing import CertificateSigning

PASSPHRASE = "a passphrase of tests"
PROOF = "ab" * 32


class Ordering:
    """The suite around the registry's tables: a station that asks, and the ends of its orders."""

    def __init__(self, registry: Registry, folder: Path) -> None:
        self.registry = registry
        registry.authority = BuiltInAuthority(folder, PASSPHRASE, "Operator", 365)
        self.signing = CertificateSigning(
            registry.engine, registry.authority.signing_for(registry.engine)
        )
        self.seq = 0

    async def ask(self, csr: str, *, seq: int | None = None, connection_id: str = "c1") -> str:
        self.seq += 1
        (reply,) = await self.registry.send(
            [
                self.registry.call(
                    "SignCertificate",
                    "A",
                    {"csr": csr},
                    seq=seq or self.seq,
                    connection_id=connection_id,
                )
            ]
        )
        return str(answer_of(reply)["status"])

    async def orders(self) -> list[dict[str, Any]]:
        rows = await self.registry.query(
            "SELECT events FROM outbox WHERE routing_key LIKE '%orders' ORDER BY id"
        )
        return [order for row in rows for order in orjson.loads(bytes(row.events))]

    async def complete(self, order: dict[str, Any], status: str = "completed", **more: Any) -> None:
        await self.registry.send([completed(order, status, **more)])

    async def view(self) -> StationCertificatesView:
        view: StationCertificatesView = await self.registry.request(
            "certificates.of_station", station_id="A"
        )
        return view


def completed(order: dict[str, Any], status: str = "completed", **more: Any) -> Work:
    data = {
        "command_id": order["order_id"],
        "station_id": order["station_id"],
        "action": order["action"],
        "payload": order["payload"],
        "status": status,
        "created_by": "station-registry",
        "created_at": format_time_ms(now_ms()),
        "sent_at": format_time_ms(now_ms()) if status != "expired" else None,
        "completed_at": format_time_ms(now_ms()),
        "deadline": format_time_ms(now_ms()),
        **more,
    }
    event = CloudEvent(
        id=str(uuid.uuid4()),
        source="/csms/command-api",
        type="csms.command.completed.v1",
        subject=order["station_id"],
        time=format_time(utc_now()),
        data=data,
    )
    return Work("events.v1", {}, [event.model_dump(mode="json")])


def request_of(
    key: ec.EllipticCurvePrivateKey, common_name: str = "A", organization: str = "Operator"
) -> str:
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
        ]
    )
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    signed = builder.sign(key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()
