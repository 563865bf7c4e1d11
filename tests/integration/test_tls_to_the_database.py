"""The way to the database by TLS, as libpq judges it, for all that goes there."""

import asyncio
import contextlib
import io
import os
import shutil
import ssl
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from csms_backup.clients import find_clients
from csms_local.nodes.ports import LOOPBACK, KeptPorts
from csms_local.nodes.postgres import PostgresNode, find_programs
from csms_local.nodes.private import READY_SECONDS
from csms_local.progress import Console
from csms_local.services import ROLES
from csms_local.state_folder import StateFolder
from csms_local.supervisor import Supervisor
from csms_shared.db.engine import create_engine, why_away
from csms_simulator.certificates import Authority

PROGRAMS = Path(sys.executable).parent
ROLE = "csms_session:role-password"
HOST = "localhost"
# SSLRequest (PostgreSQL documentation, "Message Formats").
SSL_REQUEST = bytes([0, 0, 0, 8, 4, 210, 22, 47])


def _has_tls() -> bool:
    """Tell whether the server that a node runs is built with TLS; that of the wheel is not."""
    program = find_programs()[0].folder / "postgres"
    return b"SSL is not supported by this build" not in program.read_bytes()


@dataclass(frozen=True, slots=True)
class Node:
    """A database by itself, and the folder with the certificates."""

    owner: str
    port: int
    folder: Path


@dataclass(frozen=True, slots=True)
class Server:
    """One of its ports."""

    node: Node
    port: int

    def url(self, query: str, *, login: str = ROLE, host: str = HOST) -> str:
        return f"postgresql://{login}@{host}:{self.port}/csms?{query}"

    def owner(self, query: str, *, host: str = HOST) -> str:
        return self.url(query, login=self.node.owner, host=host)

    def root(self, name: str = "ca") -> str:
        return f"sslrootcert={quote(str(self.node.folder / name))}.pem"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    home = tmp_path_factory.mktemp("tls database")
    authority = Authority("Operator")
    files = authority.server(HOST).write(home, "server")
    (home / "ca.pem").write_bytes(authority.pem)
    (home / "another.pem").write_bytes(Authority("Somebody else").pem)
    state = StateFolder(home / "state")
    state.acquire()
    supervisor = Supervisor(Console(io.StringIO()), lambda: None)
    database = PostgresNode(state, KeptPorts(state.home / "ports.json"), fsync=False)
    database.prepare()
    program = database.database()
    if _has_tls():
        data = Path(program.argv[program.argv.index("-D") + 1])
        for file, name in zip(files, ("server.crt", "server.key"), strict=True):
            shutil.copy(file, data / name)
            # The server reads no key that others own.
            os.chown(data / name, data.stat().st_uid, data.stat().st_gid)
        with (data / "postgresql.conf").open("a") as settings:
            settings.write("ssl = on\n")
    supervisor.start(program, database.is_ready)
    try:
        supervisor.wait_until_ready(["database"], READY_SECONDS)
        login = database.url.removeprefix("postgresql://").partition("@")[0]
        yield Node(login, database.port, home)
    finally:
        supervisor.stop(["database"], READY_SECONDS)
        state.release()


@contextlib.asynccontextmanager
async def _in_front(node: Node, context: ssl.SSLContext | None) -> AsyncIterator[Server]:
    """Answer for the server whether it has TLS, and end it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.readexactly(8)
        onward = await asyncio.open_connection(LOOPBACK, node.port)
        with contextlib.suppress(OSError):
            if first != SSL_REQUEST:
                onward[1].write(first)
            elif context is None:
                writer.write(b"N")
            else:
                writer.write(b"S")
                await writer.drain()
                await writer.start_tls(context)
            async with asyncio.TaskGroup() as group:
                group.create_task(_pass_on(reader, onward[1]))
                group.create_task(_pass_on(onward[0], writer))

    async with await asyncio.start_server(serve, LOOPBACK, 0) as listening:
        yield Server(node, listening.sockets[0].getsockname()[1])


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@pytest.fixture(params=["ended in front", *(["its own"] if _has_tls() else [])])
async def by_tls(node: Node, request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    if request.param == "its own":
        yield Server(node, node.port)
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(node.folder / "server.pem", node.folder / "server.key")
    async with _in_front(node, context) as server:
        yield server


@pytest.fixture
async def without_tls(node: Node) -> AsyncIterator[Server]:
    async with _in_front(node, None) as server:
        yield server


async def _run(program: str, *arguments: str, **env: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        str(PROGRAMS / program),
        *arguments,
        env={**os.environ, **env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(120):
        said, _ = await process.communicate()
    return process.returncode, said.decode()


async def _migrate(
    owner_url: str, url: str, service: str = "session-service"
) -> tuple[int | None, str]:
    return await _run(
        service,
        "migrate",
        CSMS_MIGRATION_DATABASE_URL=owner_url,
        CSMS_DATABASE_URL=url,
    )


async def _is_encrypted(url: str) -> bool:
    """Tell whether this service's connection to the database is."""
    engine = create_engine(url, "session", name="test", pool_size=1)
    try:
        async with engine.connect() as connection:
            raw = (await connection.get_raw_connection()).driver_connection
            assert raw is not None
            return raw._transport.get_extra_info("ssl_object") is not None
    finally:
        await engine.dispose()


