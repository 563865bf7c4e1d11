"""Certificates for trying security profiles 2 and 3: a CA of one's own, and what it signs.

For tests and trials only: keys are written without encryption.
"""

import argparse
import datetime
import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
DAY = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def pem(self) -> bytes:
        """Return the certificate in PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def der(self) -> bytes:
        """Return the certificate in DER."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    def write(self, folder: Path, name: str) -> tuple[Path, Path]:
        """Write NAME.pem and NAME.key, the latter readable by its owner only."""
        certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
        certificate.write_bytes(self.pem)
        key.touch(mode=0o600)
        key.write_bytes(
            self.key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return certificate, key


class Authority:
    """A CA that signs whatever it is asked to."""

    def __init__(
        self,
        organization: str,
        common_name: str = "Trial CA",
        *,
        days: tuple[float, float] = (-1, 3650),
    ) -> None:
        self.organization = organization
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = _name(common_name, organization)
        self.certificate = (
            _builder(name, name, self._key, *_days(*days))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def pem(self) -> bytes:
        """Return the CA's certificate in PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def server(self, *names: str, kind: str = "ecdsa") -> Issued:
        """Return a certificate for a central system that is reached by these names."""
        general = [_general_name(name) for name in names]
        return self._issue(
            names[0], self.organization, ExtendedKeyUsageOID.SERVER_AUTH, kind, (-1, 30), general
        )

    def station(
        self,
        common_name: str,
        organization: str | None = None,
        *,
        kind: str = "ecdsa",
        days: tuple[float, float] = (-1, 30),
    ) -> Issued:
        """Return a station's certificate, valid from so many days to so many days from now."""
        owner = self.organization if organization is None else organization
        return self._issue(common_name, owner, ExtendedKeyUsageOID.CLIENT_AUTH, kind, days)

    def revocation_list(
        self, revoked: Iterable[Issued] = (), *, days: tuple[float, float] = (-1, 30)
    ) -> bytes:
        """Return a revocation list in PEM."""
        made, following = _days(*days)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(made)
            .next_update(following)
        )
        for one in revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder()
                .serial_number(one.certificate.serial_number)
                .revocation_date(made)
                .build()
            )
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def _issue(
        self,
        common_name: str,
        organization: str,
        usage: x509.ObjectIdentifier,
        kind: str,
        days: tuple[float, float],
        names: Sequence[x509.GeneralName] = (),
    ) -> Issued:
        key: Key = (
            rsa.generate_private_key(65537, 2048)
            if kind == "rsa"
            else ec.generate_private_key(ec.SECP256R1())
        )
        builder = (
            _builder(_name(common_name, organization), self.certificate.subject, key, *_days(*days))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(encrypts_keys=kind == "rsa"), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return Issued(builder.sign(self._key, hashes.SHA256()), key)


def certificate_request(key: Key, common_name: str, organization: str) -> str:
    """Return a station's own request for a certificate, as SignCertificate takes it (PEM)."""
    made = x509.CertificateSigningRequestBuilder().subject_name(_name(common_name, organization))
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def organization_of(authority: str) -> str:
    """Return whose certificates an authority signs: the O of its own one (PEM)."""
    (own, *_) = x509.load_pem_x509_certificates(authority.encode())
    (name, *_) = own.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return str(name.value)


def main() -> None:
    """Run `csms-certificates`."""
    parser = argparse.ArgumentParser(prog="csms-certificates", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the files are written; made anew")
    parser.add_argument("--operator", default="Trial operator", help="organization (O)")
    parser.add_argument(
        "--host", action="append", help="name or address of the central system (default localhost)"
    )
    parser.add_argument("--station", action="append", default=[], help="common name of a station")
    options = parser.parse_args()
    folder: Path = options.folder
    folder.mkdir(mode=0o700, parents=True)
    authority = Authority(options.operator)
    (folder / "ca.pem").write_bytes(authority.pem)
    (folder / "crl.pem").write_bytes(authority.revocation_list())
    hosts = options.host or ["localhost", "127.0.0.1"]
    for kind in ("rsa", "ecdsa"):
        authority.server(*hosts, kind=kind).write(folder, f"server-{kind}")
    for number, station in enumerate(options.station, start=1):
        authority.station(station).write(folder, f"station-{number}")
    print(f"written to {folder}: {', '.join(sorted(path.name for path in folder.iterdir()))}")


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: Key,
    begin: datetime.datetime,
    end: datetime.datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
    )


def _days(begin: float, end: float) -> tuple[datetime.datetime, datetime.datetime]:
    now = datetime.datetime.now(datetime.UTC)
    return now + begin * DAY, now + end * DAY


def _name(common_name: str, organization: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_usage(*, signs_certificates: bool = False, encrypts_keys: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=encrypts_keys,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
