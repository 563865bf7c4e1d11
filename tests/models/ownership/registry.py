"""The registry's side: what each message changes, one committed transaction each."""

from tests.models.ownership.state import (
    Claim,
    ClaimReply,
    Incarnation,
    Owner,
    Reassertion,
    ReassertionReply,
    Registry,
    Release,
    Renewal,
    RenewalReply,
    Rules,
    Superseded,
    ToGateway,
    ToRegistry,
)


def take(
    registry: Registry, message: ToRegistry, rules: Rules
) -> tuple[Registry, tuple[ToGateway, ...]]:
    """Return the registry after this message, and what it sends."""
    match message:
        case Claim():
            return claim(registry, message, rules)
        case Release():
            return release(registry, message, rules), ()
        case Renewal():
            return renew(registry, message)
        case Reassertion():
            return reassert(registry, message, rules)


def claim(
    registry: Registry, message: Claim, rules: Rules
) -> tuple[Registry, tuple[ToGateway, ...]]:
    """Make the newest connection the owner; the same claim again changes nothing."""
    sender, connection = message
    if connection in registry.recent and rules.repeated_claims_change_nothing:
        epoch = registry.epoch - registry.recent.index(connection)
        return introduce(registry, sender), (ClaimReply(sender, connection, epoch),)
    epoch = registry.epoch + 1
    after = introduce(registry, sender)._replace(
        epoch=epoch,
        recent=(connection, *registry.recent),
        owner=Owner(sender, connection, epoch),
    )
    reply = ClaimReply(sender, connection, epoch)
    if registry.owner is None:
        return after, (reply,)
    return after, (reply, Superseded(registry.owner.incarnation, epoch))


def release(registry: Registry, message: Release, rules: Rules) -> Registry:
    """Let go of this very connection, and of no newer one."""
    newest = registry.recent[:1] == (message.released,)
    if rules.releases_match_the_newest_connection and not (
        newest and message.epoch in (0, registry.epoch)
    ):
        return registry
    released = registry.epoch if rules.released_connections_stay_released else 0
    return registry._replace(released_epoch=released, owner=None)


def renew(registry: Registry, message: Renewal) -> tuple[Registry, tuple[ToGateway, ...]]:
    """Let the lease run; tell whether it was running and nothing had been taken away."""
    sender = message.sender
    running = sender in registry.leases
    after = registry._replace(leases=registry.leases | {sender}, out=registry.out - {sender})
    return after, (RenewalReply(sender, message.ask, running),)


def reassert(
    registry: Registry, message: Reassertion, rules: Rules
) -> tuple[Registry, tuple[ToGateway, ...]]:
    """Give connections back to who holds them, and return those that have been replaced."""
    superseded: list[int] = []
    for connection, epoch in message.held:
        current = registry.recent[:1] == (connection,) and epoch == registry.epoch
        if rules.reassertions_match_the_newest_connection and not (
            current and epoch > registry.released_epoch
        ):
            superseded.append(connection)
            continue
        registry = registry._replace(owner=Owner(message.sender, connection, epoch))
    registry = introduce(registry, message.sender)
    return registry, (ReassertionReply(message.sender, message.ask, tuple(superseded)),)


def introduce(registry: Registry, incarnation: Incarnation) -> Registry:
    """Give an incarnation that nothing is known of yet its first lease."""
    if incarnation in registry.out:
        return registry
    return registry._replace(leases=registry.leases | {incarnation})


def end_lease(registry: Registry, incarnation: Incarnation) -> Registry:
    """Let a lease run out; its connections read as offline from here."""
    return registry._replace(
        leases=registry.leases - {incarnation}, out=registry.out | {incarnation}
    )


def sweep(registry: Registry) -> Registry:
    """Remove the connection of a lease that ran out."""
    owner = registry.owner
    if owner is None or owner.incarnation in registry.leases:
        return registry
    return registry._replace(owner=None)


def grant_grace(registry: Registry) -> Registry:
    """Let the lease of the gateway that owns the station run again: nobody could renew any."""
    if registry.owner is None:
        return registry
    incarnation = registry.owner.incarnation
    return registry._replace(
        leases=registry.leases | {incarnation}, out=registry.out - {incarnation}
    )


def online(registry: Registry) -> Owner | None:
    """Return the owner that REST shows: the row, while its gateway's lease runs."""
    owner = registry.owner
    return owner if owner is not None and owner.incarnation in registry.leases else None
