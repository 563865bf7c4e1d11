"""The built-in authority at work: opened or made at first need, then signing (docs/adr/0017)."""

import asyncio
from datetime import datetime
from pathlib import Path
from uuid import UUID

import structlog
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from csms_shared.clock import utc_now
from csms_shared.db.engine import in_transaction
from station_registry.domain.certificate_authority import (
    Authority,
    UnfitAuthority,
    check_authority,
    issue,
    new_authority,
    revocation_list,
)
from station_registry.domain.certificate_details import CertificateDetails, details, pem_of
from station_registry.domain.certificate_requests import SigningRequest
from station_registry.handlers.signers import Signed, SignerAway, SignerRefused
from station_registry.store import authority_files, certificates
from station_registry.store.certificates import Source

log = structlog.get_logger(__name__)


class BuiltInAuthority:
    """Signs with the key in `folder`; the key leaves neither that file nor this process."""

    source: Source = "builtin"

    def __init__(self, folder: Path, passphrase: str, organization: str, days: int) -> None:
        self._folder = folder
        self._passphrase = passphrase.encode()
        self._organization = organization
        self._days = days
        self._opened: tuple[Authority, CertificateDetails] | None = None
        self._opening = asyncio.Lock()

    def signing_for(self, engine: AsyncEngine) -> "AuthoritySigner":
        """Return the signer that opens the authority with this engine's connections."""
        return AuthoritySigner(self, engine)

    async def opened(self, connection: AsyncConnection) -> tuple[Authority, CertificateDetails]:
        """Return the authority, made where there never was one.

        Raises:
            SignerAway: its files can't be used, or are missing although it exists.
        """
        async with self._opening:
            if self._opened is None:
                # The database's lock: of several replicas one makes the authority.
                known = await certificates.lock_authorities(connection)
                try:
                    self._opened = await asyncio.to_thread(self._open, known, utc_now())
                except (UnfitAuthority, OSError) as error:
                    log.error("authority_unusable", folder=str(self._folder), error=str(error))
                    raise SignerAway(f"the certificate authority can't be used: {error}") from error
            authority, described = self._opened
            # Each time: the transaction of the first may have been rolled back.
            chain = pem_of([authority.certificate, *authority.above])
            await certificates.save_authority(connection, described, chain)
            return self._opened

    def _open(self, known: set[str], now: datetime) -> tuple[Authority, CertificateDetails]:
        key = authority_files.read_key(self._folder, self._passphrase)
        chain = authority_files.read_chain(self._folder)
        if not chain:
            if known:
                # A new one would make all certificates of the old one worthless.
                raise UnfitAuthority(
                    f"{authority_files.CERTIFICATE_FILE} is missing, but an authority exists"
                )
            # A key alone is what a crash between the two files leaves.
            key = key or authority_files.new_key(self._folder, self._passphrase)
            authority = new_authority(key, self._organization, now)
            authority_files.write_certificate(self._folder, authority)
        elif key is None:
            raise UnfitAuthority(f"{authority_files.KEY_FILE} is missing")
        else:
            authority = Authority(key, chain[0], tuple(chain[1:]))
        check_authority(authority, now)
        described = details(authority.certificate)
        if described is None:
            raise UnfitAuthority("the certificate can't be read")
        return authority, described

    async def issue(self, connection: AsyncConnection, request: SigningRequest) -> Signed:
        """Return a new certificate with a random serial number.

        Raises:
            SignerAway: see `opened`; or the authority's own certificate has ended.
            SignerRefused: the request's key or names can't be in a certificate.
        """
        authority, described = await self.opened(connection)
        now = utc_now()
        if authority.certificate.not_valid_after_utc <= now:
            raise SignerAway("the certificate authority's own certificate has expired")
        serial_number = x509.random_serial_number()
        try:
            certificate = await asyncio.to_thread(
                issue, authority, request, serial_number, self._days, now
            )
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise SignerRefused(f"no certificate can be made of the request: {error}") from error
        return Signed((certificate, *authority.intermediates), described.fingerprint)

    async def crl(self, connection: AsyncConnection) -> x509.CertificateRevocationList:
        """Return the revocation list as of now.

        Raises:
            SignerAway: see `opened`.
        """
        authority, described = await self.opened(connection)
        revoked = await certificates.revocations(connection, described.fingerprint)
        return await asyncio.to_thread(revocation_list, authority, revoked, utc_now())


class AuthoritySigner:
    """The built-in authority as a signer."""

    source: Source = "builtin"

    def __init__(self, authority: BuiltInAuthority, engine: AsyncEngine) -> None:
        self._authority = authority
        self._engine = engine

    async def sign(self, request_id: UUID, station_id: str, request: SigningRequest) -> Signed:
        """Return the certificate.

        Raises:
            SignerAway: the authority's files can't be used now.
            SignerRefused: the request's key or names can't be in a certificate.
        """
        return await in_transaction(
            self._engine, lambda connection: self._authority.issue(connection, request)
        )
