"""What must hold after every step, and what must come true once nothing goes wrong any more."""

from tests.models.ownership.gateway import owns
from tests.models.ownership.registry import online
from tests.models.ownership.state import Rules, World
from tests.models.ownership.world import settle


class Violated(AssertionError):
    """A property does not hold; its message says which."""


def check_state(world: World) -> None:
    """Check what holds in every state.

    Raises:
        Violated: it does not.
    """
    registry = world.registry
    owner = registry.owner
    if owner is not None and (owner.connection, owner.epoch) != (
        registry.recent[0],
        registry.epoch,
    ):
        raise Violated("an older connection than the newest owns the station")
    for gateway in world.gateways:
        for held in gateway.held:
            if held.epoch < gateway.learnt:
                raise Violated("a connection is open to writes after a higher epoch was learnt")
    epochs = [held.epoch for gateway in world.gateways for held in gateway.held]
    if len(set(epochs)) < len(epochs):
        raise Violated("two connections hold one epoch")
    if any(epoch > registry.epoch for epoch in epochs):
        raise Violated("a connection holds an epoch that was not given")


def check_step(before: World, label: str, after: World) -> None:
    """Check what holds between a state and the next.

    Raises:
        Violated: it does not.
    """
    old, new = before.registry, after.registry
    if new.epoch < old.epoch:
        raise Violated("an epoch fell")
    if new.epoch > old.epoch and not label.startswith("Claim("):
        raise Violated("something other than a claim raised an epoch")
    if old.owner is None or old.owner == new.owner or new.epoch > old.epoch:
        return
    if label.startswith("Reassertion(") and (
        new.owner is None or new.owner.connection != old.owner.connection
    ):
        raise Violated("a re-assertion displaced another owner")
    if label.startswith("Release(") and f"released={old.owner.connection}," not in label:
        raise Violated("a release cleared another owner")


def check_convergence(world: World, rules: Rules) -> None:
    """Check that presence becomes true once everything has arrived and all clocks have run.

    Raises:
        Violated: it does not.
    """
    settled = settle(world, rules)
    check_state(settled)
    truth = [
        ((number, gateway.life), held.connection, held.epoch)
        for number, gateway in enumerate(settled.gateways)
        for held in gateway.held
    ]
    shown = online(settled.registry)
    if any(not owns(gateway, held) for gateway in settled.gateways for held in gateway.held):
        raise Violated("a gateway refuses the commands of a connection that it holds")
    if len(truth) > 1:
        raise Violated("two connections of one station stay open")
    if shown is None and truth:
        raise Violated("a connected station reads as offline")
    if shown is not None and not truth:
        raise Violated("a station without a connection reads as online")
    if shown is not None and tuple(shown) != truth[0]:
        raise Violated("another connection than the open one is shown")
