"""A certificate chain that the station does not take is refused before it is sent."""

from typing import Any

import pytest

from command_api.commands.handlers.chain_checks import check_certificate_chain
from csms_shared.contracts.refusals import ProblemRaised


class Registry:
    """Knows the values of a station's configuration."""

    def __init__(self, **values: str) -> None:
        self.values = values
        self.asked: list[str] = []

    async def ask(self, service: str, operation: str, parameters: dict[str, Any]) -> Any:
        self.asked.append(operation)
        assert parameters["keys"] == ["CertificateSignedMaxChainSize"]
        return self.values


async def check(registry: Registry, chars: int, action: str = "CertificateSigned") -> None:
    payload = {"certificateChain": "x" * chars}
    await check_certificate_chain(registry, "A", action, payload)


async def test_a_chain_that_the_station_takes_passes_and_a_longer_one_is_refused() -> None:
    registry = Registry(CertificateSignedMaxChainSize="2000")
    await check(registry, 2000)
    with pytest.raises(ProblemRaised) as refused:
        await check(registry, 2001)
    problem = refused.value.problem
    assert (problem.status, problem.code) == (422, "certificate_chain_too_long")
    assert [one.field for one in problem.errors] == ["/certificateChain"]


async def test_what_is_not_known_of_the_station_limits_nothing() -> None:
    await check(Registry(), 10_000)


async def test_other_commands_pass_unasked() -> None:
    registry = Registry(CertificateSignedMaxChainSize="1")
    await check(registry, 9, "InstallCertificate")
    assert registry.asked == []
