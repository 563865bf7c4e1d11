"""The built-in authority at work: opened or made at first need, then signing (docs/adr/0017)."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from uuid import UUID

import structlog
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from csms_shared.db.engine import in_transaction
from csms_shared.runtime.clock import utc_now
from csms_shared.runtime.errors import Unavailable
from csms_shared.runtime.retrying import until_available
from station_registry.certificates.domain.authority import (
    Authority,
    UnfitAuthority,
    issue,
    new_authority,
    revocation_list,
)
from station_registry.certificates.domain.authority_fitness import check_authority
from station_registry.certificates.domain.details import CertificateDetails, details, pem_of
from station_registry.certificates.domain.requests import SigningPolicy, SigningRequest
from station_registry.certificates.handlers.requests import SigningNow
from station_registry.certificates.handlers.signers import Signed, SignerAway, SignerRefused
from station_registry.certificates.store import authority_files, certificates
from station_registry.certificates.store.authority_files import FilesWritten
from station_registry.certificates.store.certificates import Source

log = structlog.get_logger(__name__)

LOOK_S = 60.0
# How long what is wrong is believed while the files stay as they are: stations may ask often.
LOOK_AGAIN_S = 10.0

Opened = tuple[Authority, CertificateDetails]


@dataclass(frozen=True, slots=True)
class _Looked:
    """What was found in the files when they were last read; `at` is the loop's clock."""

    files: FilesWritten
    at: float
    opened: Opened | None = None
    problem: str | None = None


class BuiltInAuthority:
    """Signs with the key in `folder`; the key leaves neither that file nor this process."""

    source: Source = "builtin"

    def __init__(self, folder: Path, passphrase: str, organization: str, days: int) -> None:
        self._folder = folder
        self._passphrase = passphrase.encode()
        self._organization = organization
        self._days = days
        self._looked: _Looked | None = None
        self._looking = asyncio.Lock()

    def signing_for(self, engine: AsyncEngine) -> "AuthoritySigner":
        """Return the signer that opens the authority with this engine's connections."""
        return AuthoritySigner(self, engine)

    @property
    def warnings(self) -> dict[str, str]:
        """Return what was wrong when the files were last looked at."""
        problem = None if self._looked is None else self._looked.problem
        return {} if problem is None else {"certificate_authority": problem}

    async def watch(self, engine: AsyncEngine) -> None:
        """Look at the authority at the start and every minute, so that a problem is known."""
        retrying = until_available(Unavailable, on_failure=_log_wait)
        while True:
            await retrying(partial(in_transaction, engine, self.problem))
            await asyncio.sleep(LOOK_S)

    async def problem(self, connection: AsyncConnection) -> str | None:
        """Return why nothing can be signed now, None where it can; this makes no authority."""
        async with self._looking:
            looked = await self._look(connection, make=False)
            return looked.problem

    async def opened(self, connection: AsyncConnection) -> Opened:
        """Return the authority, made where there never was one.

        Raises:
            SignerAway: its files can't be used, or are missing although it exists.
        """
        async with self._looking:
            looked = await self._look(connection, make=True)
            if looked.opened is None:
                raise SignerAway(looked.problem or "")
            authority, described = looked.opened
            # Each time: the transaction of the first may have been rolled back.
            chain = pem_of([authority.certificate, *authority.above])
            await certificates.save_authority(connection, described, chain)
            return looked.opened

    async def _look(self, connection: AsyncConnection, *, make: bool) -> _Looked:
        """Read the files where they were never read, have changed, or may be usable by now."""
        files = await asyncio.to_thread(authority_files.written, self._folder)
        last, now_s = self._looked, asyncio.get_running_loop().time()
        if last is not None and last.files == files:
            if last.opened is not None:
                problem = _problem(last.opened[0])
                if problem is None:
                    return last
            elif not make and now_s - last.at < LOOK_AGAIN_S:
                return last
        # Where one may be made, the database's lock: of several replicas one makes it.
        known = await (
            certificates.lock_authorities(connection)
            if make
            else certificates.known_authorities(connection)
        )
        try:
            opened = await asyncio.to_thread(self._open, bool(known), utc_now(), make)
            # What was made meanwhile is read once more.
            looked = _Looked(files, now_s, opened)
        except (UnfitAuthority, OSError) as error:
            text = f"the certificate authority can't be used: {_said(error)}"
            looked = _Looked(files, now_s, problem=text)
        _tell(last, looked)
        self._looked = looked
        return looked

    def _open(self, known: bool, now: datetime, make: bool) -> Opened | None:
        """Return the authority; None where there is none yet, and one could be made."""
        key = authority_files.read_key(self._folder, self._passphrase)
        chain = authority_files.read_chain(self._folder)
        if chain:
            if key is None:
                raise UnfitAuthority(f"{authority_files.KEY_FILE} is missing")
            authority = Authority(key, chain[0], tuple(chain[1:]))
        elif known:
            # A new one would make all certificates of the old one worthless.
            raise UnfitAuthority(
                f"{authority_files.CERTIFICATE_FILE} is missing, but an authority exists"
            )
        elif make:
            # A key alone is what a crash between the two files leaves.
            key = key or authority_files.new_key(self._folder, self._passphrase)
            authority = new_authority(key, self._organization, now)
            authority_files.write_certificate(self._folder, authority)
        else:
            authority_files.check_writable(self._folder)
            return None
        check_authority(authority, now)
        described = details(authority.certificate)
        if described is None:
            raise UnfitAuthority("the certificate can't be read")
        return authority, described

    async def issue(self, connection: AsyncConnection, request: SigningRequest) -> Signed:
        """Return a new certificate with a random serial number.

        Raises:
            SignerAway: see `opened`.
            SignerRefused: the request's key or names can't be in a certificate.
        """
        authority, described = await self.opened(connection)
        now = utc_now()
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


def signing_now(policy: SigningPolicy, authority: BuiltInAuthority | None) -> SigningNow:
    """Return what says, request by request, whether there is something that signs now.

    Of an external signer only its answer to the request itself would tell.
    """

    async def now(connection: AsyncConnection) -> SigningPolicy:
        if authority is None or not policy.organization:
            return policy
        return replace(policy, problem=await authority.problem(connection))

    return now


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


def _problem(authority: Authority) -> str | None:
    try:
        check_authority(authority, utc_now())
    except UnfitAuthority as unfit:
        return str(unfit)
    return None


def _said(error: UnfitAuthority | OSError) -> str:
    """Return what is wrong; no path of the machine is anybody's business but the log's."""
    return (error.strerror or "") if isinstance(error, OSError) else str(error)


def _tell(before: _Looked | None, now: _Looked) -> None:
    was = None if before is None else before.problem
    if now.problem is not None and now.problem != was:
        log.error("authority_unusable", problem=now.problem)
    elif now.problem is None and was is not None:
        log.info("authority_usable")


async def _log_wait(error: BaseException) -> None:
    log.warning("authority_not_looked_at", error=str(error))
