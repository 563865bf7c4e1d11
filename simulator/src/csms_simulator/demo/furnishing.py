"""Makes through REST what an operator makes before stations come; what exists stays as it is."""

import secrets
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from csms_simulator.demo.network import BLOCKED, EXPIRED, PARTNER, REFUSED, Card, Site, Stand
from csms_simulator.operator import Operator
from csms_simulator.wire import Payload, timestamp_text

# A card may be a household's or a company's.
_CHARGE_AT_ONCE = 5
_PASSWORD_BYTES = 16


async def make_partner(operator: Operator) -> None:
    """Make the other tenant."""
    await operator.ensure("/tenants", {"tenant_id": PARTNER, "name": "A partner"})


async def furnish(operator: Operator, stands: list[Stand], cards: tuple[Card, ...]) -> None:
    """Make sites, stations and id tokens for the tenant that the operator acts for."""
    for site in {stand.site.site_id: stand.site for stand in stands}.values():
        await operator.ensure("/sites", _described(site))
    for stand in stands:
        await _place(operator, stand)
    for card in cards:
        await operator.ensure("/id-tokens", _of(card))


async def make_useless_cards(operator: Operator) -> None:
    """Make the card that is blocked and the one whose time is over."""
    yesterday = timestamp_text(datetime.now(UTC) - timedelta(days=1))
    await operator.ensure("/id-tokens", {**_of(BLOCKED), "status": "blocked"})
    await operator.ensure("/id-tokens", {**_of(EXPIRED), "expires_at": yesterday})


async def _place(operator: Operator, stand: Stand) -> None:
    model = stand.model
    secret: Payload = {}
    if stand.station_id == REFUSED:
        # Nobody is told it: the station has the one of before.
        secret = {"password": secrets.token_hex(_PASSWORD_BYTES), "security_profile": 1}
    made = await operator.ensure(
        "/stations",
        {
            "station_id": stand.station_id,
            "site_id": stand.site.site_id,
            "display_name": stand.display_name,
            "tags": [model.tag, *stand.site.tags],
            "phase_count": model.phases,
            "max_current_a": model.fuse_a,
            **secret,
        },
    )
    if not made:
        return
    for connector in range(1, model.connectors + 1):
        path = f"/stations/{quote(stand.station_id)}/connectors/{connector}/hardware"
        hardware = {"plug_type": model.plug_type, "max_power_w": model.power_w}
        response = await operator.http.put(path, json=hardware)
        response.raise_for_status()


def _described(site: Site) -> Payload:
    return {
        "site_id": site.site_id,
        "name": site.name,
        "address": site.address,
        "city": site.city,
        "postal_code": site.postal_code,
        "country": site.country,
        "latitude": site.latitude,
        "longitude": site.longitude,
        "time_zone": site.time_zone,
        "tags": list(site.tags),
    }


def _of(card: Card) -> Payload:
    group = {} if card.group_id is None else {"group_id": card.group_id}
    return {"id_token": card.id_token, "max_concurrent": _CHARGE_AT_ONCE, **group}
