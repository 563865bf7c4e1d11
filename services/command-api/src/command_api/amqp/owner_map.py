"""Who holds which station's socket, remembered from events and from the registry's answers.

The map says only yes: a station that it knows to be connected and accepted. Whatever else it is
asked, and whatever was not written by the gateway it named, the registry is asked.
"""

from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from command_api.concurrency.gathering import Gathering, TooBusy
from command_api.ports import ServiceAway, Services
from csms_shared.broker.reading import read_items
from csms_shared.broker.topology import STATION_REGISTRY
from csms_shared.contracts.events import CloudEvent
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.contracts.stations import LOOK_UP_OWNERS, OwnerView, RegistrationStatus

_LIST = TypeAdapter(list[Any])
_LOOKUP_MAX = 500
_MAX_KNOWN = 1_000_000
# No station has an empty id.
_EVERY_STATION = ""


class OwnerMap:
    """`OwnerDirectory` in memory."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._known: dict[str, OwnerView] = {}
        # For each look-up under way, the stations of which an event came meanwhile: the answer
        # about them may be older than the event, and is not remembered.
        self._overtaken: list[set[str]] = []
        self.lookups: Gathering[str, OwnerView | None] = Gathering(
            self._look_up, max_items=_LOOKUP_MAX, lanes=2
        )

    async def find(self, station_id: str) -> OwnerView:
        """Return the owner, from memory where the station is connected and accepted.

        Raises:
            ServiceAway: the registry had to be asked and does not answer.
        """
        known = self._known.get(station_id)
        if known is not None:
            return known
        try:
            found = await self.lookups.submit(station_id)
        except TooBusy as error:
            raise ServiceAway("too many stations are being looked up") from error
        if found is None:
            raise ServiceAway(f"the registry's answer about {station_id} can't be read")
        return found

    async def find_fresh(self, station_ids: Sequence[str]) -> dict[str, OwnerView]:
        """Ask the registry about these stations.

        One about which its answer can't be read is there and not connected, as far as is known.

        Raises:
            ServiceAway: it does not answer.
        """
        found: dict[str, OwnerView] = {}
        for start in range(0, len(station_ids), _LOOKUP_MAX):
            page = station_ids[start : start + _LOOKUP_MAX]
            for station_id, owner in zip(page, await self._look_up(page), strict=True):
                found[station_id] = owner or OwnerView(station_id=station_id, known=True)
        return found

    def forget(self, station_id: str) -> None:
        """Ask the registry next time."""
        self._overtake(station_id)
        self._known.pop(station_id, None)

    def forget_all(self) -> None:
        """Ask the registry about everything: events may have been lost."""
        for overtaken in self._overtaken:
            overtaken.add(_EVERY_STATION)
        self._known.clear()

    def saw(self, event: CloudEvent) -> None:
        """Follow what happens to connections and registrations."""
        match event.type:
            case "csms.station.connected.v1":
                self._connected(event)
            case "csms.station.disconnected.v1":
                known = self._known.get(event.subject)
                if known is None or known.connection_id == event.data.get("connection_id"):
                    self.forget(event.subject)
            case (
                "csms.station.offline.v1"
                | "csms.station.moved.v1"
                | "csms.station.registration_changed.v1"
                | "csms.station.deleted.v1"
            ):
                self.forget(event.subject)
            case _:
                pass

    def _connected(self, event: CloudEvent) -> None:
        """Take over a newer connection; the registration is known only for stations known."""
        self._overtake(event.subject)
        known = self._known.get(event.subject)
        if known is None:
            return
        if known.tenant_id != event.tenantid:
            self.forget(event.subject)
            return
        epoch = int(event.data["epoch"])
        if known.epoch is not None and known.epoch >= epoch:
            return
        self._known[event.subject] = known.model_copy(
            update={
                "gateway_id": event.data["gateway_id"],
                "connection_id": event.data["connection_id"],
                "epoch": epoch,
                "ocpp_version": event.data["ocpp_version"],
            }
        )

    def _overtake(self, station_id: str) -> None:
        for overtaken in self._overtaken:
            overtaken.add(station_id)

    async def _look_up(self, station_ids: Sequence[str]) -> list[OwnerView | None]:
        """Return the owner of each, None where the answer about it can't be read."""
        wanted = list(dict.fromkeys(station_ids))
        overtaken: set[str] = set()
        self._overtaken.append(overtaken)
        try:
            result = await self._services.ask(
                STATION_REGISTRY, LOOK_UP_OWNERS, {"station_ids": wanted}
            )
            found = read_items(OwnerView, MessageType.RESPONSE, _LIST.validate_python(result))
            owners = {owner.station_id: owner for owner in found}
        except (ProblemRaised, ValidationError) as error:
            # There is nothing to refuse in this question: it is as if there were no answer.
            raise ServiceAway(f"no owners from the registry: {error}"[:500]) from error
        finally:
            self._overtaken = [other for other in self._overtaken if other is not overtaken]
        if not owners and wanted:
            raise ServiceAway("no owner in the registry's answer can be read")
        for owner in owners.values():
            fresh = owner.station_id not in overtaken and _EVERY_STATION not in overtaken
            self._keep(owner, fresh=fresh)
        return [owners.get(station_id) for station_id in station_ids]

    def _keep(self, owner: OwnerView, *, fresh: bool) -> None:
        if (
            fresh
            and owner.gateway_id is not None
            and owner.registration_status is RegistrationStatus.ACCEPTED
        ):
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            self._known[owner.station_id] = owner
        else:
            self._known.pop(owner.station_id, None)
