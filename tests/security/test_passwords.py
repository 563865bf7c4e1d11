"""Guessing passwords is slow and noticed; whoever has the right one gets in all the same."""

import asyncio
import secrets

import httpx
import jwt
import pytest

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from tests.plain_http import NO_AUTHORITIES
from tests.security.raw_socket import Answer, RawSocket, basic_auth

PASSWORD = "the-right-password-24-ch"
WRONG = 60
LOG_INS = 14


async def _create(operator: Operator, station_id: str, password: str = PASSWORD) -> None:
    response = await operator.http.post(
        "/stations", json={"station_id": station_id, "password": password}
    )
    assert response.status_code == 201, response.text


async def _try(url: str, station_id: str, password: bytes, source: str | None = None) -> Answer:
    async with await RawSocket.open(url, source) as station:
        await station.send(station.upgrade(station_id, password=password))
        return await station.answer()


async def test_guessing_a_stations_password_meets_429_and_the_right_one_still_passes(
    gateway_url: str, operator: Operator, station_id: str
) -> None:
    await _create(operator, station_id)
    answers = [
        await _try(gateway_url, station_id, f"guess-{number}".encode()) for number in range(20)
    ]
    statuses = [answer.status for answer in answers]
    assert statuses[0] == 401
    assert statuses[-1] == 429
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert (await _try(gateway_url, station_id, PASSWORD.encode())).status == 101


async def test_guesses_at_once_are_slowed_and_keep_no_other_station_waiting(
    gateway_url: str, operator: Operator, station_id: str
) -> None:
    await _create(operator, station_id)
    other = f"{station_id}-other"
    await _create(operator, other)
    guesses = [
        asyncio.create_task(_try(gateway_url, station_id, f"guess-{number}".encode()))
        for number in range(WRONG)
    ]
    assert (await _try(gateway_url, other, PASSWORD.encode())).status == 101
    answers = await asyncio.gather(*guesses)
    assert {answer.status for answer in answers} <= {401, 429}
    assert (await _try(gateway_url, station_id, PASSWORD.encode())).status == 101


async def test_guesses_from_one_address_do_not_count_against_the_station_at_its_own(
    run: RunState, gateway_url: str, operator: Operator, station_id: str
) -> None:
    await _create(operator, station_id)
    for number in range(20):
        await _try(gateway_url, station_id, f"guess-{number}".encode(), "127.0.0.7")
    answer = await _try(gateway_url, station_id, b"a typo in the field", "127.0.0.8")
    assert answer.status == 401
    assert (await _try(gateway_url, station_id, PASSWORD.encode(), "127.0.0.8")).status == 101


@pytest.mark.parametrize(
    "header",
    [
        "Authorization: Basic",
        "Authorization: Basic !!!!",
        "Authorization: Basic " + "QQ" * 3000,
        "Authorization: Bearer " + PASSWORD,
        "Authorization: Digest username=x",
        basic_auth("", b""),
        basic_auth("x" * 3000, b"y" * 2000),
        basic_auth("x", b"\xff\x00\xfe"),
        basic_auth("x", PASSWORD.encode() + b"\x00"),
        basic_auth("x", PASSWORD.encode().upper()),
        basic_auth("x", PASSWORD.encode()[:-1]),
    ],
)
async def test_anything_but_the_password_is_no_password(
    gateway_url: str, operator: Operator, station_id: str, header: str
) -> None:
    await _create(operator, station_id)
    async with await RawSocket.open(gateway_url) as station:
        await station.send(station.upgrade(station_id, header))
        assert (await station.answer()).status == 401


async def test_two_authorization_headers_are_no_way_around(
    gateway_url: str, operator: Operator, station_id: str
) -> None:
    await _create(operator, station_id)
    async with await RawSocket.open(gateway_url) as station:
        wrong, right = (basic_auth(station_id, text) for text in (b"wrong", PASSWORD.encode()))
        await station.send(station.upgrade(station_id, wrong, right))
        assert (await station.answer()).status in (400, 401)


