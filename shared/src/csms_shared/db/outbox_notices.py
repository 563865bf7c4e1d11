"""What operators are told of destinations that refuse: of an exchange at most once a minute."""

from csms_shared.db.outbox_messages import Destination
from csms_shared.observability.system_notices import MINUTE_S, Notice, Tell
from csms_shared.values.levels import Level

# What tells of refusals may be refused too.
_ABOUT_REFUSALS = "system.destination_"


def tell_refusing(tell: Tell, destination: Destination) -> None:
    """Tell that a queue does not take what is published there."""
    if destination.routing_key.startswith(_ABOUT_REFUSALS):
        return
    exchange, key = destination
    tell(
        Notice(
            "system.destination_refusing",
            exchange,
            Level.WARNING,
            f"A queue at {exchange} does not take {key}.",
            {"exchange": exchange, "routing_key": key},
            MINUTE_S,
        )
    )


def tell_recovered(tell: Tell, destination: Destination, refused_s: float) -> None:
    """Tell that what is published there is taken again."""
    if destination.routing_key.startswith(_ABOUT_REFUSALS):
        return
    exchange, key = destination
    tell(
        Notice(
            "system.destination_recovered",
            exchange,
            Level.INFO,
            f"The queues at {exchange} take {key} again.",
            {"exchange": exchange, "routing_key": key, "refused_s": round(refused_s, 1)},
            MINUTE_S,
        )
    )
