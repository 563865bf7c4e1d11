"""Task: give a station a certificate of its own, look at it, and revoke it."""

import secrets

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from playwright.async_api import expect

from csms_local.run_state import RunState
from csms_simulator.answer import Answer
from csms_simulator.bare_station import BareStation
from csms_simulator.certificates import certificate_request, organization_of
from csms_simulator.operator import Operator
from csms_simulator.settings import StationSettings
from csms_simulator.station import SimulatedStation
from csms_simulator.wire import Payload
from tests.console.conftest import Viewing
from tests.console.tasks.conftest import Hands
from tests.console.tasks.steps import find_station, part, title_is

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_certificate_that_a_station_asked_for_is_looked_at_and_revoked(
    as_role: Viewing, hands: Hands, operator: Operator, run: RunState
) -> None:
    station_id, password = f"certified-{secrets.token_hex(4)}", secrets.token_hex(20)
    await operator.post(
        "/stations", {"station_id": station_id, "security_profile": 1, "password": password}
    )
    authority = await operator.get("/certificate-authority")
    key = ec.generate_private_key(ec.SECP256R1())
    csr = certificate_request(key, station_id, organization_of(authority["certificates"]))

    async def asked_to_renew(station: BareStation, request: Payload) -> Answer:
        async def ask() -> None:
            await station.call("SignCertificate", {"csr": csr})

        return Answer({"status": "Accepted"}, ask)

    async def take(station: BareStation, request: Payload) -> Answer:
        return Answer({"status": "Accepted"})

    async with (
        SimulatedStation(
            station_id,
            run.ocpp_url,
            settings=StationSettings(password=password.encode()),
            handlers={"ExtendedTriggerMessage": asked_to_renew, "CertificateSigned": take},
        ) as station,
        as_role("admin") as viewer,
    ):
        await station.wait_accepted(60)
        page = viewer.page
        hand = hands(page)
        main = page.get_by_role("main")
        await viewer.open()
        await find_station(hand, page, station_id)
        await hand.press(main.get_by_role("link", name="Certificates"))
        own = part(page, "Certificates of the station")
        await expect(own).to_contain_text("No certificate was issued for this station")
        await hand.press(own.get_by_role("link", name="Have it ask for a new one"))
        await hand.press(main.get_by_role("button", name="Send ExtendedTriggerMessage"))
        await expect(part(page, "What became of it")).to_contain_text("Accepted")
        await page.go_back()
        row = own.get_by_role("table").get_by_role("row", name=station_id)
        await expect(row).to_contain_text("installed")
        await expect(part(page, "Requests")).to_contain_text("installed")
        await viewer.require_accessible()

        (kept,) = await operator.items("/certificates", station_id=station_id)
        serial = kept["serial_number"]
        await hand.press(
            page.get_by_role("navigation", name="Pages").get_by_role("link", name="Certificates")
        )
        await title_is(page, "Certificates")
        await hand.search(main.get_by_role("searchbox", name="Station"), station_id)
        listed = main.get_by_role("row", name=station_id)
        await expect(listed).to_have_count(1)
        await expect(part(page, "Built-in authority")).to_contain_text(authority["fingerprint"])
        await viewer.require_accessible()
        await hand.press(listed.get_by_role("link", name=serial))

        await title_is(page, f"Certificate of {station_id}")
        await expect(page.locator("h1 ~ .state")).to_have_text("installed")
        said = part(page, "What it says")
        for text in (serial, f"CN={station_id}", "the built-in authority"):
            await expect(said).to_contain_text(text)
        shown = await part(page, "Certificate (PEM)").locator("pre").inner_text()
        read = x509.load_pem_x509_certificate(shown.encode())
        assert read.public_key() == key.public_key()
        assert f"{read.serial_number:x}" == serial.lower().lstrip("0")
        await viewer.require_accessible()

        await hand.press(main.get_by_role("button", name="Revoke"))
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_contain_text(serial)
        await viewer.require_accessible()
        await hand.choose(dialog.get_by_label("Reason"), "key_compromise")
        await hand.press(dialog.get_by_role("button", name="Revoke"))
        await expect(page.locator("h1 ~ .state")).to_have_text("revoked")
        await expect(said).to_contain_text("key compromise")
        await expect(main.get_by_role("button", name="Revoke")).to_have_count(0)
        await viewer.require_accessible()
        crl = await operator.http.get("/certificate-authority/crl")
        revoked = x509.load_pem_x509_crl(crl.content)
        assert revoked.get_revoked_certificate_by_serial_number(read.serial_number) is not None

        await viewer.open(f"certificates?station_id={station_id}&revoked=true")
        await expect(main.get_by_role("row", name=station_id)).to_contain_text("revoked")
        await expect(main.get_by_role("button", name="Revoke")).to_have_count(0)
