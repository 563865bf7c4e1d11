"""A certificate chain is checked before it is sent: against what the station takes."""

from typing import Any

from command_api.ports import Services
from csms_shared.broker.topology import STATION_REGISTRY
from csms_shared.contracts.refusals import refuse
from csms_shared.ocpp.certificate_chains import MAX_CHAIN_KEY, longest_chain


async def check_certificate_chain(
    services: Services, station_id: str, action: str, payload: dict[str, Any]
) -> None:
    """Check a valid CertificateSigned; anything else passes unasked.

    Raises:
        ProblemRaised: 422, longer than CertificateSignedMaxChainSize (security whitepaper, 7.3).
        ServiceAway: the registry does not answer.
    """
    if action != "CertificateSigned":
        return
    values = await services.ask(
        STATION_REGISTRY,
        "configuration.values",
        {"station_id": station_id, "keys": [MAX_CHAIN_KEY]},
    )
    most, chars = longest_chain(values.get(MAX_CHAIN_KEY)), len(payload["certificateChain"])
    if chars > most:
        raise refuse(
            422,
            "certificate_chain_too_long",
            f"the chain has {chars} characters, the station takes {most} ({MAX_CHAIN_KEY})",
            ("/certificateChain", f"must have at most {most} characters"),
        )
