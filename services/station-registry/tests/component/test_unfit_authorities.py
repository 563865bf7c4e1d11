"""While the authority can't sign, stations are told so, and so is whoever looks."""

import asyncio
import contextlib
import shutil
from pathlib import Path
from typing import Any

import pytest
from asking_station import PASSPHRASE, Ordering, request_of
from authorities import FIT, UNFIT, write
from cryptography.hazmat.primitives.asymmetric import ec

from csms_shared.broker.topology import STATION_REGISTRY
from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.service.owning_service import opened
from station_registry.certificates.handlers.built_in_authority import BuiltInAuthority, signing_now
from station_registry.certificates.handlers.expiry import watch_expiry
from station_registry.certificates.handlers.signers import Signed, SignerAway
from station_registry.certificates.handlers.signing import CertificateSigning
from station_registry.certificates.store.certificates import Source
from station_registry.process import station_registry
from station_registry.settings import RegistrySettings


async def warnings(ordering: Ordering) -> dict[str, str]:
    found: dict[str, str] = (await ordering.registry.request("fleet.status")).warnings
    return found


@pytest.mark.parametrize("name", ["no key usage", "ended", "another key"])
async def test_a_request_is_rejected_while_the_authority_can_not_sign(
    ordering: Ordering, key: ec.EllipticCurvePrivateKey, tmp_path: Path, name: str
) -> None:
    unfit, said = UNFIT[name]
    write(tmp_path / "ca", unfit, PASSPHRASE)
    assert await ordering.ask(request_of(key)) == "Rejected"
    (request,) = (await ordering.view()).requests
    assert (request.status, request.problem) == ("rejected", "authority_unusable")
    assert said in (request.detail or "")
    page = await ordering.registry.request("security_events.list", station_id="A")
    assert [one.detail for one in page.items] == [f"authority_unusable: {request.detail}"]
    assert await warnings(ordering) == {"certificate_authority": request.detail}
    for operation in ("certificate_authority.get", "certificate_authority.crl"):
        with pytest.raises(ProblemRaised) as refused:
            await ordering.registry.request(operation)
        problem = refused.value.problem
        assert (problem.status, problem.code) == (503, "authority_unusable")
        assert problem.detail == request.detail

    write(tmp_path / "ca", FIT["a root"], PASSPHRASE)
    assert await warnings(ordering) == {}
    assert await ordering.ask(request_of(key)) == "Accepted"
    assert await ordering.signing.sign_due()
    assert len(await ordering.orders()) == 1


async def test_an_authority_that_was_fit_is_looked_at_again_when_its_files_are_replaced(
    ordering: Ordering, key: ec.EllipticCurvePrivateKey, tmp_path: Path
) -> None:
    assert (await ordering.registry.request("certificate_authority.get")).fingerprint
    assert await warnings(ordering) == {}
    write(tmp_path / "ca", UNFIT["signs no certificates"][0], PASSPHRASE)
    assert await ordering.ask(request_of(key)) == "Rejected"
    shutil.rmtree(tmp_path / "ca")
    assert await ordering.ask(request_of(key)) == "Rejected"
    (missing, _) = (await ordering.view()).requests
    assert "ca.pem is missing, but an authority exists" in (missing.detail or "")


async def test_an_authority_that_is_still_to_be_made_can_be(
    ordering: Ordering, key: ec.EllipticCurvePrivateKey, tmp_path: Path
) -> None:
    assert await warnings(ordering) == {}
    assert not (tmp_path / "ca").exists()
    (tmp_path / "file").touch()
    ordering.registry.authority = BuiltInAuthority(tmp_path / "file", PASSPHRASE, "Operator", 365)
    assert await ordering.ask(request_of(key)) == "Rejected"
    (request,) = (await ordering.view()).requests
    # Nothing that is told names a place on the machine.
    assert request.detail is not None
    assert str(tmp_path) not in request.detail


async def test_an_authority_is_looked_at_from_the_start_on(
    ordering: Ordering, tmp_path: Path
) -> None:
    authority = ordering.registry.authority
    assert authority is not None
    write(tmp_path / "ca", UNFIT["no key usage"][0], PASSPHRASE)
    watching = asyncio.create_task(authority.watch(ordering.registry.engine))
    try:
        async with asyncio.timeout(30):
            while not authority.warnings:
                await asyncio.sleep(0.01)
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
    assert "keyUsage is missing" in authority.warnings["certificate_authority"]


async def test_a_process_that_can_not_sign_warns_of_it_and_does_all_else(
    broker_url: str, registry_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, UNFIT["no key usage"][0], PASSPHRASE)
    for name, value in {
        "BROKER_URL": broker_url,
        "DATABASE_URL": registry_url,
        "PROBE_PORT": "0",
        "OPERATOR_NAME": "Operator",
        "CA_FOLDER": str(tmp_path),
        "CA_PASSPHRASE": PASSPHRASE,
    }.items():
        monkeypatch.setenv(f"CSMS_{name}", value)
    stop = asyncio.Event()
    async with opened(STATION_REGISTRY, RegistrySettings(), station_registry) as running:
        task = asyncio.create_task(running.run(stop))
        async with asyncio.timeout(60):
            while not running.warnings() or await running.missing():
                await asyncio.sleep(0.05)
        assert running.warnings() == {
            "certificate_authority": "the certificate authority can't be used: "
            "its certificate: keyUsage is missing"
        }
        stop.set()
        await task


async def test_nobody_is_asked_to_renew_what_can_not_be_signed(
    ordering: Ordering, key: ec.EllipticCurvePrivateKey, tmp_path: Path
) -> None:
    await ordering.ask(request_of(key))
    await ordering.signing.sign_due()
    (order,) = await ordering.orders()
    await ordering.complete(order, response={"status": "Accepted"})
    await ordering.registry.query(
        "UPDATE certificate SET not_after = now() + interval '29 days', "
        "not_before = now() - interval '30 days'"
    )
    registry = ordering.registry
    task = watch_expiry(30, signing_now(registry.signing, registry.authority))

    async def triggers() -> list[dict[str, Any]]:
        async with registry.engine.begin() as connection:
            await task.work(connection)
        return [one for one in await ordering.orders() if one["action"] != "CertificateSigned"]

    write(tmp_path / "ca", UNFIT["ended"][0], PASSPHRASE)
    assert await triggers() == []
    write(tmp_path / "ca", FIT["a root"], PASSPHRASE)
    assert [one["action"] for one in await triggers()] == ["ExtendedTriggerMessage"]


class AwaySigner:
    """An external signer that does not answer."""

    source: Source = "external"

    async def sign(self, *_: object) -> Signed:
        raise SignerAway("the signer does not answer: no route")


async def test_requests_that_an_external_signer_puts_off_are_told(
    ordering: Ordering, key: ec.EllipticCurvePrivateKey
) -> None:
    ordering.registry.authority = None
    await ordering.ask(request_of(key))
    assert await warnings(ordering) == {}
    await CertificateSigning(ordering.registry.engine, AwaySigner()).sign_due()
    assert await warnings(ordering) == {
        "certificate_signer": "1 requests for certificates wait: "
        "the signer does not answer: no route"
    }
