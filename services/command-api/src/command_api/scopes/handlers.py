"""Whether stations are in a scope: station-registry knows."""

from collections.abc import Callable, Collection, Iterable

from command_api.ports import ServiceAway, Services
from command_api.scopes.domain import limited_to
from csms_shared.broker.topology import STATION_REGISTRY
from csms_shared.contracts.refusals import ProblemRaised, refuse
from csms_shared.contracts.scopes import Scope
from csms_shared.contracts.stations import IN_SCOPE_MAX, STATIONS_IN_SCOPE
from csms_shared.runtime.clock import monotonic

# How long a station that has left a scope may go on being shown in a stream.
SCOPE_REMEMBERED_S = 10.0
_STATIONS_MAX = 10_000


async def stations_in_scope(
    services: Services, scope: Scope, station_ids: Collection[str]
) -> set[str]:
    """Return those of at most `IN_SCOPE_MAX` stations that there are in the scope.

    Raises:
        ServiceAway: the registry does not answer.
    """
    if not station_ids:
        return set()
    with limited_to(scope):
        found = await services.ask(
            STATION_REGISTRY, STATIONS_IN_SCOPE, {"station_ids": sorted(station_ids)}
        )
    if not isinstance(found, list):
        raise ServiceAway("no stations from the registry")
    return set(found)


async def require_in_scope(services: Services, scope: Scope, station_id: str) -> None:
    """Look whether a station is in the scope.

    Raises:
        ProblemRaised: 404, whether there is no such station, or one outside.
        ServiceAway: the registry does not answer.
    """
    if not await stations_in_scope(services, scope, [station_id]):
        raise no_station(station_id)


def no_station(station_id: str) -> ProblemRaised:
    """Return the refusal of a station that there is not."""
    return refuse(404, "not_found", f"there is no station {station_id}")


class RememberedStations:
    """Which stations are in a scope, as it was at most `SCOPE_REMEMBERED_S` ago: for a stream."""

    def __init__(self, services: Services, scope: Scope) -> None:
        self._services = services
        self._scope = scope
        self._known: dict[str, tuple[bool, float]] = {}

    async def holds(self, station_id: str, soon: Callable[[], Iterable[str]]) -> bool:
        """Tell whether a station is in the scope; `soon` returns those that will be asked next.

        Raises:
            ServiceAway: the registry had to be asked and does not answer.
            ProblemRaised: it refuses.
        """
        if not self._is_known(station_id):
            await self._ask(station_id, soon())
        return self._known[station_id][0]

    def _is_known(self, station_id: str) -> bool:
        known = self._known.get(station_id)
        return known is not None and known[1] >= monotonic()

    async def _ask(self, station_id: str, soon: Iterable[str]) -> None:
        others = {one for one in soon if not self._is_known(one)} - {station_id}
        wanted = [station_id, *sorted(others)[: IN_SCOPE_MAX - 1]]
        inside = await stations_in_scope(self._services, self._scope, wanted)
        if len(self._known) + len(wanted) > _STATIONS_MAX:
            self._known.clear()
        until = monotonic() + SCOPE_REMEMBERED_S
        self._known |= {one: (one in inside, until) for one in wanted}
