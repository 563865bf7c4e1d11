"""Heads of requests that are too long, or none: each has its answer, and the connection ends."""

import asyncio
import json
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="package")

START = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"


async def answer_to(rest_url: str, sent: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send bytes; return status, headers and body of what comes until the connection ends."""
    where = urlsplit(rest_url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    try:
        writer.write(sent)
        async with asyncio.timeout(20):
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    finally:
        writer.close()
    status, *lines = head.decode("ascii").split("\r\n")
    headers = {name.lower(): text for name, _, text in (line.partition(": ") for line in lines)}
    return int(status.split()[1]), headers, body


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (START + b"X: " + b"a" * 70_000 + b"\r\n\r\n", 431, "head_too_long"),
        (START + b"X: a\r\n" * 20_000 + b"\r\n", 431, "head_too_long"),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", 431, "head_too_long"),
        (START + b"X: " + b"a" * 70_000, 431, "head_too_long"),
        (b"\x16\x03\x01 no HTTP\r\n\r\n", 400, "bad_request"),
        (b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", 400, "bad_request"),
    ],
    ids=["one long header", "many headers", "a long path", "no end", "TLS", "bytes in the path"],
)
async def test_a_head_that_is_none_or_too_long_is_a_problem_like_any_other(
    rest_url: str, sent: bytes, status: int, code: str
) -> None:
    answered, headers, body = await answer_to(rest_url, sent)
    assert (answered, headers["content-type"]) == (status, "application/problem+json")
    assert headers["connection"] == "close"
    assert len(body) == int(headers["content-length"])
    assert json.loads(body)["code"] == code


async def test_a_long_head_within_the_limit_is_answered(rest_url: str) -> None:
    sent = START + b"X: " + b"a" * 60_000 + b"\r\nConnection: close\r\n\r\n"
    assert (await answer_to(rest_url, sent))[0] == 200


async def test_a_body_beyond_the_limit_of_heads_is_no_head(rest_url: str) -> None:
    body = b"username=" + b"a" * 200_000
    head = (
        b"POST /api/v1/auth/token HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body)
    )
    assert (await answer_to(rest_url, head + body))[0] == 422