async def test_the_password_of_one_station_opens_no_other(
    gateway_url: str, operator: Operator, station_id: str
) -> None:
    await _create(operator, f"{station_id}-1", "password-of-the-first-one")
    await _create(operator, f"{station_id}-2", "password-of-the-second-one")
    async with await RawSocket.open(gateway_url) as station:
        header = basic_auth(f"{station_id}-1", b"password-of-the-first-one")
        await station.send(station.upgrade(f"{station_id}-2", header))
        assert (await station.answer()).status == 401


async def _log_in(run: RunState, username: str, password: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, verify=NO_AUTHORITIES, timeout=60) as client:
        return await client.post(
            f"{run.rest_url}/api/v1/auth/token",
            data={"username": username, "password": password},
        )


async def test_guessing_a_users_password_meets_429_and_the_right_one_still_passes(
    run: RunState, operator: Operator
) -> None:
    name, password = f"user-{secrets.token_hex(4)}", secrets.token_hex(12)
    created = await operator.http.post(
        "/users", json={"username": name, "password": password, "role": "viewer"}
    )
    assert created.status_code == 201
    statuses = [
        (await _log_in(run, name, f"guess-{number}")).status_code for number in range(LOG_INS)
    ]
    assert statuses[0] == 401
    assert statuses[-1] == 429
    refused = await _log_in(run, name, f"guess-{LOG_INS}")
    await asyncio.sleep(int(refused.headers.get("Retry-After", 0)))
    assert (await _log_in(run, name, password)).status_code == 200


async def test_thirty_guessers_keep_nobody_out_and_rest_goes_on(
    run: RunState, operator: Operator
) -> None:
    names = [f"guessed-{secrets.token_hex(4)}" for _ in range(15)]
    for name in names:
        user = {"username": name, "password": secrets.token_hex(12), "role": "viewer"}
        assert (await operator.http.post("/users", json=user)).status_code == 201
    names += ["" for _ in range(15)]
    statuses: set[int] = set()
    guessed = asyncio.Event()

    async def guess(name: str) -> None:
        while True:
            username = name or f"nobody-{secrets.token_hex(4)}"
            statuses.add((await _log_in(run, username, "a guess")).status_code)
            if 429 in statuses:
                guessed.set()

    guessers = [asyncio.create_task(guess(name)) for name in names]
    try:
        async with asyncio.timeout(60):
            await guessed.wait()
        for _ in range(3):
            right = await _log_in(run, run.admin_username, run.admin_password)
            assert right.status_code == 200
        assert (await operator.http.get("/status")).status_code == 200
    finally:
        for guesser in guessers:
            guesser.cancel()
        await asyncio.gather(*guessers, return_exceptions=True)
    assert statuses == {401, 429}


async def test_an_unknown_user_and_a_wrong_password_look_the_same(run: RunState) -> None:
    unknown = await _log_in(run, f"nobody-{secrets.token_hex(4)}", "a guess")
    wrong = await _log_in(run, run.admin_username, f"a guess {secrets.token_hex(4)}")
    assert unknown.status_code == wrong.status_code
    assert unknown.json() == wrong.json()


def _forged(claims: dict[str, object], key: str, algorithm: str) -> str:
    return jwt.encode(claims, key, algorithm=algorithm)


ADMIN = {"iss": "csms", "sub": "admin", "ver": 1, "iat": 0, "exp": 32_503_680_000}


@pytest.mark.parametrize(
    "token",
    [
        _forged(ADMIN, "", "none"),
        _forged(ADMIN, "a guessed secret of sufficient length", "HS256"),
        _forged(ADMIN, "a guessed secret of sufficient length, longer still, of 64 bytes", "HS512"),
        "a.b.c",
        "...",
        "e30.e30.",
        "x" * 5000,
        "\x7f",
    ],
)
async def test_forged_tokens_open_nothing(run: RunState, token: str) -> None:
    async with httpx.AsyncClient(trust_env=False, verify=NO_AUTHORITIES, timeout=30) as client:
        for headers in ({"Authorization": f"Bearer {token}"}, {"X-API-Key": token}):
            response = await client.get(f"{run.rest_url}/api/v1/stations", headers=headers)
            # What is no header at all never gets so far.
            assert response.status_code == (400 if token == "\x7f" else 401)
