"""Every list and every item, read back: what an operator would find broken."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from tests.extremes.rest_client import RestClient

Payload = dict[str, Any]

# Lists, the field that names an item, and what is read of it.
_LISTS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "/transactions": ("transaction_id", ("", "/meter-values", "/evidence", "/cost")),
    "/tariffs": ("tariff_id", ("",)),
    "/tariff-assignments": ("assignment_id", ("",)),
    "/bills": ("bill_id", ()),
    "/cdrs": ("position", ()),
    "/stations": (
        "station_id",
        ("", "/connectors", "/connectors/1/hardware", "/history", "/messages",
         "/messages.jsonl", "/refusals",
         "/configuration", "/certificates", "/charging-profiles", "/local-list",
         "/composite-schedule?connector_id=1"),
    ),
    "/sites": ("site_id", ("",)),
    "/reservations": ("reservation_id", ("", "/cost")),
    "/commands": ("command_id", ("",)),
    "/command-groups": ("command_group_id", ("", "/commands")),
    "/jobs": ("job_id", ("",)),
    "/firmware-rollouts": ("rollout_id", ("", "/stations")),
    "/configuration-templates": ("template_id", ("", "/drift")),
    "/id-tokens": ("id_token", ("",)),
    "/users": ("username", ("", "/sessions")),
    "/audit": ("id", ()),
    "/certificates": ("certificate_id", ("",)),
    "/refusals": ("id", ("",)),
    "/api-keys": ("id", ()),
    "/quarantine": ("id", ()),
    "/security-events": ("security_event_id", ()),
    "/connections": ("station_id", ()),
    "/tenants": ("tenant_id", ("",)),
    "/messages": ("message_id", ()),
    "/events/history": ("position", ()),
    "/events/replays": ("replay_id", ("",)),
    "/system-events": ("position", ()),
}  # fmt: skip
_SINGLE = (
    "/status", "/overview", "/system", "/users/me", "/certificate-authority",
    "/certificate-authority/crl", "/cdrs.csv",
)  # fmt: skip
# A stream has no end, an upload is a file; a record is read with its list.
_NOT_READ = frozenset({"/events", "/cdrs/{cdr_id}", "/jobs/{job_id}/uploads/{upload_id}"})


def paths_read() -> set[str]:
    """Return the paths of the routes that are read, as the documentation spells them."""
    names = {
        "/transactions": "transaction_id", "/stations": "station_id", "/users": "username",
        "/sites": "site_id",
        "/reservations": "reservation_id", "/commands": "command_id",
        "/command-groups": "command_group_id", "/jobs": "job_id",
        "/firmware-rollouts": "rollout_id", "/configuration-templates": "template_id",
        "/id-tokens": "id_token", "/certificates": "certificate_id", "/refusals": "refusal_id",
        "/tenants": "tenant_id", "/events/replays": "replay_id",
        "/tariffs": "tariff_id", "/tariff-assignments": "assignment_id",
    }  # fmt: skip
    items = {
        f"{path}/{{{names[path]}}}{part.partition('?')[0].replace('/1/', '/{connector_id}/')}"
        for path, (_, parts) in _LISTS.items()
        for part in parts
    }
    return {*_LISTS, *items, *_SINGLE, *_NOT_READ, "/parked"}


async def read_everything(client: RestClient, *, items: int, stations: Iterable[str]) -> None:
    """Read every list in whole, and so many items of each; nothing may be parked.

    `stations` are read in full.
    """
    for path in _SINGLE:
        await client.ok(path)
    for path, (name, parts) in _LISTS.items():
        listed = await _whole(client, path)
        wanted = [item[name] for item in _spread(listed, items)]
        if path == "/stations":
            wanted = list(stations)
        for item in wanted:
            for part in parts:
                await _read_item(client, f"{path}/{quote(str(item), safe='')}{part}")
    parked = await _whole(client, "/parked")
    assert parked == [], parked


async def _read_item(client: RestClient, path: str) -> None:
    answer = await client.send("GET", path)
    # No list was kept for a station that never had one.
    assert answer.status_code in ((200, 404) if path.endswith("/local-list") else (200,)), (
        f"{path}: {answer.status_code} {answer.text[:1_000]}"
    )


def _spread(listed: list[Payload], most: int) -> list[Payload]:
    step = max(len(listed) // most, 1)
    return listed[::step][:most]


async def _whole(client: RestClient, path: str) -> list[Payload]:
    found: list[Payload] = []
    query: dict[str, Any] = {"limit": 500}
    while True:
        page = (await client.ok(path, query)).json()
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        query["cursor"] = page["next_cursor"]
