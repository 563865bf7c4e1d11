"""A gateway's code does what the model's gateway does, message by message."""

import asyncio

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.models.ownership import gateway as model
from tests.models.ownership.gateway_code import GatewayCode
from tests.models.ownership.state import (
    ClaimReply,
    Gateway,
    Reassertion,
    ReassertionReply,
    Release,
    RenewalReply,
    Rules,
    Superseded,
    ToRegistry,
)

NAME = (0, 1)
RULES = Rules()


class GatewayBesideModel(RuleBasedStateMachine):
    """One station's connections; the registry's answers are drawn."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.code = GatewayCode(self.runner)
        self.model = Gateway()
        self.released: list[tuple[int, int]] = []
        self.opened = 0
        # The epochs that the registry gave, by connection: in any order.
        self.granted: dict[int, int] = {}

    def put(self, done: tuple[Gateway, tuple[ToRegistry, ...]]) -> tuple[ToRegistry, ...]:
        self.model, sent = done
        self.released += [
            (message.released, message.epoch) for message in sent if isinstance(message, Release)
        ]
        return sent

    @rule()
    def a_station_connects(self) -> None:
        self.opened += 1
        self.code.connect(self.opened)
        self.put(model.connect(self.model, NAME, self.opened))

    @precondition(lambda self: self.opened > 0)
    @rule(data=st.data(), size=st.integers(1, 3))
    def messages_arrive(self, data: st.DataObject, size: int) -> None:
        messages: list[ClaimReply | Superseded] = []
        for _ in range(size):
            connection = data.draw(st.integers(1, self.opened), label="connection")
            epoch = self.granted.setdefault(connection, len(self.granted) + 1)
            superseded = data.draw(st.booleans(), label="superseded")
            messages.append(
                Superseded(NAME, epoch) if superseded else ClaimReply(NAME, connection, epoch)
            )
        self.code.arrive(messages)
        # What arrives together is known before any of its handshakes goes on.
        self.model = model.hear_of_given_up_claims(self.model, messages)
        for message in messages:
            self.put(model.take(self.model, NAME, message, RULES))

    @precondition(lambda self: any(not each.given_up for each in self.model.pending))
    @rule(data=st.data())
    def a_station_goes_during_its_handshake(self, data: st.DataObject) -> None:
        waiting = [each for each in self.model.pending if not each.given_up]
        pending = data.draw(st.sampled_from(waiting), label="pending")
        self.code.give_up(pending.connection)
        self.model = model.give_up(self.model, pending)

    @precondition(lambda self: all(each.given_up for each in self.model.pending))
    @rule()
    def a_minute_passes(self) -> None:
        self.code.forget()
        self.model = self.model._replace(confirmed=False)
        for pending in self.model.pending:
            self.put(model.forget(self.model, pending, RULES))

    @precondition(lambda self: self.model.held)
    @rule(data=st.data())
    def a_connection_ends(self, data: st.DataObject) -> None:
        held = data.draw(st.sampled_from(self.model.held), label="held")
        self.code.disconnect(held.connection)
        self.put(model.disconnect(self.model, held, RULES))

    @rule(confirmed=st.booleans(), lost=st.booleans(), late=st.booleans(), returned=st.booleans())
    def the_lease_is_renewed(self, confirmed: bool, lost: bool, late: bool, returned: bool) -> None:
        broker = self.code.broker
        broker.confirmed, broker.lost = confirmed, lost
        broker.superseded = {held.connection for held in self.model.held} if returned else set()
        broker.reasserted.clear()
        if late:
            self.model = self.model._replace(confirmed=False)
        self.code.renew(clock_ran_out=late)
        self.put(model.ask_for_lease(self.model, NAME))
        if lost:
            self.model = self.model._replace(asked=0)
            return
        answer = RenewalReply(NAME, self.model.asked, confirmed)
        reasserted: list[int] = []
        for message in self.put(model.take(self.model, NAME, answer, RULES)):
            assert isinstance(message, Reassertion)
            reasserted = [held.connection for held in message.held]
            superseded = tuple(each for each in reasserted if each in broker.superseded)
            reply = ReassertionReply(NAME, message.ask, superseded)
            self.put(model.take(self.model, NAME, reply, RULES))
        assert broker.reasserted == reasserted

    @invariant()
    def both_hold_and_release_the_same(self) -> None:
        assert self.code.held() == set(self.model.held)
        assert sorted(self.code.released()) == sorted(self.released)
        assert self.code.lease.confirmed == self.model.confirmed

    def teardown(self) -> None:
        self.runner.close()


GatewayBesideModel.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None
)
TestGatewayBesideModel = GatewayBesideModel.TestCase
