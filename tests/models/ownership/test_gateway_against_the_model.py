"""A gateway's code does what the model's gateway does, message by message."""

import asyncio

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from csms_local.pytest_scale import scaled
from csms_shared.contracts.ownership import ReassertionReply as ReassertionReplyContract
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
from ws_gateway.amqp.reassertions import PAGES_AT_ONCE

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
        # Every re-assertion that was sent, answered or not.
        self.pages: list[Reassertion] = []
        self.opened = 0
        # The epochs that the registry gave, by connection: in any order.
        self.granted: dict[int, int] = {}

    def put(self, done: tuple[Gateway, tuple[ToRegistry, ...]]) -> tuple[ToRegistry, ...]:
        self.model, sent = done
        self.released += [
            (message.released, message.epoch) for message in sent if isinstance(message, Release)
        ]
        self.pages += [message for message in sent if isinstance(message, Reassertion)]
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

    @precondition(lambda self: len(self.model.pages) < PAGES_AT_ONCE)
    @rule(confirmed=st.booleans(), lost=st.booleans(), late=st.booleans())
    def the_lease_is_renewed(self, confirmed: bool, lost: bool, late: bool) -> None:
        broker = self.code.broker
        broker.confirmed, broker.lost = confirmed, lost
        if late:
            self.model = self.model._replace(confirmed=False)
        self.code.renew(clock_ran_out=late)
        self.put(model.ask_for_lease(self.model, NAME))
        if lost:
            self.model = self.model._replace(asked=0)
            return
        answer = RenewalReply(NAME, self.model.asked, confirmed)
        self.put(model.take(self.model, NAME, answer, RULES))

    @precondition(lambda self: len(self.model.pages) < PAGES_AT_ONCE)
    @rule()
    def what_is_held_is_verified(self) -> None:
        self.code.verify()
        self.put(model.verify(self.model, NAME))

    @precondition(lambda self: self.pages)
    @rule(data=st.data(), returned=st.booleans(), whole=st.booleans())
    def a_page_is_answered(self, data: st.DataObject, returned: bool, whole: bool) -> None:
        """In any order, again, after a loss; by a registry of the version before where `whole`."""
        page = data.draw(st.sampled_from(self.pages), label="page")
        reply_key, connections = self.code.pages()[self.pages.index(page)]
        assert connections == [held.connection for held in page.held]
        superseded = tuple(connections) if returned else ()
        names = [str(connection) for connection in connections]
        self.code.answer_page(
            reply_key,
            ReassertionReplyContract(
                superseded=names if returned else [],
                held=None if whole else [] if returned else names,
            ),
        )
        reply = ReassertionReply(NAME, page.ask, superseded)
        self.put(model.take(self.model, NAME, reply, RULES))

    @invariant()
    def both_hold_own_assert_and_release_the_same(self) -> None:
        assert self.code.held() == set(self.model.held)
        owned = {held.connection for held in self.model.held if model.owns(self.model, held)}
        assert self.code.owned() == owned
        assert [connections for _, connections in self.code.pages()] == [
            [held.connection for held in page.held] for page in self.pages
        ]
        assert sorted(self.code.released()) == sorted(self.released)
        assert self.code.lease.confirmed == self.model.confirmed

    def teardown(self) -> None:
        self.runner.close()


GatewayBesideModel.TestCase.settings = settings(
    max_examples=scaled(60, 20), stateful_step_count=40, deadline=None
)
TestGatewayBesideModel = pytest.mark.scaled(GatewayBesideModel.TestCase)
