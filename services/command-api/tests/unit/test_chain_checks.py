"""A certificate chain that the station does not take is refused before it is sent."""

from typing import Any

from command_api.commands.domain.preparation import AskedCommand, Prepared, Refusal
from command_api.ocpp.preparations import Preparations
from csms_shared.ocpp.versions import OCPP16


class Registry:
    """Knows the values of a station's configuration."""

    def __init__(self, **values: str) -> None:
        self.values = values
        self.asked: list[str] = []

    async def ask(self, service: str, operation: str, parameters: dict[str, Any]) -> dict[str, str]:
        self.asked.append(operation)
        assert parameters["keys"] == ["CertificateSignedMaxChainSize"]
        return self.values


async def prepared(
    registry: Registry, payload: dict[str, Any], action: str = "CertificateSigned"
) -> Prepared | Refusal:
    asked = AskedCommand("A", OCPP16, action, payload, held=False)
    return await Preparations(registry, min_password_length=16).prepare(asked)


def chain(chars: int) -> dict[str, Any]:
    return {"certificateChain": "x" * chars}


async def test_a_chain_that_the_station_takes_passes_and_a_longer_one_is_refused() -> None:
    registry = Registry(CertificateSignedMaxChainSize="2000")
    assert await prepared(registry, chain(2000)) == Prepared(chain(2000))
    problem = await prepared(registry, chain(2001))
    assert isinstance(problem, Refusal)
    assert (problem.status, problem.code) == (422, "certificate_chain_too_long")
    assert [one.field for one in problem.errors] == ["/certificateChain"]


async def test_what_is_not_known_of_the_station_limits_nothing() -> None:
    assert await prepared(Registry(), chain(10_000)) == Prepared(chain(10_000))


async def test_other_commands_pass_unasked() -> None:
    registry = Registry(CertificateSignedMaxChainSize="1")
    payload = {"certificateType": "CentralSystemRootCertificate", "certificate": "x" * 9}
    assert await prepared(registry, payload, "InstallCertificate") == Prepared(payload)
    assert registry.asked == []
