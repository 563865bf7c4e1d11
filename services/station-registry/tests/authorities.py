"""Authorities as operators give them, fit and unfit, and what OpenSSL says of what they sign."""

import ssl
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from csms_shared.runtime.clock import utc_now
from station_registry.certificates.domain.authority import Authority, AuthorityKey
from station_registry.certificates.domain.details import pem_of
from station_registry.certificates.domain.requests import SigningRequest, read_request
from station_registry.certificates.store import authority_files

EC_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)
STATION_KEY = ec.generate_private_key(ec.SECP256R1())

SIGNS = frozenset({"key_cert_sign", "crl_sign"})
_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


@dataclass(frozen=True)
class Made:
    """What a certificate is made of; `usage` and `ca` are left out where they are None.

    `starts` and `ends` are days from now.
    """

    name: str = "Root"
    key: AuthorityKey = EC_KEY
    ca: bool | None = True
    path_length: int | None = None
    usage: frozenset[str] | None = SIGNS
    purposes: tuple[x509.ObjectIdentifier, ...] = ()
    starts: int = -1
    ends: int = 30
    digest: type[hashes.SHA256 | hashes.SHA224] = hashes.SHA256

    def signed_by(self, issuer: "Made | None" = None) -> x509.Certificate:
        """Return the certificate, of its own making without an issuer."""
        by, now = issuer or self, utc_now()
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(self.name))
            .issuer_name(_name(by.name))
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + timedelta(days=self.starts))
            .not_valid_after(now + timedelta(days=self.ends))
        )
        for extension in self._extensions():
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(by.key, self.digest())

    def _extensions(self) -> list[x509.ExtensionType]:
        found: list[x509.ExtensionType] = []
        if self.ca is not None:
            found.append(x509.BasicConstraints(self.ca, self.path_length if self.ca else None))
        if self.usage is not None:
            found.append(x509.KeyUsage(**{name: name in self.usage for name in _USAGES}))
        if self.purposes:
            found.append(x509.ExtendedKeyUsage(self.purposes))
        return found


ROOT = Made()
MIDDLE = Made("Middle", ec.generate_private_key(ec.SECP256R1()))
LOWEST = Made("Lowest", ec.generate_private_key(ec.SECP384R1()))


def authority(*made: Made) -> Authority:
    """Return an authority from what it and those above it are made of, root last."""
    chain = [one.signed_by(issuer) for one, issuer in zip(made, (*made[1:], None), strict=True)]
    return Authority(made[0].key, chain[0], tuple(chain[1:]))


FIT: dict[str, Authority] = {
    "a root": authority(ROOT),
    "an RSA root": authority(replace(ROOT, key=RSA_KEY)),
    "a root without a path length to spare": authority(replace(ROOT, path_length=0)),
    "two below a root that allows two": authority(LOWEST, MIDDLE, replace(ROOT, path_length=2)),
    "below a root without key usage": authority(MIDDLE, replace(ROOT, usage=None)),
    "for clients and servers": authority(
        replace(ROOT, purposes=(ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH))
    ),
}

# With what is said of it.
UNFIT: dict[str, tuple[Authority, str]] = {
    "no key usage": (authority(replace(ROOT, usage=None)), "keyUsage is missing"),
    "signs no certificates": (
        authority(replace(ROOT, usage=frozenset({"digital_signature", "crl_sign"}))),
        "keyUsage lacks keyCertSign",
    ),
    "signs no revocation list": (
        authority(replace(ROOT, usage=frozenset({"key_cert_sign"}))),
        "keyUsage lacks cRLSign",
    ),
    "no constraints": (authority(replace(ROOT, ca=None)), "basicConstraints is missing"),
    "a station's": (authority(replace(ROOT, ca=False)), "it is no authority's"),
    "for servers": (
        authority(replace(ROOT, purposes=(ExtendedKeyUsageOID.SERVER_AUTH,))),
        "extendedKeyUsage lacks clientAuth",
    ),
    "not yet valid": (authority(replace(ROOT, starts=1)), "it is not valid before 2"),
    "ended": (authority(replace(ROOT, starts=-9, ends=-1)), "it ended at 2"),
    "a short RSA key": (
        authority(replace(ROOT, key=rsa.generate_private_key(65537, 1024))),
        "RSA key of 1024 bits",
    ),
    "another curve": (
        authority(replace(ROOT, key=ec.generate_private_key(ec.SECP256K1()))),
        "elliptic curve secp256k1",
    ),
    "another key": (
        Authority(RSA_KEY, ROOT.signed_by()),
        "the key is not the certificate's",
    ),
    "one too many below a root": (
        authority(LOWEST, MIDDLE, replace(ROOT, path_length=0)),
        "the certificate 2 above its own: its path length is 0, and 2 authorities are below it",
    ),
    "below one that signs no certificates": (
        authority(LOWEST, replace(MIDDLE, usage=frozenset({"crl_sign"})), ROOT),
        "the certificate 1 above its own: keyUsage lacks keyCertSign",
    ),
    "below a root that ended": (
        authority(MIDDLE, replace(ROOT, starts=-9, ends=-1)),
        "the certificate 1 above its own: it ended",
    ),
    "below another": (
        Authority(MIDDLE.key, MIDDLE.signed_by(ROOT), (replace(ROOT, name="R").signed_by(),)),
        "not a chain",
    ),
    "signed with a short digest": (
        authority(replace(MIDDLE, digest=hashes.SHA224), ROOT),
        "signed with sha224",
    ),
}


def write(folder: Path, given: Authority, passphrase: str) -> None:
    """Write an authority's files, in place of those that are there."""
    folder.mkdir(exist_ok=True)
    chain = pem_of([given.certificate, *given.above])
    key = given.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase.encode()),
    )
    (folder / authority_files.CERTIFICATE_FILE).write_text(chain)
    (folder / authority_files.KEY_FILE).write_bytes(key)


def request(key: AuthorityKey = STATION_KEY) -> SigningRequest:
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, "CS-1"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Operator"),
        ]
    )
    signed = x509.CertificateSigningRequestBuilder().subject_name(subject)
    # What a request asks for beyond its names is not granted.
    asking = signed.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    pem = asking.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
    read = read_request(pem)
    assert isinstance(read, SigningRequest)
    return read


def key_pem(key: AuthorityKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def handshake(
    folder: Path,
    authority: Authority,
    certificate: x509.Certificate,
    crl: x509.CertificateRevocationList | None = None,
) -> None:
    """Connect as a station with its certificate; raises what the server finds wrong."""
    chain = (authority.certificate, *authority.above)
    files = {
        "root.pem": pem_of(chain[-1:]).encode()
        + (b"" if crl is None else crl.public_bytes(serialization.Encoding.PEM)),
        "server.pem": pem_of([authority.certificate]).encode() + key_pem(authority.key),
        "station.pem": pem_of([certificate, *chain[:-1]]).encode() + key_pem(STATION_KEY),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "server.pem")
    server.load_verify_locations(folder / "root.pem")
    server.verify_mode = ssl.CERT_REQUIRED
    if crl is not None:
        server.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    client.load_cert_chain(folder / "station.pem")
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = (
        client.wrap_bio(to_client, to_server),
        server.wrap_bio(to_server, to_client, server_side=True),
    )
    done: set[int] = set()
    for _ in range(10):
        for number, side in enumerate(sides):
            if number not in done:
                try:
                    side.do_handshake()
                    done.add(number)
                except ssl.SSLWantReadError:
                    pass
    assert done == {0, 1}
