"""The built-in authority's files: its certificate in PEM, its key in encrypted PKCS #8."""

import os
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from station_registry.certificates.domain.authority import (
    Authority,
    AuthorityKey,
    UnfitAuthority,
)

FilesWritten = tuple[tuple[int, int, int] | None, ...]

CERTIFICATE_FILE = "ca.pem"
KEY_FILE = "ca.key"


def read_key(folder: Path, passphrase: bytes) -> AuthorityKey | None:
    """Return the key in the folder, None where there is none.

    Raises:
        UnfitAuthority: the file is no such key, is not encrypted, the passphrase is wrong, or it
            can't be read.
    """
    content = _content(folder / KEY_FILE)
    if content is None:
        return None
    try:
        key = serialization.load_pem_private_key(content, passphrase)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        # TypeError: not encrypted at all. The library's text never shows key material.
        raise UnfitAuthority(f"{KEY_FILE} can't be opened: {error}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise UnfitAuthority(f"{KEY_FILE} is neither an RSA nor an elliptic curve key")
    return key


def read_chain(folder: Path) -> list[x509.Certificate]:
    """Return the certificates in the folder, the authority's own first; empty without a file.

    Raises:
        UnfitAuthority: the file holds no certificates, or can't be read.
    """
    content = _content(folder / CERTIFICATE_FILE)
    if content is None:
        return []
    try:
        return x509.load_pem_x509_certificates(content)
    except ValueError as error:
        raise UnfitAuthority(f"{CERTIFICATE_FILE} can't be read: {error}") from error


def _content(path: Path) -> bytes | None:
    """Return what is in a file, None where there is none; no message names its folder."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnfitAuthority(f"{path.name} can't be read: {error.strerror}") from error


def written(folder: Path) -> FilesWritten:
    """Return what changes when one of the files is written or replaced."""
    return tuple(_written(folder / name) for name in (CERTIFICATE_FILE, KEY_FILE))


def _written(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ctime_ns, found.st_ino, found.st_size


def check_writable(folder: Path) -> None:
    """Check that an authority can be made in the folder, which may have to be made itself.

    Raises:
        UnfitAuthority: it can't be written.
    """
    nearest = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not (nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)):
        raise UnfitAuthority("there is none, and its folder can't be written")


def new_key(folder: Path, passphrase: bytes) -> AuthorityKey:
    """Make a key and write it, encrypted, readable by its owner only.

    Raises:
        OSError: it can't be written.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    encoded = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase),
    )
    _write_once(folder / KEY_FILE, encoded)
    return key


def write_certificate(folder: Path, authority: Authority) -> None:
    """Write the authority's certificate.

    Raises:
        OSError: it can't be written.
    """
    encoded = authority.certificate.public_bytes(serialization.Encoding.PEM)
    _write_once(folder / CERTIFICATE_FILE, encoded)


def _write_once(path: Path, content: bytes) -> None:
    """Write a file that appears whole or not at all, and never in place of another."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(partial, path)
    finally:
        partial.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
