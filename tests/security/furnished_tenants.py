"""Tenants of tests: one that has one of each thing, and those that ask about them."""

import contextlib
import secrets
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx

from csms_local.run_state import RunState
from csms_simulator.operator import Operator
from tests.conformance.played_station import at
from tests.extremes.odd_station import odd_station
from tests.extremes.valid_payloads import station_call
from tests.integration.waiting import eventually
from tests.plain_http import NO_AUTHORITIES
from tests.rest.furnished_suite import PASSWORD, TARIFF, Furniture, furnished

# What no number reaches: a stop of it is kept until somebody says what it is of.
_UNKNOWN_TRANSACTION = 1_000_000_000
_LATER = "2099-01-01T00:00:00Z"
_RESERVED = {
    "currency": "EUR",
    "elements": [
        {
            "price_components": [{"type": "FLAT", "price": 3, "step_size": 1}],
            "restrictions": {"reservation": "RESERVATION"},
        }
    ],
}


async def new_tenant(operator: Operator) -> str:
    """Make a tenant and return its id."""
    tenant_id = f"t-{secrets.token_hex(6)}"
    made = await operator.http.post("/tenants", json={"tenant_id": tenant_id, "name": "Tenant"})
    assert made.status_code == 201, made.text
    return tenant_id


@contextlib.asynccontextmanager
async def client(run: RunState, headers: Mapping[str, str]) -> AsyncIterator[httpx.AsyncClient]:
    """Ask with these headers."""
    async with httpx.AsyncClient(
        base_url=f"{run.rest_url}/api/v1",
        headers=headers,
        timeout=60,
        trust_env=False,
        verify=NO_AUTHORITIES,
    ) as asking:
        yield asking


@contextlib.asynccontextmanager
async def furnished_tenant(
    run: RunState, operator: Operator
) -> AsyncIterator[tuple[httpx.AsyncClient, Furniture]]:
    """Give a tenant one of each thing; yield also who reads them as its administrator."""
    tenant_id = await new_tenant(operator)
    name, password = run.admin_username, run.admin_password
    plain = httpx.AsyncHTTPTransport(verify=NO_AUTHORITIES)
    async with Operator(run.rest_url, name, password, plain) as acting:
        acting.http.headers["X-Tenant"] = tenant_id
        async with furnished(run, acting, "admin", is_default=False) as furniture:
            assert await acting.items("/transactions"), "the furniture is the other tenant's"
            yield acting.http, furniture


async def askers(operator: Operator) -> list[dict[str, str]]:
    """Return who asks: the administrator of a tenant, and a platform administrator for another."""
    acting = [
        {"Authorization": operator.authorization, "X-Tenant": await new_tenant(operator)}
        for _ in range(2)
    ]
    wanted = {"name": "asking", "role": "admin"}
    key = await operator.http.post("/api-keys", json=wanted, headers=acting[0])
    return [{"X-API-Key": key.json()["key"]}, acting[1]]


async def names(others: httpx.AsyncClient, run: RunState, furniture: Furniture) -> dict[str, str]:
    """Return the furniture by the names of parameters, and what else names a tenant's things."""
    known = {name: str(ids[0]) for name, ids in furniture.known.items()}
    sessions = await others.post(
        "/auth/token", data={"username": furniture.user, "password": PASSWORD}
    )
    assert sessions.status_code == 200
    session = (await others.get(f"/users/{furniture.user}/sessions")).json()["items"][0]
    frames = await _listed(others, f"/stations/{furniture.answering}/messages")
    await _made_by_key(run, furniture)
    await _charged(others, run, furniture)
    away = (await others.get(f"/stations/{furniture.away}")).json()
    await _assigned(others, known)
    billed = (await others.get("/bills", params={"station_id": furniture.billed})).json()["items"]
    return known | {
        "key_id": furniture.key_id,
        "session_id": session["session_id"],
        "message_id": frames[0]["message_id"],
        "group_id": "GROUP-admin",
        "name": "NAME-admin",
        "tag": "tagged",
        "q": "-admin",
        "actor": f"api-key:{furniture.key_id}",
        "target": "NAMED-admin",
        "locked": "LOCKED-admin",
        "away": furniture.away,
        "billed": furniture.billed,
        "billed_transaction": str(billed[0]["transaction_id"]),
        "billed_reservation": str(await _reserved(others, run, furniture)),
        **{name: away[name] for name in ("vendor", "model", "firmware_version")},
    }


async def _assigned(others: httpx.AsyncClient, known: Mapping[str, str]) -> None:
    """Assign a tariff, in days gone by, to whatever one may be assigned to."""
    wanted = {"tariff_id": known["tariff_id"], "valid_to": "2020-01-01T00:00:00Z"}
    things = {name: known[name] for name in ("id_token", "station_id", "site_id")}
    for name, value in (things | {"group_id": "GROUP-admin", "tag": "tagged"}).items():
        made = await others.post("/tariff-assignments", json={**wanted, name: value})
        assert made.status_code == 201, made.text


async def _made_by_key(run: RunState, furniture: Furniture) -> None:
    """Make what is found by a group, a tag, or a name, and by who has made it."""
    async with client(run, {"X-API-Key": furniture.key}) as making:
        for path, body in (
            ("/id-tokens", {"id_token": "NAMED-admin", "group_id": "GROUP-admin"}),
            ("/sites", {"site_id": "NAMED-admin", "name": "NAME-admin", "tags": ["tagged"]}),
            ("/api-keys", {"name": "NAME-admin", "role": "viewer"}),
            ("/configuration-templates",
             {"name": "NAME-admin", "values": {"HeartbeatInterval": "300"}}),
        ):  # fmt: skip
            made = await making.post(path, json=body)
            assert made.status_code == 201, made.text