async def _refusal(url: str) -> str:
    engine = create_engine(url, "session", name="test", pool_size=1)
    try:
        return await why_away(engine) or "none"
    finally:
        await engine.dispose()


async def _back_up(server: Server, query: str) -> tuple[int | None, str]:
    archive = server.node.folder / f"{server.port}.dump"
    archive.unlink(missing_ok=True)
    url = server.owner(query)
    return await _run("csms-backup", "--to", str(archive), CSMS_MIGRATION_DATABASE_URL=url)


async def test_whoever_judges_the_server_gets_to_it_by_tls(by_tls: Server) -> None:
    query = f"sslmode=verify-full&{by_tls.root()}"
    assert await _migrate(by_tls.owner(query), by_tls.url(query)) == (0, "")
    assert await _is_encrypted(by_tls.url(query))
    # The address is in no name of the certificate, which verify-ca does not look at.
    by_address = by_tls.url(f"sslmode=verify-ca&{by_tls.root()}", host=LOOPBACK)
    assert await _is_encrypted(by_address)


async def test_a_backup_goes_by_tls_or_names_the_programs_that_it_lacks(by_tls: Server) -> None:
    query = f"sslmode=verify-full&{by_tls.root()}"
    for name, role in ROLES.items():
        url = by_tls.url(query, login=f"{role}:role-password")
        assert await _migrate(by_tls.owner(query), url, name) == (0, "")
    code, said = await _back_up(by_tls, query)
    if any(clients.have_tls() for clients in find_clients()):
        assert (code, "backup of" in said) == (0, True), said
        code, said = await _back_up(by_tls, f"sslmode=verify-full&{by_tls.root('another')}")
        assert (code, "certificate verify failed" in said) == (1, True), said
    else:
        assert (code, "built with TLS" in said) == (1, True), said


@pytest.mark.parametrize("mode", ["require", "prefer", "allow", "disable"])
async def test_who_judges_nobody_gets_what_libpq_would_give_him(by_tls: Server, mode: str) -> None:
    owner = by_tls.owner(f"sslmode={mode}", host=LOOPBACK)
    assert await _is_encrypted(owner) is (mode in ("require", "prefer"))


async def test_to_require_tls_and_to_name_an_authority_is_to_judge_by_it(by_tls: Server) -> None:
    assert await _is_encrypted(by_tls.owner(f"sslmode=require&{by_tls.root()}", host=LOOPBACK))
    refused = await _refusal(by_tls.owner(f"sslmode=require&{by_tls.root('another')}"))
    assert "CERTIFICATE_VERIFY_FAILED" in refused


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
async def test_a_server_of_another_authority_is_refused(by_tls: Server, mode: str) -> None:
    query = f"sslmode={mode}&{by_tls.root('another')}"
    assert "CERTIFICATE_VERIFY_FAILED" in await _refusal(by_tls.url(query))
    code, said = await _migrate(by_tls.owner(query), by_tls.url(query))
    assert (code, said.count("\n")) == (1, 1)
    assert said.startswith("CSMS_MIGRATION_DATABASE_URL: database: SSLCertVerificationError")


async def test_a_server_of_another_name_is_refused(by_tls: Server) -> None:
    query = f"sslmode=verify-full&{by_tls.root()}"
    assert "IP address mismatch" in await _refusal(by_tls.url(query, host=LOOPBACK))
    code, said = await _migrate(by_tls.owner(query, host=LOOPBACK), by_tls.url(query))
    assert (code, "IP address mismatch" in said) == (1, True), said


async def test_a_server_without_tls_is_refused_where_tls_is_required(without_tls: Server) -> None:
    query = "sslmode=require"
    assert "rejected SSL upgrade" in await _refusal(without_tls.url(query))
    code, said = await _migrate(without_tls.owner(query), without_tls.url(query))
    assert (code, said.count("\n")) == (1, 1)
    assert said.startswith("CSMS_MIGRATION_DATABASE_URL: database: ConnectionError")
    assert "rejected SSL upgrade" in said
    assert not await _is_encrypted(without_tls.owner("sslmode=prefer"))
