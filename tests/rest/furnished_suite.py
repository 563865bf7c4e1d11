"""One of each thing that REST knows, so that requests find something."""

import asyncio
import contextlib
import dataclasses
import itertools
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import httpx
from websockets.exceptions import InvalidStatus

from csms_local.run_state import RunState
from csms_simulator.certificates import Authority
from csms_simulator.operator import Operator
from tests.conformance.played_station import at, connected
from tests.extremes.odd_station import OddStation, odd_station
from tests.extremes.valid_payloads import station_call
from tests.integration.waiting import eventually

Item = dict[str, Any]
Name = str | int
Role = Literal["admin", "viewer"]

PASSWORD = "long enough"
_PROFILE = {
    "chargingProfileId": 1,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Absolute",
    "chargingSchedule": {
        "chargingRateUnit": "A",
        "startSchedule": "2026-01-01T00:00:00Z",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0}],
    },
}
TARIFF = {
    "currency": "EUR",
    "elements": [
        {"price_components": [{"type": "ENERGY", "price": 0.45, "vat": 19, "step_size": 1}]}
    ],
}
_REPORTS_EVERY_S = 0.2
_UNKNOWN_TRANSACTION = 1_000_000_000
# Of the away station, for days.
_HELD, _HELD_FOR_MANY = "GetLocalListVersion", "ClearCache"
_FIRMWARE = "https://firmware.example/2.0.bin"


@dataclasses.dataclass(frozen=True, slots=True)
class Furniture:
    """What is there, by the names that path parameters have for it.

    `changed` are those that may be changed, where they are not the same as those that are read:
    a station that is away, and not the one that answers every command while requests are sent.
    `trusting` is a station that has a root certificate until it is told to delete it, and that
    reports all the time. `billed` is one that has charged twice: one bill was sent on, the other
    is kept back. `unfinished` is the transaction of what is in quarantine. `spare` may be deleted.
    `user` may log in with `PASSWORD`. Requests are sent with the API key `key`, of id `key_id`;
    `admin` is the first administrator.
    """

    known: dict[str, list[Name]]
    changed: dict[str, list[Name]]
    spare: dict[str, list[Name]]
    trusting: str
    billed: str
    unfinished: Name
    user: str
    admin: str
    key_id: str
    key: str

    @property
    def answering(self) -> str:
        """Return the station that answers."""
        return str(self.known["station_id"][0])

    @property
    def away(self) -> str:
        """Return the station that is away."""
        return str(self.changed["station_id"][0])

    def write(self, file: Path) -> None:
        """Write it as JSON."""
        file.write_text(json.dumps(dataclasses.asdict(self)))


@contextlib.asynccontextmanager
async def furnished(
    run: RunState, operator: Operator, role: Role, *, is_default: bool = True
) -> AsyncIterator[Furniture]:
    """Make one of each thing, and a key of this role; keep the station that answers connected.

    `is_default`: the operator acts for the default tenant, whose stations nobody has to create.
    """
    names = _Names(role)
    is_platform = is_default and role == "admin"
    wanted = {"name": names.of("KEY"), "role": role, "platform": is_platform}
    key = await _posted(operator, "/api-keys", wanted)
    for token in (names.token, names.billed):
        await _posted(operator, "/id-tokens", {"id_token": token})
    for user in (names.of("USER"), names.of("CHANGED")):
        body = {"username": user, "password": PASSWORD, "role": "viewer"}
        await _posted(operator, "/users", body)
    for tenant in names.tenants:
        await _posted(operator, "/tenants", {"tenant_id": tenant, "name": "Tenant"})
    for site in (names.site, names.of("OTHER-SITE")):
        await _posted(operator, "/sites", {"site_id": site, "name": "Site"})
    away = {"station_id": names.away, "registered_serial_number": names.of("SN"),
            "site_id": names.site, "tags": ["tagged"]}  # fmt: skip
    await _posted(operator, "/stations", away)
    for station_id in () if is_default else (names.answering, names.trusting, names.billed):
        await _posted(operator, "/stations", {"station_id": station_id})
    async with odd_station(run.ocpp_url, names.away) as station:
        for meter_stop in range(2):
            unknown = {"transactionId": _UNKNOWN_TRANSACTION, "meterStop": meter_stop}
            await station.send("StopTransaction", {**station_call("StopTransaction"), **unknown})
    async with odd_station(run.ocpp_url, names.billed) as station:
        await _charged(station, names)
    async with (
        odd_station(run.ocpp_url, names.answering) as station,
        _reporting(run.ocpp_url, names.trusting) as trusting,
    ):
        trusting.answers["ReserveNow"] = {"status": "Accepted"}
        await _reported(station)
        await _ordered(operator, names)
        await _refused(run, operator, names)
        yield Furniture(
            known=await _found(operator, names),
            changed={
                "station_id": [names.away],
                "site_id": [names.of("OTHER-SITE")],
                "username": [names.of("CHANGED")],
                "tenant_id": [names.tenants[1]],
                "transaction_id": await _open_transactions(operator, names.trusting),
                "reservation_id": await _ids(
                    operator, "/reservations", "reservation_id", station_id=names.trusting
                ),
                "command_id": await _ids(
                    operator, "/commands", "command_id", station_id=names.away, action=_HELD
                ),
                "command_group_id": await _ids(
                    operator, "/command-groups", "command_group_id", action=_HELD_FOR_MANY
                ),
            },
            spare={"tariff_id": await _ids(operator, "/tariffs", "tariff_id", q=names.of("SPARE"))},
            trusting=names.trusting,
            billed=names.billed,
            unfinished=(await _open_transactions(operator, names.away))[0],
            user=names.of("USER"),
            admin=run.admin_username,
            key_id=key["id"],
            key=key["key"],
        )


