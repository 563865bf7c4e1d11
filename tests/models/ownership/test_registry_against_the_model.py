"""station-registry on a real PostgreSQL does what the model does, batch by batch."""

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from csms_local.pytest_scale import scaled
from csms_shared.db.engine import create_engine
from csms_shared.db.migrate import migrate
from station_registry.database import MIGRATIONS, SCHEMA
from station_registry.ownership.domain.owners import REMEMBERED_CONNECTIONS
from tests.models.ownership import registry as model
from tests.models.ownership.registry_code import Addressed, RegistryCode, gateway_id
from tests.models.ownership.state import (
    Claim,
    ClaimReply,
    Held,
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
)

STATIONS = ("A", "B")
INCARNATIONS: list[Incarnation] = [(0, 1), (0, 2), (1, 1)]
# The order in which a batch's kinds are applied (station_registry.routes).
ORDER = (Claim, Reassertion, Renewal, Release)


class RegistryBesideModel(RuleBasedStateMachine):
    """Every batch goes to both; rows, answers and events are compared after each."""

    def __init__(self, code: RegistryCode) -> None:
        super().__init__()
        self.code = code
        self.code.empty()
        self.model = {station: Registry() for station in STATIONS}
        self.opened = dict.fromkeys(STATIONS, 0)

    @rule(data=st.data(), size=st.integers(1, 5))
    def a_batch_arrives(self, data: st.DataObject, size: int) -> None:
        batch: list[Addressed] = []
        for _ in range(size):
            addressed = self.message(data)
            # Of two renewals in one batch the first decides for both.
            if not isinstance(addressed[1], Renewal) or addressed not in batch:
                batch.append(addressed)
        expected: dict[str, list[object]] = {
            "claims": [],
            "superseded": [],
            "reassertions": [],
            "renewals": [],
        }
        for kind in ORDER:
            for station, message in batch:
                if isinstance(message, kind):
                    self.expect(station, message, expected)
        assert self.code.take(batch) == expected

    def message(self, data: st.DataObject) -> Addressed:
        station = data.draw(st.sampled_from(STATIONS), label="station")
        incarnation = data.draw(st.sampled_from(INCARNATIONS), label="gateway")
        opened = self.opened[station]
        kinds = ["connect", "renew"] + ["claim again", "release", "reassert"] * (opened > 0)
        kind = data.draw(st.sampled_from(kinds), label="kind")
        if kind == "connect":
            self.opened[station] += 1
            return station, Claim(incarnation, opened + 1)
        if kind == "renew":
            return STATIONS[0], Renewal(incarnation, 0)
        newest = opened - data.draw(st.integers(0, min(opened, 3) - 1), label="which")
        if kind == "claim again":
            # Within its deadline: no station connects more often in that time.
            again = max(newest, opened - REMEMBERED_CONNECTIONS + 1)
            return station, Claim(incarnation, again)
        # Connections are numbered as their epochs are.
        if kind == "release":
            never_learnt = data.draw(st.booleans(), label="never learnt")
            return station, Release(newest, 0 if never_learnt else newest)
        off = data.draw(st.sampled_from([0, 0, 0, 1]), label="wrong by")
        return station, Reassertion(incarnation, 0, (Held(newest, newest + off),))

    def expect(
        self,
        station: str,
        message: Claim | Reassertion | Renewal | Release,
        expected: dict[str, list[object]],
    ) -> None:
        after, sent = model.take(self.model[station], message, Rules())
        self.put(station, after)
        for reply in sent:
            match reply:
                case ClaimReply():
                    expected["claims"].append((f"{station}{reply.connection}", reply.epoch))
                case Superseded():
                    expected["superseded"].append((gateway_id(reply.to), station, reply.epoch))
                case ReassertionReply():
                    names = [f"{station}{connection}" for connection in reply.superseded]
                    expected["reassertions"].append(names)
                case RenewalReply():
                    expected["renewals"].append(reply.confirmed)

    def put(self, station: str, after: Registry) -> None:
        self.model[station] = after
        for other, registry in self.model.items():
            # Leases are the gateways', and the same for every station.
            self.model[other] = registry._replace(leases=after.leases, out=after.out)

    @rule(incarnation=st.sampled_from(INCARNATIONS))
    def a_lease_runs_out(self, incarnation: Incarnation) -> None:
        if incarnation in self.model["A"].leases:
            self.code.end_lease(incarnation)
            for station in STATIONS:
                self.put(station, model.end_lease(self.model[station], incarnation))

    @rule()
    def leases_are_looked_at(self) -> None:
        self.code.sweep()
        for station in STATIONS:
            self.model[station] = model.sweep(self.model[station])

    @precondition(lambda self: any(registry.owner for registry in self.model.values()))
    @rule()
    def the_registry_comes_back_after_a_while(self) -> None:
        self.code.come_back()
        for station in STATIONS:
            self.put(station, model.grant_grace(self.model[station]))

    @invariant()
    def rows_and_events_are_the_models(self) -> None:
        observed = self.code.observe(STATIONS)
        for station, registry in self.model.items():
            recent = [f"{station}{number}" for number in registry.recent[:REMEMBERED_CONNECTIONS]]
            known = observed.stations.get(station, (0, 0, []))
            assert known == (registry.epoch, registry.released_epoch, recent)
            assert observed.owners.get(station) == _named(station, registry.owner)
            assert observed.shown.get(station) == _named(station, model.online(registry))
            told = observed.told.get(station, [])
            assert told == ["online", "offline"] * (len(told) // 2) + ["online"] * (len(told) % 2)
            assert (registry.owner is not None) == (told[-1:] == ["online"])
        assert observed.running == {gateway_id(each) for each in self.model["A"].leases}


def _named(station: str, owner: Owner | None) -> tuple[str, str, int] | None:
    if owner is None:
        return None
    return gateway_id(owner.incarnation), f"{station}{owner.connection}", owner.epoch


@pytest.fixture
def code(fresh_database_url: str) -> Iterator[RegistryCode]:
    """The registry's handlers on a migrated schema."""
    url = f"postgresql://csms_registry:secret-of-registry@{fresh_database_url.rpartition('@')[2]}"
    with asyncio.Runner() as runner:
        runner.run(migrate(fresh_database_url, url, SCHEMA, MIGRATIONS))
        engine = create_engine(url, SCHEMA, name="model", pool_size=1)
        yield RegistryCode(runner, engine)
        runner.run(engine.dispose())


@pytest.mark.scaled
def test_the_registry_does_what_the_model_does(code: RegistryCode) -> None:
    class OnThisDatabase(RegistryBesideModel):
        def __init__(self) -> None:
            super().__init__(code)

    run_state_machine_as_test(
        OnThisDatabase,
        # Found is enough: making a history of transactions shorter takes minutes.
        settings=settings(
            max_examples=scaled(25, 8),
            stateful_step_count=25,
            deadline=None,
            phases=[Phase.generate],
        ),
    )
