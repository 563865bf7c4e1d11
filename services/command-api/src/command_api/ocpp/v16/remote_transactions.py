"""RemoteStartTransaction and RemoteStopTransaction (OCPP 1.6, 5.11 and 5.12)."""

from dataclasses import replace
from typing import Any

from command_api.commands.domain.preparation import AskedCommand, Prepared
from command_api.commands.domain.remote_starts import AwaitedStart
from command_api.ocpp.preparing import Known, valid_payload
from command_api.ocpp.v16.charging_profiles import check_charging_profile
from command_api.ports import Services
from csms_shared.broker.topology import SESSION_SERVICE
from csms_shared.contracts.refusals import refuse
from csms_shared.values.id_tokens import token_key
from csms_shared.values.numbers import as_integer
from csms_shared.values.texts import storable


async def prepare_remote_start(asked: AskedCommand, known: Known) -> Prepared:
    """Prepare a start, with the charging profile that it may carry.

    Raises:
        ProblemRaised: 422, the payload or the profile is not valid.
        ServiceAway: the registry has to be asked and does not answer.
    """
    payload = valid_payload(asked)
    await check_charging_profile(known.services, asked, payload)
    return Prepared(payload, awaited_start(payload))


def awaited_start(payload: dict[str, Any]) -> AwaitedStart:
    """Return the start that a valid RemoteStartTransaction asks for."""
    return AwaitedStart(token_key(storable(payload["idTag"])), payload.get("connectorId"))


async def prepare_remote_stop(asked: AskedCommand, known: Known) -> Prepared:
    """Prepare a stop; with a connector alone it is of the open transaction there.

    Raises:
        ProblemRaised: 422, the payload is not valid; 409, there is no open transaction.
        ServiceAway: session-service has to be asked and does not answer.
    """
    if set(asked.payload) == {"connectorId"}:
        transaction_id = await _open_transaction(known.services, asked)
        asked = replace(asked, payload={"transactionId": transaction_id})
    return Prepared(valid_payload(asked))


async def _open_transaction(services: Services, asked: AskedCommand) -> int:
    connector_id = as_integer(asked.payload["connectorId"])
    if connector_id is None:
        raise refuse(
            422,
            "payload_invalid",
            "connectorId must be an integer",
            ("/connectorId", "must be an integer"),
        )
    found = await services.ask(
        SESSION_SERVICE, "transactions.open", {"station_id": asked.station_id}
    )
    transaction_id = found.get(str(connector_id))
    if transaction_id is None:
        raise refuse(
            409,
            "no_open_transaction",
            f"connector {connector_id} of {asked.station_id} has no open transaction",
        )
    return int(transaction_id)