@dataclasses.dataclass(frozen=True, slots=True)
class _Names:
    """Names that another role's things do not have."""

    role: Role

    def of(self, thing: str) -> str:
        return f"{thing}-{self.role}"

    @property
    def answering(self) -> str:
        return self.of("ANSWERING")

    @property
    def away(self) -> str:
        return self.of("AWAY")

    @property
    def trusting(self) -> str:
        return self.of("TRUSTING")

    @property
    def billed(self) -> str:
        """Return a station, and the token that charges there."""
        return self.of("BILLED")

    @property
    def site(self) -> str:
        return self.of("SITE")

    @property
    def tenants(self) -> tuple[str, str]:
        """Return one that is read and one that is changed."""
        return f"tenant-{self.role}", f"changed-{self.role}"

    @property
    def token(self) -> str:
        return self.of("TOKEN")


@contextlib.asynccontextmanager
async def _reporting(ocpp_url: str, station_id: str) -> AsyncIterator[OddStation]:
    """Connect a station that has something new to report all the time."""
    async with odd_station(ocpp_url, station_id) as station:
        reporting = asyncio.create_task(_report(station))
        try:
            yield station
        finally:
            reporting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reporting


async def _report(station: OddStation) -> None:
    for status in itertools.cycle(("Charging", "Available")):
        report = {"connectorId": 2, "errorCode": "NoError", "status": status, "timestamp": at()}
        await station.send("StatusNotification", report)
        await asyncio.sleep(_REPORTS_EVERY_S)


async def _reported(station: OddStation) -> None:
    """Have the station say what it may say."""
    for action in ("StatusNotification", "MeterValues", "SecurityEventNotification"):
        await station.send(action, station_call(action))
    await station.send("StopTransaction", station_call("StopTransaction"))


async def _charged(station: OddStation, names: _Names) -> None:
    """Charge for an hour, twice, the second time with a meter that goes backwards."""
    for meter_start in (0, 1_000):
        start = {"connectorId": 1, "idTag": names.billed, "meterStart": meter_start}
        await station.send("StartTransaction", {**start, "timestamp": at(3_600)})


async def _ordered(operator: Operator, names: _Names) -> None:
    """Order what leaves something behind."""
    path = f"/stations/{names.answering}"
    template = {"name": names.of("TEMPLATE"), "values": {"HeartbeatInterval": "300"},
                "station_ids": [names.away]}  # fmt: skip
    await _posted(operator, "/configuration-templates", template)
    for name in (names.answering, names.trusting):
        reservation = {"station_id": name, "connector_id": 1, "id_token": names.token,
                       "expires_at": "2099-01-01T00:00:00Z"}  # fmt: skip
        await _posted(operator, "/reservations", reservation)
    tariff = await _posted(operator, "/tariffs", {"name": names.of("TARIFF"), "tariff": TARIFF})
    # One that nothing is billed by.
    await _posted(operator, "/tariffs", {"name": names.of("SPARE"), "tariff": TARIFF})
    for target in ({"tag": names.of("TAG")}, {"id_token": names.billed}):
        assigned = {"tariff_id": tariff["tariff_id"], **target}
        await _posted(operator, "/tariff-assignments", assigned)
    for number in range(2):
        group = {"action": "Reset", "payload": {"type": "Soft"},
                 "to": {"station_ids": [names.away]}}  # fmt: skip
        await _posted(operator, "/command-groups", group)
        rollout = {"name": f"rest {number}", "location": _FIRMWARE, "station_ids": [names.away]}
        await _posted(operator, "/firmware-rollouts", rollout)
    # What waits, and can be cancelled.
    until = (datetime.now(UTC) + timedelta(days=6)).strftime("%Y-%m-%dT%H:%M:%SZ")
    held = f"/stations/{names.away}/commands/{_HELD}?wait=0&hold_until={until}"
    await _posted(operator, held, {})
    group = {"action": _HELD_FOR_MANY, "payload": {}, "hold_until": until,
             "to": {"station_ids": [names.away]}}  # fmt: skip
    await _posted(operator, "/command-groups", group)
    await _posted(operator, "/events/replays", {"after": 0, "types": ["nothing"]})
    await _posted(operator, f"{path}/configuration/refresh", {})
    job = await _posted(operator, f"{path}/diagnostics-jobs", {})
    async with httpx.AsyncClient(trust_env=False) as http:
        place = job["location"]
        upload = await http.put(f"{place}diagnostics.zip", content=b"zip")
    assert upload.status_code == 201, upload.text
    for name in (names.answering, names.away):
        kept = await operator.http.put(f"/stations/{name}/local-list", json={})
        assert kept.status_code == 200, kept.text
    authority = Authority("Operator")
    root = authority.pem.decode()
    chain = authority.station(names.answering).pem.decode() + root
    set_ = {"connectorId": 1, "csChargingProfiles": _PROFILE}
    install = {"certificateType": "CentralSystemRootCertificate", "certificate": root}
    for station_id, action, payload in (
        (names.answering, "SetChargingProfile", set_),
        (names.answering, "CertificateSigned", {"certificateChain": chain}),
        (names.trusting, "InstallCertificate", install),
    ):
        command = await operator.command(station_id, action, payload)
        assert command["status"] == "completed", command


