"""A gateway's side: what it does by itself, and on what arrives."""

from collections.abc import Iterable

from tests.models.ownership.state import (
    Claim,
    ClaimReply,
    Gateway,
    Held,
    Incarnation,
    Pending,
    Reassertion,
    ReassertionReply,
    Release,
    Renewal,
    RenewalReply,
    Rules,
    Superseded,
    ToGateway,
    ToRegistry,
)

Sent = tuple[ToRegistry, ...]


def connect(gateway: Gateway, incarnation: Incarnation, connection: int) -> tuple[Gateway, Sent]:
    """Take a handshake: claim."""
    pending = (*gateway.pending, Pending(connection))
    return gateway._replace(pending=pending), (Claim(incarnation, connection),)


def disconnect(gateway: Gateway, held: Held, rules: Rules) -> tuple[Gateway, Sent]:
    """Let go of a connection whose socket ended."""
    after = _without(gateway, held.connection)
    kept = rules.releases_are_kept_until_stored
    return after, (Release(held.connection, held.epoch),) if kept else ()


def give_up(gateway: Gateway, pending: Pending) -> Gateway:
    """Refuse the handshake: the claim was not answered in time, or the station has gone."""
    given_up = pending._replace(given_up=True)
    return gateway._replace(
        pending=tuple(given_up if each == pending else each for each in gateway.pending)
    )


def forget(gateway: Gateway, pending: Pending, rules: Rules) -> tuple[Gateway, Sent]:
    """Stop waiting for the answer to a claim that was given up: release what it may have got."""
    after = gateway._replace(pending=tuple(p for p in gateway.pending if p != pending))
    released = rules.unanswered_claims_are_released
    return after, (Release(pending.connection, 0),) if released else ()


def ask_for_lease(gateway: Gateway, incarnation: Incarnation) -> tuple[Gateway, Sent]:
    """Renew the lease."""
    ask = gateway.asks + 1
    return gateway._replace(asks=ask, asked=ask), (Renewal(incarnation, ask),)


def verify(gateway: Gateway, incarnation: Incarnation) -> tuple[Gateway, Sent]:
    """Re-assert what is held."""
    if not gateway.held:
        return gateway, ()
    ask = gateway.asks + 1
    return (
        gateway._replace(asks=ask, pages=(*gateway.pages, ask)),
        (Reassertion(incarnation, ask, gateway.held),),
    )


def lose(gateway: Gateway, incarnation: Incarnation) -> tuple[Gateway, Sent]:
    """Own nothing of what is held until the registry has given it back: re-assert it.

    An answer to what was asked before gives nothing back: the loss may have come after it.
    """
    due = gateway.held[0].connection if gateway.held else 0
    return verify(gateway._replace(due=due, pages=()), incarnation)


def owns(gateway: Gateway, held: Held) -> bool:
    """Tell whether the gateway acts as the owner of this connection."""
    return gateway.confirmed and gateway.due != held.connection


def renew_incarnation(gateway: Gateway, number: int) -> tuple[Gateway, Sent]:
    """Go on under another name: the queue of the present one is lost."""
    life = gateway.life + 1
    return lose(gateway._replace(life=life, confirmed=False, asked=0), (number, life))


def restart(gateway: Gateway) -> Gateway:
    """Start a new process in the place of one that died."""
    return Gateway(life=gateway.life + 1, asks=gateway.asks)


def take(
    gateway: Gateway, incarnation: Incarnation, message: ToGateway, rules: Rules
) -> tuple[Gateway, Sent]:
    """Take a message from the gateway's own queue."""
    match message:
        case ClaimReply():
            return _claim_answered(gateway, message, rules)
        case Superseded():
            return _superseded(gateway, message, rules), ()
        case RenewalReply() if message.ask == gateway.asked:
            return _lease_answered(gateway, incarnation, message)
        case ReassertionReply():
            kept = tuple(h for h in gateway.held if h.connection not in message.superseded)
            after = gateway._replace(held=kept)
            if message.ask not in gateway.pages:
                return after, ()
            pages = tuple(page for page in gateway.pages if page != message.ask)
            return after._replace(due=0, pages=pages), ()
        case _:
            return gateway, ()


def hear_of_given_up_claims(gateway: Gateway, messages: Iterable[ToGateway]) -> Gateway:
    """Learn the epochs that claims were given which nobody waits for any more."""
    given_up = {pending.connection for pending in gateway.pending if pending.given_up}
    pending = gateway.pending
    for message in messages:
        if isinstance(message, ClaimReply) and message.connection in given_up:
            pending = _told(pending, message.epoch)
    return gateway._replace(pending=pending)


def _claim_answered(gateway: Gateway, reply: ClaimReply, rules: Rules) -> tuple[Gateway, Sent]:
    pending = next((p for p in gateway.pending if p.connection == reply.connection), None)
    if pending is None:
        return gateway, ()
    after = gateway._replace(pending=tuple(p for p in gateway.pending if p != pending))
    if pending.given_up:
        return after, (Release(reply.connection, reply.epoch),)
    if rules.controls_wait_for_pending_claims:
        after = after._replace(pending=_told(after.pending, reply.epoch))
    if pending.learnt > reply.epoch:
        return after, ()
    return _open(after, Held(reply.connection, reply.epoch)), ()


def _open(gateway: Gateway, new: Held) -> Gateway:
    """Hold a connection; of two of one station the older is closed."""
    newest = max((*gateway.held, new), key=lambda held: held.epoch)
    return gateway._replace(held=(newest,), learnt=max(gateway.learnt, newest.epoch))


def _superseded(gateway: Gateway, control: Superseded, rules: Rules) -> Gateway:
    pending = gateway.pending
    if rules.controls_wait_for_pending_claims:
        pending = _told(pending, control.epoch)
    return gateway._replace(
        held=tuple(held for held in gateway.held if held.epoch >= control.epoch),
        pending=pending,
        learnt=max(gateway.learnt, control.epoch),
    )


def _told(pending: tuple[Pending, ...], epoch: int) -> tuple[Pending, ...]:
    return tuple(p._replace(learnt=max(p.learnt, epoch)) for p in pending)


def _lease_answered(
    gateway: Gateway, incarnation: Incarnation, reply: RenewalReply
) -> tuple[Gateway, Sent]:
    # Its own clock lets a lease run out no later than the registry's: `confirmed` is false then.
    is_lost = not reply.confirmed or not gateway.confirmed
    after = gateway._replace(asked=0, confirmed=True)
    return lose(after, incarnation) if is_lost else (after, ())


def _without(gateway: Gateway, connection: int) -> Gateway:
    return gateway._replace(
        held=tuple(held for held in gateway.held if held.connection != connection)
    )
