"""A02 and A03 while the authority's certificate lacks keyUsage (RFC 5280, 4.2.1.3)."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from csms_simulator.recording import read_recording
from csms_simulator.replay import Replay
from station_registry.certificates.store import authority_files
from tests.conformance.central_system import CentralSystem
from tests.conformance.security.requests import ACCEPTED, asked_for, request_is, sign
from tests.conformance.security.secured import PASSWORD, Way, by
from tests.conformance.security.trust import PASSPHRASE, Trust
from tests.integration.waiting import eventually

RECORDING = Path(__file__).parent / "recordings" / "authority-that-can-not-sign.jsonl"
PROBLEM = "the certificate authority can't be used: its certificate: keyUsage is missing"


@contextlib.contextmanager
def without_key_usage(folder: Path) -> Iterator[None]:
    """The authority's own certificate, as `openssl req -x509` makes it."""
    file = folder / authority_files.CERTIFICATE_FILE
    sound = file.read_bytes()
    own = x509.load_pem_x509_certificate(sound)
    key = authority_files.read_key(folder, PASSPHRASE.encode())
    assert key is not None
    now = datetime.now(UTC)
    unfit = (
        x509.CertificateBuilder()
        .subject_name(own.subject)
        .issuer_name(own.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file.write_bytes(unfit.public_bytes(Encoding.PEM))
    try:
        yield
    finally:
        file.write_bytes(sound)


async def test_a02_a_request_while_the_authority_can_not_sign(
    run: RunState, trust: Trust, central: CentralSystem, operator: Operator
) -> None:
    """Rejected, and said to the operator; Accepted once its certificate is mended."""
    key = ec.generate_private_key(ec.SECP256R1())
    await central.create(security_profile=1, password=PASSWORD)
    async with by(Way(password=PASSWORD), run, trust, central) as station:
        await station.boot()
        with without_key_usage(trust.folder):
            assert await sign(station, asked_for(key, station.station_id)) == "Rejected"
            request = await request_is(central, "rejected")
            assert (request["problem"], request["detail"]) == ("authority_unusable", PROBLEM)
            status = await operator.get("/status")
            assert status["warnings"] == {"certificate_authority": PROBLEM}
            for path in ("/certificate-authority", "/certificate-authority/crl"):
                answer = await operator.http.get(path)
                assert answer.headers["content-type"] == "application/problem+json"
                problem = answer.json()
                assert (answer.status_code, problem["code"]) == (503, "authority_unusable")
                assert problem["detail"] == PROBLEM
        await eventually(lambda: operator.get("/status"), lambda found: found["warnings"] == {})
        assert await sign(station, asked_for(key, station.station_id)) == "Accepted"
        await station.answer(await station.asked("CertificateSigned"), ACCEPTED)
        await request_is(central, "installed")


async def test_a_recorded_station_that_asked_an_authority_that_can_not_sign(
    run: RunState, trust: Trust, operator: Operator
) -> None:
    central = CentralSystem(operator, "CS-RECORDED")
    await central.create(security_profile=1, password=PASSWORD)
    recording = read_recording(RECORDING.read_text().splitlines())
    with without_key_usage(trust.folder):
        replay = Replay(recording, run.ocpp_url, central.station_id, speed=0, password=PASSWORD)
        replayed = await replay.run()
    assert replayed.differences == []
    assert replayed.compared == len(recording.said) > 1
