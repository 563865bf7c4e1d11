"""Whatever the order of claims, releases, re-assertions and ends of leases: the highest epoch
owns the station, and nothing clears or replaces a newer owner."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from station_registry.ownership.domain.owners import (
    REMEMBERED_CONNECTIONS,
    Owner,
    Ownership,
    Verdict,
    claim,
    expire,
    reassert,
    release,
)

GATEWAYS = st.sampled_from(["gw-1", "gw-2", "gw-1b"])


class Station(RuleBasedStateMachine):
    """One station's connections, with messages that come late, again, and out of order."""

    def __init__(self) -> None:
        super().__init__()
        self.ownership = Ownership()
        self.granted: list[tuple[str, int]] = []
        self.released: set[str] = set()

    @rule(gateway=GATEWAYS)
    def connect(self, gateway: str) -> None:
        connection_id = f"c{len(self.granted) + 1}"
        claimed = claim(self.ownership, gateway, connection_id)
        assert claimed.epoch == self.ownership.epoch + 1
        assert claimed.superseded == self.ownership.owner
        self.ownership = claimed.ownership
        self.granted.append((connection_id, claimed.epoch))

    @precondition(lambda self: self.granted)
    @rule(data=st.data(), gateway=GATEWAYS)
    def claim_comes_again(self, data: st.DataObject, gateway: str) -> None:
        connection_id, epoch = data.draw(
            st.sampled_from(self.granted[-REMEMBERED_CONNECTIONS:]), label="granted"
        )
        again = claim(self.ownership, gateway, connection_id)
        assert (again.epoch, again.repeated) == (epoch, True)
        assert again.ownership == self.ownership

    @precondition(lambda self: self.granted)
    @rule(data=st.data())
    def release_comes(self, data: st.DataObject) -> None:
        connection_id, epoch = data.draw(st.sampled_from(self.granted), label="released")
        before = self.ownership.owner
        released = release(self.ownership, connection_id, epoch)
        self.ownership = released.ownership
        self.released.add(connection_id)
        if before is not None and before.epoch > epoch:
            assert self.ownership.owner == before
        assert released.hit == (before is not None and before.connection_id == connection_id)

    @precondition(lambda self: self.granted)
    @rule(data=st.data(), gateway=GATEWAYS, foreign=st.integers(-1, 2))
    def reassertion_comes(self, data: st.DataObject, gateway: str, foreign: int) -> None:
        connection_id, epoch = data.draw(st.sampled_from(self.granted), label="asserted")
        before = self.ownership
        outcome = reassert(before, Owner(gateway, connection_id, epoch + foreign))
        self.ownership = outcome.ownership
        newest = (connection_id, epoch) == self.granted[-1] and foreign == 0
        held = newest and connection_id not in self.released
        assert (outcome.verdict is not Verdict.SUPERSEDED) == held
        if not held:
            assert outcome.ownership == before

    @rule()
    def lease_ends(self) -> None:
        self.ownership = expire(self.ownership)

    @invariant()
    def only_the_newest_connection_owns(self) -> None:
        assert self.ownership.epoch == len(self.granted)
        owner = self.ownership.owner
        if owner is not None:
            assert (owner.connection_id, owner.epoch) == self.granted[-1]
            assert owner.connection_id not in self.released


TestStation = Station.TestCase
