"""Everything that may happen next, and what happens when nothing goes wrong any more."""

from collections.abc import Iterator

from tests.models.ownership import gateway as gateways
from tests.models.ownership import registry as registries
from tests.models.ownership.state import (
    NOTHING,
    Claim,
    ClaimReply,
    Gateway,
    Incarnation,
    Message,
    ReassertionReply,
    RenewalReply,
    Rules,
    Superseded,
    ToRegistry,
    World,
)

Step = tuple[str, World]
_TO_GATEWAY = (ClaimReply, Superseded, RenewalReply, ReassertionReply)


def steps(world: World, rules: Rules) -> Iterator[Step]:
    """Yield what may happen next: a description, and the world after it."""
    for message in world.network:
        yield from _message_steps(world, message, rules)
    for number, gateway in enumerate(world.gateways):
        yield from _gateway_steps(world, number, gateway, rules)
    if world.registry.owner is not None:
        swept = registries.sweep(world.registry)
        if swept != world.registry:
            yield "the sweep removes the station's connection", world._replace(registry=swept)
    if world.allowed.graces and world.registry.owner is not None:
        graced = world._replace(registry=registries.grant_grace(world.registry))
        yield "the registry was away: a lease of grace", _less(graced, "graces")
    if world.allowed.ends_of_leases:
        for incarnation in sorted(world.registry.leases):
            yield (
                f"the lease of {incarnation} runs out",
                _less(end_lease(world, incarnation), "ends_of_leases"),
            )


def _message_steps(world: World, message: Message, rules: Rules) -> Iterator[Step]:
    yield f"{message} arrives", deliver(world, message, rules)
    if world.allowed.duplicates:
        # It stays under way: the same message arrives once more, at any later time.
        again = deliver(world, message, rules)
        yield (
            f"{message} arrives, to come again",
            _less(again._replace(network=again.network | {message}), "duplicates"),
        )
    if world.allowed.losses and isinstance(message, _TO_GATEWAY):
        yield (
            f"{message} is lost",
            _less(world._replace(network=world.network - {message}), "losses"),
        )


def _gateway_steps(world: World, number: int, gateway: Gateway, rules: Rules) -> Iterator[Step]:
    allowed = world.allowed
    incarnation = (number, gateway.life)
    # The gateways are alike: it is enough that the first connection opens at the first of them.
    if allowed.connections and (world.opened or number == 0):
        connection = world.opened + 1
        after = _put(world, number, *gateways.connect(gateway, incarnation, connection))
        yield (
            f"connection {connection} opens at gateway {number}",
            _less(after._replace(opened=connection), "connections"),
        )
    for held in gateway.held:
        yield (
            f"connection {held.connection} ends",
            _put(world, number, *gateways.disconnect(gateway, held, rules)),
        )
    if allowed.impatience:
        for pending in gateway.pending:
            if not pending.given_up:
                given_up = _put(world, number, gateways.give_up(gateway, pending))
                yield (
                    f"the claim of {pending.connection} is given up",
                    _less(given_up, "impatience"),
                )
        if gateway.asked:
            late = _put(world, number, gateway._replace(asked=0))
            yield f"gateway {number} stops waiting for an answer", _less(late, "impatience")
        if gateway.due and gateway.pages:
            again = _put(world, number, *gateways.verify(gateway, incarnation))
            yield f"gateway {number} re-asserts once more", _less(again, "impatience")
    for pending in gateway.pending:
        if pending.given_up:
            yield (
                f"the claim of {pending.connection} is forgotten",
                forget(world, number, pending.connection, rules),
            )
    if allowed.asks and not gateway.asked:
        asked = gateways.ask_for_lease(gateway, incarnation)
        yield f"gateway {number} renews its lease", _less(_put(world, number, *asked), "asks")
    may_verify = gateway.confirmed and gateway.held and not gateway.pages
    if allowed.asks and may_verify and rules.held_connections_are_verified:
        asked = gateways.verify(gateway, incarnation)
        yield f"gateway {number} verifies", _less(_put(world, number, *asked), "asks")
    if allowed.crashes:
        yield (
            f"gateway {number} dies",
            _less(_put(world, number, gateways.restart(gateway)), "crashes"),
        )
    if allowed.new_incarnations:
        yield (
            f"gateway {number} takes a new incarnation",
            _less(
                _put(world, number, *gateways.renew_incarnation(gateway, number)),
                "new_incarnations",
            ),
        )