async def _refused(run: RunState, operator: Operator, names: _Names) -> None:
    """Let a station connect with a password that is not its own."""
    locked = names.of("LOCKED")
    body = {"station_id": locked, "password": PASSWORD, "security_profile": 1}
    await _posted(operator, "/stations", body)
    with contextlib.suppress(InvalidStatus):
        async with connected(run.ocpp_url, locked, password="a wrong one"):
            raise AssertionError("it was let in")


async def _found(operator: Operator, names: _Names) -> dict[str, list[Name]]:
    """Wait until each thing is listed, and return its names."""
    of_station = {"station_id": names.answering}
    jobs = await _listed(operator, "/jobs", **of_station)
    (upload,) = (await operator.get(f"/jobs/{jobs[0]['job_id']}"))["uploads"]
    found = {
        "station_id": [names.answering],
        "site_id": [names.site],
        "tenant_id": [names.tenants[0]],
        "id_token": [names.token],
        "username": [names.of("USER")],
        "job_id": [jobs[0]["job_id"]],
        "upload_id": [upload["upload_id"]],
        "transaction_id": await _open_transactions(operator, names.answering),
        "template_id": await _ids(operator, "/configuration-templates", "template_id"),
        "reservation_id": await _ids(operator, "/reservations", "reservation_id", **of_station),
        "rollout_id": await _ids(operator, "/firmware-rollouts", "rollout_id"),
        "replay_id": await _ids(operator, "/events/replays", "replay_id"),
        "tariff_id": await _ids(operator, "/tariffs", "tariff_id", q=names.of("TARIFF")),
        "assignment_id": await _ids(
            operator, "/tariff-assignments", "assignment_id", tag=names.of("TAG")
        ),
        "bill_id": await _ids(
            operator, "/bills", "bill_id", station_id=names.billed, status="review"
        ),
        "cdr_id": await _ids(operator, "/bills", "cdr_id", station_id=names.billed, status="final"),
        "command_group_id": await _ids(operator, "/command-groups", "command_group_id"),
        "command_id": await _ids(operator, "/commands", "command_id", **of_station),
        "refusal_id": await _ids(operator, "/refusals", "id", station_id=names.of("LOCKED")),
        "item_id": await _ids(operator, "/quarantine", "id", station_id=names.away),
        "certificate_id": await _ids(operator, "/certificates", "certificate_id", **of_station),
    }
    installed = await operator.get(f"/stations/{names.trusting}/certificates")
    found["serial_number"] = [one["serial_number"] for one in installed["installed"]]
    await _listed(operator, f"/stations/{names.answering}/charging-profiles")
    await _listed(operator, "/security-events", **of_station)
    return found


async def _ids(operator: Operator, path: str, field: str, **query: str) -> list[Name]:
    return [item[field] for item in await _listed(operator, path, **query)]


async def _open_transactions(operator: Operator, station_id: str) -> list[Name]:
    active = {"station_id": station_id, "status": "active"}
    return await _ids(operator, "/transactions", "transaction_id", **active)


async def _listed(operator: Operator, path: str, **query: str) -> list[Item]:
    async def read() -> list[Item]:
        return await operator.items(path, **query)

    return await eventually(read, bool, 60.0)


async def _posted(operator: Operator, path: str, body: Item) -> Item:
    answer = await operator.http.post(path, json=body)
    assert answer.status_code in (201, 202), f"{path}: {answer.status_code} {answer.text}"
    made: Item = answer.json()
    return made
