"""The external signer, over HTTP and TLS on this machine."""

import json
import ssl
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from csms_shared.runtime.clock import utc_now
from station_registry.certificates.domain.authority import issue, new_authority
from station_registry.certificates.domain.details import pem_of
from station_registry.certificates.domain.requests import SigningRequest, read_request
from station_registry.certificates.handlers.signers import SignerAway, SignerRefused
from station_registry.http import external_signer
from station_registry.http.external_signer import ExternalSigner

KEY = ec.generate_private_key(ec.SECP256R1())
AUTHORITY = new_authority(ec.generate_private_key(ec.SECP256R1()), "Operator", utc_now())
REQUEST_ID = uuid.UUID(int=1)
Answer = Callable[[BaseHTTPRequestHandler, bytes], None]


def request() -> SigningRequest:
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, "A"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Operator"),
        ]
    )
    signed = (
        x509.CertificateSigningRequestBuilder().subject_name(subject).sign(KEY, hashes.SHA256())
    )
    read = read_request(signed.public_bytes(serialization.Encoding.PEM).decode())
    assert isinstance(read, SigningRequest)
    return read


class Server:
    """Answers POSTs as its test says."""

    def __init__(self) -> None:
        self.answer: Answer = answering(500)
        self.requests: list[tuple[dict[str, str], Any]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.requests.append((dict(self.headers), json.loads(body)))
                outer.answer(self, body)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.http.server_address[1]

    def start(self) -> None:
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


def answering(status: int, document: object = None, raw: bytes | None = None) -> Answer:
    def answer(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        content = json.dumps(document).encode() if raw is None else raw
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def signing(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    read = read_request(json.loads(body)["csr"])
    assert isinstance(read, SigningRequest)
    certificate = issue(AUTHORITY, read, 77, 30, utc_now())
    answering(200, {"certificate_chain": pem_of([certificate])})(handler, body)


@pytest.fixture
def server() -> Iterator[Server]:
    created = Server()
    yield created
    created.http.shutdown()
    created.http.server_close()


@pytest.fixture
def plain(server: Server) -> ExternalSigner:
    server.start()
    return ExternalSigner(f"http://127.0.0.1:{server.port}/sign?x=1", "token-1")


async def test_a_request_is_posted_and_its_certificate_read(
    server: Server, plain: ExternalSigner
) -> None:
    server.answer = signing
    wanted = request()
    signed = await plain.sign(REQUEST_ID, "A", wanted)
    assert (signed.chain[0].serial_number, signed.authority) == (77, None)
    ((headers, document),) = server.requests
    assert headers["Authorization"] == "Bearer token-1"
    assert headers["Idempotency-Key"] == document["request_id"] == str(REQUEST_ID)
    assert (document["station_id"], document["csr"]) == ("A", wanted.pem)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
async def test_a_signer_that_can_not_now_is_asked_again(
    server: Server, plain: ExternalSigner, status: int
) -> None:
    server.answer = answering(status)
    with pytest.raises(SignerAway, match=str(status)):
        await plain.sign(REQUEST_ID, "A", request())


@pytest.mark.parametrize(
    "answer",
    [
        answering(403, {"detail": "policy"}),
        answering(302),
        answering(200, raw=b"not JSON"),
        answering(200, []),
        answering(200, {"certificate_chain": "nonsense"}),
        answering(200, {"certificate_chain": 7}),
    ],
)
async def test_an_answer_without_a_certificate_is_final(
    server: Server, plain: ExternalSigner, answer: Answer
) -> None:
    server.answer = answer
    with pytest.raises(SignerRefused):
        await plain.sign(REQUEST_ID, "A", request())


async def test_an_answer_without_end_is_cut(server: Server, plain: ExternalSigner) -> None:
    server.answer = answering(200, raw=b"x" * 1_000_000)
    with pytest.raises(SignerAway, match="more than"):
        await plain.sign(REQUEST_ID, "A", request())


async def test_an_answer_in_drops_ends_at_the_deadline(
    server: Server, plain: ExternalSigner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(external_signer, "DEADLINE_S", 1.0)
    gone = threading.Event()

    def dripping(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "60000")
        handler.end_headers()
        try:
            for _drop in range(600):
                handler.wfile.write(b"x")
                time.sleep(0.05)
        except OSError:
            gone.set()

    server.answer = dripping
    with pytest.raises(SignerAway, match=r"no answer within|timed out"):
        await plain.sign(REQUEST_ID, "A", request())
    assert gone.wait(20)


async def test_nobody_there_is_away() -> None:
    closed = Server()
    closed.http.server_close()
    signer = ExternalSigner(f"http://127.0.0.1:{closed.port}/", None)
    with pytest.raises(SignerAway):
        await signer.sign(REQUEST_ID, "A", request())


@pytest.mark.parametrize("trusted", [True, False])
async def test_the_signers_own_certificate_is_verified(
    server: Server, tmp_path: Path, trusted: bool
) -> None:
    own = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "signer")])
    now = utc_now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(own.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(own, hashes.SHA256())
    )
    key = own.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (tmp_path / "server.pem").write_bytes(pem_of([certificate]).encode() + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    server.http.socket = context.wrap_socket(server.http.socket, server_side=True)
    server.answer = signing
    server.start()
    client = ssl.create_default_context()
    if trusted:
        client.load_verify_locations(tmp_path / "server.pem")
    signer = ExternalSigner(f"https://127.0.0.1:{server.port}/", None, client)
    if trusted:
        assert (await signer.sign(REQUEST_ID, "A", request())).chain[0].serial_number == 77
    else:
        with pytest.raises(SignerAway, match="CERTIFICATE_VERIFY_FAILED"):
            await signer.sign(REQUEST_ID, "A", request())
        assert server.requests == []
