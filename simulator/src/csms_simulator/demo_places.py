"""Where the demo's stations stand, and whose they are: two sites, and another tenant's one."""

from dataclasses import dataclass

import httpx

from csms_simulator.operator import Operator
from csms_simulator.wire import Payload

PARTNER = "demo-partner"
_HARBOUR: Payload = {
    "site_id": "demo-harbour",
    "name": "Harbour",
    "address": "Am Sandtorkai 1",
    "city": "Hamburg",
    "postal_code": "20457",
    "country": "DE",
    "latitude": 53.5438,
    "longitude": 9.9882,
    "time_zone": "Europe/Berlin",
}
_AIRPORT: Payload = {
    "site_id": "demo-airport",
    "name": "Airport",
    "address": "Alameda das Comunidades Portuguesas",
    "city": "Lisbon",
    "postal_code": "1700-111",
    "country": "PT",
    "latitude": 38.7742,
    "longitude": -9.1342,
    "time_zone": "Europe/Lisbon",
}
_DEPOT: Payload = {
    "site_id": "demo-depot",
    "name": "Depot of a partner",
    "city": "Vienna",
    "country": "AT",
    "latitude": 48.2082,
    "longitude": 16.3738,
    "time_zone": "Europe/Vienna",
}
# Every fourth station is the partner's.
_OF_PARTNER = 4


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a station stands, and whose it is; `tenant_id` None: of who runs the deployment."""

    site: Payload
    tenant_id: str | None
    tags: tuple[str, ...]


def stand_of(number: int) -> Stand:
    """Return where the demo's station of this number stands."""
    if number % _OF_PARTNER == 0:
        return Stand(_DEPOT, PARTNER, ("fleet",))
    return Stand(_HARBOUR, None, ("fast",)) if number % 2 else Stand(_AIRPORT, None, ("slow",))


async def make_partner(operator: Operator) -> None:
    """Make the other tenant, unless it exists."""
    await _made(operator, "/tenants", {"tenant_id": PARTNER, "name": "A partner"})


async def place(operator: Operator, station_id: str, number: int) -> None:
    """Make a station and its site, unless they exist, by an operator who acts for its tenant."""
    stand = stand_of(number)
    await _made(operator, "/sites", stand.site)
    description = {
        "site_id": stand.site["site_id"],
        "display_name": f"{stand.site['name']} {number}",
        "tags": list(stand.tags),
    }
    await _made(operator, "/stations", {"station_id": station_id, **description})


async def _made(operator: Operator, path: str, body: Payload) -> None:
    answer = await operator.http.post(path, json=body)
    if answer.status_code != httpx.codes.CONFLICT:
        answer.raise_for_status()
