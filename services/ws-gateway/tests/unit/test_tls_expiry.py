"""The gateway's own certificates are watched."""

from datetime import timedelta
from pathlib import Path

from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from csms_shared.runtime.clock import utc_now
from csms_simulator.certificates import Authority
from ws_gateway.websocket.tls_expiry import CertificateExpiry

AUTHORITY = Authority("Operator")
RSA, ECDSA = "CSMS_TLS_RSA_CERTIFICATE", "CSMS_TLS_ECDSA_CERTIFICATE"


def _watching(folder: Path) -> CertificateExpiry:
    files = []
    for setting, days in ((RSA, 29.0), (ECDSA, 90.0)):
        path, _ = AUTHORITY.station("gateway", days=(-1.0, days)).write(folder, setting)
        files.append((setting, path))
    return CertificateExpiry(files)


def test_an_end_is_warned_of_once_a_day_until_the_certificate_is_renewed(tmp_path: Path) -> None:
    expiry = _watching(tmp_path)
    expiry.read()
    now = utc_now()
    with capture_logs() as logs:
        for hours in (0, 1, 23, 24, 25):
            expiry.warn(now + timedelta(hours=hours))
    assert [(one["event"], one["setting"]) for one in logs] == [
        ("tls_certificate_expiring", RSA)
    ] * 2
    assert list(expiry.soon(now)) == [RSA]
    assert set(expiry.soon(now + timedelta(days=61))) == {RSA, ECDSA}
    AUTHORITY.station("gateway", days=(-1.0, 90.0)).write(tmp_path, RSA)
    expiry.read()
    with capture_logs() as logs:
        expiry.warn(now)
    assert logs == []
    assert expiry.soon(now) == {}


def test_a_revocation_list_is_warned_of_a_day_before_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "crl.pem"
    path.write_bytes(AUTHORITY.revocation_list(days=(-1.0, 2.0)))
    expiry = CertificateExpiry([], ("CSMS_TLS_CRL", path))
    expiry.read()
    now = utc_now()
    assert not expiry.soon(now)
    assert list(expiry.soon(now + timedelta(days=1.5))) == ["CSMS_TLS_CRL"]


def test_the_ends_are_measured(tmp_path: Path) -> None:
    expiry = _watching(tmp_path)
    expiry.read()
    name = "csms_gateway_tls_certificate_end_timestamp_seconds"
    ends = {
        setting: REGISTRY.get_sample_value(name, {"setting": setting}) for setting in (RSA, ECDSA)
    }
    now = utc_now().timestamp()
    days = {setting: round(((end or 0) - now) / 86_400) for setting, end in ends.items()}
    assert days == {RSA: 29, ECDSA: 90}


def test_a_file_whose_end_can_not_be_read_is_told_and_hides_no_other(tmp_path: Path) -> None:
    expiry = _watching(tmp_path)
    (tmp_path / f"{ECDSA}.pem").write_bytes(b"-----BEGIN CERTIFICATE-----\n\xff\n")
    with capture_logs() as logs:
        expiry.read()
    assert [one["event"] for one in logs] == ["tls_certificate_end_unknown"]
    assert list(expiry.soon(utc_now())) == [RSA]
