"""What the OpenAPI document says of requests and answers is so (schemathesis, all of its checks).

`REST_CASES` is how many requests are drawn for each operation, beside those that follow from its
schema (`make test`: 2; `make test-rest`, a part of `make test-long`: 100); `REST_SEED` is another
seed.
"""

import os
from pathlib import Path

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from tests.rest.furnished_suite import furnished
from tests.rest.generated_requests import requests_sent

_CASES = os.environ.get("REST_CASES") or "2"
_SEED = os.environ.get("REST_SEED") or "1"
_HOW_MANY = ("--max-examples", _CASES, "--seed", _SEED)
_OF_PARKED_ITEMS = {"DELETE /api/v1/parked/{item_id}", "POST /api/v1/parked/{item_id}/replay"}
# Requests are sent with an API key, which is no user.
_OF_USERS_THEMSELVES = {
    "GET /api/v1/users/me",
    "PUT /api/v1/users/me/password",
    "POST /api/v1/auth/logout",
}
# Of users and sessions that are drawn, and of replays that run: some are there by chance.
_OF_CHANCE = {
    "POST /api/v1/events/replays/{replay_id}/stop",
    "DELETE /api/v1/users/{username}/sessions",
    "DELETE /api/v1/users/{username}/sessions/{session_id}",
}


async def test_a_viewer_changes_nothing_and_every_answer_is_as_documented(
    run: RunState, operator: Operator, tmp_path: Path
) -> None:
    """The rest, what follows from the schemas and chains of requests, is for who may do more."""
    async with furnished(run, operator, "viewer") as furniture:
        sent = await requests_sent(
            run.rest_url,
            furniture,
            "viewer",
            tmp_path,
            *_HOW_MANY,
            *("--phases", "examples,fuzzing"),
        )
    assert sent.exit_code == 0, sent.output


async def test_every_answer_to_an_administrator_is_as_documented(
    run: RunState, operator: Operator, tmp_path: Path
) -> None:
    async with furnished(run, operator, "admin") as furniture:
        sent = await requests_sent(run.rest_url, furniture, "admin", tmp_path, *_HOW_MANY)
    assert sent.exit_code == 0, sent.output
    # Nothing is parked by requests, so that there is nothing to replay or delete.
    assert await operator.items("/parked") == []
    refused = sent.never_accepted - _OF_CHANCE
    assert refused == _OF_PARKED_ITEMS | _OF_USERS_THEMSELVES
