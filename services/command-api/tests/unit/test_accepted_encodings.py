"""Which encodings a client says it takes."""

import pytest
from starlette.requests import Request

from command_api.http.requests.accepted_encodings import accepts


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ([], False),
        ([""], False),
        (["gzip"], True),
        (["GZIP"], True),
        (["br, gzip;q=0.5"], True),
        (["deflate", "gzip"], True),
        (["gzip ; q=1.0"], True),
        (["*"], True),
        (["gzip;q=0, *"], False),
        (["*;q=0"], False),
        (["gzip;q=0.000"], False),
        (["gzip;q=nonsense"], False),
        (["identity, deflate"], False),
        (["xgzip"], False),
    ],
)
def test_gzip_is_taken_where_it_is_named_with_a_weight_or_everything_is(
    given: list[str], *, taken: bool
) -> None:
    headers = [(b"accept-encoding", text.encode()) for text in given]
    assert accepts(Request({"type": "http", "headers": headers}), "gzip") is taken