def deliver(world: World, message: Message, rules: Rules) -> World:
    """Let one message arrive."""
    world = world._replace(network=world.network - {message})
    if isinstance(message, _TO_GATEWAY):
        number, life = message.to
        gateway = world.gateways[number]
        if gateway.life != life:
            return world
        return _put(world, number, *gateways.take(gateway, message.to, message, rules))
    registry, sent = registries.take(world.registry, message, rules)
    network = world.network | {
        each for each in sent if world.gateways[each.to[0]].life == each.to[1]
    }
    return world._replace(registry=registry, network=network)


def forget(world: World, number: int, connection: int, rules: Rules) -> World:
    """Forget a claim that was given up: its deadline has passed everywhere, it counts no more."""
    gateway = world.gateways[number]
    pending = next(p for p in gateway.pending if p.connection == connection)
    after = _put(world, number, *gateways.forget(gateway, pending, rules))
    return after._replace(
        network=frozenset(
            message
            for message in after.network
            if not (isinstance(message, Claim) and message.connection == connection)
        )
    )


def end_lease(world: World, incarnation: Incarnation) -> World:
    """Let a lease run out, and with it the gateway's own clock, which asked before it began."""
    number, life = incarnation
    gateway = world.gateways[number]
    if gateway.life == life:
        world = _put(world, number, gateway._replace(confirmed=False))
    return world._replace(registry=registries.end_lease(world.registry, incarnation))


def calm(world: World, rules: Rules) -> World:
    """Let everything arrive that is under way, and forget what may still go wrong."""
    return _deliver_all(world._replace(allowed=NOTHING, opened=0), rules)


def settle(world: World, rules: Rules, rounds: int = 4) -> World:
    """Let nothing go wrong any more, and everything that is due happen."""
    for _ in range(rounds):
        before = world
        world = calm(world, rules)
        for number, gateway in enumerate(world.gateways):
            for pending in gateway.pending:
                world = forget(world, number, pending.connection, rules)
        for incarnation in sorted(world.registry.leases):
            if world.gateways[incarnation[0]].life != incarnation[1]:
                world = end_lease(world, incarnation)
        world = world._replace(registry=registries.sweep(world.registry))
        for number in range(len(world.gateways)):
            gateway = world.gateways[number]._replace(asked=0)
            asked = gateways.ask_for_lease(gateway, (number, gateway.life))
            world = _deliver_all(_put(world, number, *asked), rules)
            gateway = world.gateways[number]
            if rules.held_connections_are_verified or gateway.due:
                asked = gateways.verify(gateway, (number, gateway.life))
                world = _deliver_all(_put(world, number, *asked), rules)
            settled = world.gateways[number]._replace(asks=gateway.asks, pages=())
            world = _put(world, number, settled)
        if world == before:
            break
    return world


def _deliver_all(world: World, rules: Rules) -> World:
    while world.network:
        world = deliver(world, min(world.network, key=_in_one_order), rules)
    return world


def _in_one_order(message: Message) -> tuple[str, Message]:
    return type(message).__name__, message


def _put(world: World, number: int, gateway: Gateway, sent: tuple[ToRegistry, ...] = ()) -> World:
    before = world.gateways
    network = world.network | set(sent)
    life = gateway.life
    if before[number].life != life:
        network = frozenset(
            message
            for message in network
            if not (isinstance(message, _TO_GATEWAY) and message.to == (number, life - 1))
        )
    return world._replace(
        gateways=(*before[:number], gateway, *before[number + 1 :]), network=network
    )


def _less(world: World, what: str) -> World:
    left: int = getattr(world.allowed, what)
    return world._replace(allowed=world.allowed._replace(**{what: left - 1}))