async def _charged(others: httpx.AsyncClient, run: RunState, furniture: Furniture) -> None:
    """Have a transaction that is found by its site, its tag and its id token."""
    wanted = {"site_id": str(furniture.known["site_id"][0]), "tag": "tagged"}
    token = str(furniture.known["id_token"][0])
    place = {"site_id": wanted["site_id"], "tags": [wanted["tag"]]}
    made = await others.post("/stations", json={"station_id": "CHARGED-admin", **place})
    assert made.status_code == 201, made.text
    async with odd_station(run.ocpp_url, "CHARGED-admin") as station:

        async def found() -> Any:
            # Where a station stands is told to who keeps transactions a moment later.
            start = station_call("StartTransaction") | {"idTag": token, "connectorId": 1}
            await station.send("StartTransaction", start | {"timestamp": at()})
            query = {**wanted, "id_token": token}
            return (await others.get("/transactions", params=query)).json()["items"]

        await eventually(found, bool, 60)

    async def shown() -> dict[str, Any]:
        view: dict[str, Any] = (await others.get("/stations/CHARGED-admin")).json()
        return view

    # From then on nothing changes of it.
    await eventually(shown, lambda view: not view["online"], 60)


async def _reserved(others: httpx.AsyncClient, run: RunState, furniture: Furniture) -> int:
    """Have a reservation that nobody used billed, at a station of its own; return its id."""
    station_id = "RESERVED-admin"
    await _posted(others, "/stations", {"station_id": station_id})
    tariff = await _posted(others, "/tariffs", {"name": "Reserved", "tariff": _RESERVED})
    assigned = {"tariff_id": tariff["tariff_id"], "station_id": station_id}
    await _posted(others, "/tariff-assignments", assigned)
    async with odd_station(run.ocpp_url, station_id) as station:
        station.answers["ReserveNow"] = {"status": "Accepted"}
        wanted = {"station_id": station_id, "connector_id": 1, "expires_at": _LATER,
                  "id_token": str(furniture.known["id_token"][0])}  # fmt: skip
        made = await _posted(others, "/reservations", wanted)
        path = f"/reservations/{made['reservation_id']}"
        await _becomes(others, path, "active")
        assert (await others.post(f"{path}/cancel")).status_code == 200
        await _becomes(others, path, "cancelled")

        async def bills() -> list[dict[str, Any]]:
            query = {"reservation_id": made["reservation_id"]}
            items: list[dict[str, Any]] = (await others.get("/bills", params=query)).json()["items"]
            return items

        (bill,) = await eventually(bills, bool, 60)
    return int(bill["reservation_id"])


async def _becomes(others: httpx.AsyncClient, path: str, status: str) -> None:
    async def shown() -> str:
        return str((await others.get(path)).json()["status"])

    await eventually(shown, lambda now: now == status, 60)


async def _posted(others: httpx.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    made = await others.post(path, json=body)
    assert made.status_code == 201, made.text
    return dict(made.json())


@contextlib.asynccontextmanager
async def own_things(run: RunState, asking: httpx.AsyncClient) -> AsyncIterator[dict[str, str]]:
    """Make what whoever asks has, a connected station among it."""
    mark = secrets.token_hex(4)
    own = dict.fromkeys(("station_id", "site_id", "id_token", "username"), f"OWN-{mark}")
    own["resting"] = f"RESTING-{mark}"
    for path, body in (
        ("/stations", {"station_id": own["resting"]}),
        ("/sites", {"site_id": own["site_id"], "name": "Own"}),
        ("/stations", {"station_id": own["station_id"], "site_id": own["site_id"]}),
        ("/id-tokens", {"id_token": own["id_token"]}),
        ("/users", {"username": own["username"], "password": PASSWORD, "role": "viewer"}),
    ):
        made = await asking.post(path, json=body)
        assert made.status_code == 201, made.text
    template = {"name": f"own {mark}", "values": {"HeartbeatInterval": "300"}}
    made = await asking.post("/configuration-templates", json=template)
    own["template_id"] = made.json()["template_id"]
    made = await asking.post("/tariffs", json={"name": f"own {mark}", "tariff": TARIFF})
    own["tariff_id"] = made.json()["tariff_id"]
    async with odd_station(run.ocpp_url, own["station_id"]) as station:
        stop = station_call("StopTransaction") | {"transactionId": _UNKNOWN_TRANSACTION}
        await station.send("StopTransaction", stop)
        # Not what the other tenant's stations are.
        boot = {"chargePointVendor": "Own", "chargePointModel": "Own", "firmwareVersion": "Own"}
        await station.send("BootNotification", station_call("BootNotification") | boot)
        own["item_id"] = (await _listed(asking, "/quarantine"))[0]["id"]
        own["transaction_id"] = str((await _listed(asking, "/transactions"))[0]["transaction_id"])
        yield own


async def _listed(asking: httpx.AsyncClient, path: str) -> list[dict[str, Any]]:
    async def read() -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (await asking.get(path)).json()["items"]
        return items

    return await eventually(read, bool, 60)
