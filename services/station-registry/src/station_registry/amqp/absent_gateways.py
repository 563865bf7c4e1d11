"""Which gateways do not listen to the broker: nothing that they are told arrives."""

from collections.abc import Iterable

from csms_shared.broker.attendance import unattended
from csms_shared.broker.errors import BrokerUnavailable
from csms_shared.broker.link import Link
from csms_shared.broker.topology import gateway_queue
from csms_shared.runtime.errors import Unavailable


async def absent_gateways(link: Link, gateway_ids: Iterable[str]) -> set[str]:
    """Return those of these gateways whose queue nobody consumes.

    Raises:
        Unavailable: the broker did not say.
    """
    queues = {gateway_queue(gateway_id).name: gateway_id for gateway_id in gateway_ids}
    try:
        return {queues[name] for name in await unattended(link, queues)}
    except BrokerUnavailable as error:
        raise Unavailable(str(error)) from error
