"""CertificateSigned: the chain is checked against what the station takes."""

from command_api.commands.domain.preparation import AskedCommand, Prepared
from command_api.ocpp.preparing import Known, valid_payload
from csms_shared.broker.topology import STATION_REGISTRY
from csms_shared.contracts.refusals import refuse
from csms_shared.ocpp.certificate_chains import MAX_CHAIN_KEY, longest_chain


async def prepare_certificate_signed(asked: AskedCommand, known: Known) -> Prepared:
    """Prepare a chain for its station.

    Raises:
        ProblemRaised: 422, longer than CertificateSignedMaxChainSize (security whitepaper, 7.3).
        ServiceAway: the registry does not answer.
    """
    payload = valid_payload(asked)
    values = await known.services.ask(
        STATION_REGISTRY,
        "configuration.values",
        {"station_id": asked.station_id, "keys": [MAX_CHAIN_KEY]},
    )
    most, chars = longest_chain(values.get(MAX_CHAIN_KEY)), len(payload["certificateChain"])
    if chars > most:
        raise refuse(
            422,
            "certificate_chain_too_long",
            f"the chain has {chars} characters, the station takes {most} ({MAX_CHAIN_KEY})",
            ("/certificateChain", f"must have at most {most} characters"),
        )
    return Prepared(payload)
