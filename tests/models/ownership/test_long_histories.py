"""Long histories with every kind of trouble, drawn at random: what no exploration can exhaust."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from csms_local.pytest_scale import scaled
from tests.models.ownership.properties import check_convergence, check_state, check_step
from tests.models.ownership.state import Allowed, Rules, new_world
from tests.models.ownership.world import steps

TROUBLE = Allowed(
    connections=6,
    asks=12,
    crashes=2,
    new_incarnations=2,
    ends_of_leases=4,
    graces=2,
    duplicates=6,
    losses=6,
    impatience=6,
)


class History(RuleBasedStateMachine):
    """Three gateways and one restless station."""

    def __init__(self) -> None:
        super().__init__()
        self.world = new_world(TROUBLE, gateways=3)

    @rule(data=st.data())
    def something_happens(self, data: st.DataObject) -> None:
        possible = sorted(steps(self.world, Rules()), key=lambda step: step[0])
        if not possible:
            return
        label, after = data.draw(st.sampled_from(possible), label="what")
        check_step(self.world, label, after)
        self.world = after

    @invariant()
    def the_state_is_sound(self) -> None:
        check_state(self.world)

    def teardown(self) -> None:
        check_convergence(self.world, Rules())


History.TestCase.settings = settings(
    max_examples=scaled(60, 15), stateful_step_count=60, deadline=None
)
TestHistory = pytest.mark.scaled(History.TestCase)
