"""What a database URL may say, in libpq's words."""

import socket
from pathlib import Path

import pytest

from csms_shared.db.engine import create_engine, why_away
from csms_shared.db.settings import MigrationSettings
from csms_shared.db.urls import parse_database_url
from csms_shared.runtime.settings import SettingsProblem, load_settings

LOGIN = "postgresql://role:very-secret@db:5432/csms"


@pytest.fixture(autouse=True)
def _no_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PGSSLROOTCERT", raising=False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    # In libpq a plus is a plus, and no blank.
    path = tmp_path / "a c++ file.pem"
    path.write_text("a certificate")
    return path


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer", "require"])
def test_tls_that_judges_nobody_needs_no_file(mode: str) -> None:
    assert parse_database_url(f"{LOGIN}?sslmode={mode}").dsn == f"{LOGIN}?sslmode={mode}"


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
def test_who_judges_the_server_needs_the_authoritys_certificate(mode: str, file: Path) -> None:
    with pytest.raises(ValueError, match="needs sslrootcert"):
        parse_database_url(f"{LOGIN}?sslmode={mode}")
    path = str(file).replace(" ", "%20")
    dsn = parse_database_url(f"{LOGIN}?sslmode={mode}&sslrootcert={path}").dsn
    assert dsn.endswith("a%20c%2B%2B%20file.pem")
    (file.parent / ".postgresql").mkdir()
    (file.parent / ".postgresql" / "root.crt").write_text("as in libpq")
    assert parse_database_url(f"{LOGIN}?sslmode={mode}").dsn


@pytest.mark.parametrize(
    "query",
    [
        "host=/run/postgresql&port=5433",
        "target_session_attrs=read-write",
        "sslnegotiation=direct&sslmode=require",
        "ssl_min_protocol_version=TLSv1.3",
    ],
)
def test_other_parameters_of_libpq_are_handed_on(query: str) -> None:
    assert parse_database_url(f"{LOGIN}?{query}").dsn.count("=") == query.count("=")


def test_several_hosts_may_be_named() -> None:
    url = "postgresql://role:a%40b@one:5432,two:5433,three/csms"
    parsed = parse_database_url(url)
    assert (parsed.dsn, parsed.user, parsed.password) == (url, "role", "a@b")


async def test_of_several_servers_the_one_that_writes_is_taken(fresh_database_url: str) -> None:
    login, _, place = fresh_database_url.rpartition("@")
    hosts, _, name = place.partition("/")
    with socket.socket() as nobody:
        # Bound and not listening: nobody answers, and nobody else can take it.
        nobody.bind(("127.0.0.1", 0))
        both = f"127.0.0.1:{nobody.getsockname()[1]},{hosts}"
        url = f"{login}@{both}/{name}?target_session_attrs=read-write&connect_timeout=20"
        engine = create_engine(url, "public", name="test", pool_size=1)
        assert await why_away(engine) is None
        await engine.dispose()


def test_the_time_for_connecting_is_ours_to_keep() -> None:
    parsed = parse_database_url(f"{LOGIN}?connect_timeout=7")
    assert (parsed.dsn, parsed.connect_timeout_s) == (LOGIN, 7.0)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("sslmode=verify", "sslmode must be one of disable, allow"),
        ("sslrootcert=system", "sslrootcert: there is no file system"),
        ("sslcert=/nowhere.pem", "sslcert: there is no file /nowhere.pem"),
        ("target_session_attrs=master", "target_session_attrs must be one of any"),
        ("connect_timeout=0", "connect_timeout must be"),
        ("connect_timeout=soon", "connect_timeout must be"),
        ("port=a", "port must be"),
        ("application_name=mine", "application_name is not supported; known are connect_timeout"),
        ("ssl=true", "ssl is not supported"),
        ("options=-c%20jit=on", "options is not supported"),
        ("keepalives_idle=5", "keepalives_idle is not supported"),
        ("password=very-secret", "password belongs before the ?"),
        ("user=another", "user belongs before the ?"),
        ("sslmode", "name=value"),
    ],
)
def test_what_is_wrong_is_named_with_its_variable_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, query: str, said: str
) -> None:
    monkeypatch.setenv("CSMS_MIGRATION_DATABASE_URL", f"{LOGIN}?{query}")
    monkeypatch.setenv("CSMS_DATABASE_URL", LOGIN)
    with pytest.raises(SettingsProblem, match=r"^CSMS_MIGRATION_DATABASE_URL: ") as problem:
        load_settings(MigrationSettings)
    assert said in str(problem.value)
    assert "very-secret" not in str(problem.value)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://role:very-secret@db/csms", "postgresql://"),
        ("postgresql://role:very-secret@db:many/csms", "its port, a number"),
        ("postgresql://db/csms", "the service's role and its password"),
    ],
)
def test_a_migration_must_know_the_services_role(
    monkeypatch: pytest.MonkeyPatch, url: str, said: str
) -> None:
    monkeypatch.setenv("CSMS_MIGRATION_DATABASE_URL", LOGIN)
    monkeypatch.setenv("CSMS_DATABASE_URL", url)
    with pytest.raises(SettingsProblem, match=r"^CSMS_DATABASE_URL: ") as problem:
        load_settings(MigrationSettings)
    assert said in str(problem.value)
    assert "very-secret" not in str(problem.value)
