"""Whether the services that own stations' data answer: what upgrades and decisions depend on."""

import asyncio
from collections.abc import Callable

import structlog

from csms_shared.broker.errors import BrokerError, PublishReturned, PublishUnconfirmed
from csms_shared.broker.link import Link
from csms_shared.broker.topology import (
    SESSION_SERVICE,
    STATION_REGISTRY,
    decisions_key,
    service_queues,
)
from csms_shared.contracts.message_types import MessageType
from csms_shared.runtime.clock import monotonic, now_ms
from ws_gateway import metrics
from ws_gateway.amqp.loop_stalls import LoopStalls
from ws_gateway.amqp.own_queue import OwnQueue
from ws_gateway.domain.flap_damping import FlapDamping

log = structlog.get_logger(__name__)

OWNING_SERVICES = (STATION_REGISTRY, SESSION_SERVICE)
PROBE_TIMEOUT_S = 2.0
PROBE_INTERVAL_S = 1.0
# A probe without an answer says nothing of the service where this process itself stood still for
# so long at a stretch: it is repeated, so often at most.
STALL_S = 0.5
MOST_REPEATS = 2
# Between the first good answer and the one that confirms it.
_CONFIRM_S = 0.25
_ANSWERS_NEEDED = 2
# A decision or claim that takes longer raises a doubt.
OVERDUE_S = 2.0
# A station that another gateway has sent away comes at the earliest when a probe has failed there.
# An answer that is younger than this was given after the one which that gateway waited for.
_PROOF_LASTS_S = 0.75 * PROBE_TIMEOUT_S


class ServiceWatch:
    """One service: answering, in doubt (probed every second), or away.

    In doubt, it is away once it has answered neither a probe nor anything else for as long.

    It starts as away: nothing is taken on before it has answered twice, and after several outages
    in a short time not before it has answered for a while.
    """

    def __init__(
        self, name: str, link: Link, own_queue: OwnQueue, on_away: Callable[[str], None]
    ) -> None:
        self._name = name
        self._link = link
        self._own_queue = own_queue
        self._on_away = on_away
        self._doubt = asyncio.Event()
        self._doubt.set()
        self._answers = 0
        self._damping = FlapDamping()
        self._refused = False
        self._proved_at = float("-inf")
        self._answered_at = float("-inf")
        self._probed = asyncio.Event()
        self._slow = False
        self.away = True
        metrics.SERVICE_AWAY.labels(name).set(1)

    @property
    def takes_upgrades(self) -> bool:
        """Tell whether stations may connect as far as this service is concerned."""
        return not self.away and not self._refused

    async def proves_itself(self) -> bool:
        """Tell whether stations may connect, by an answer that is not from before an outage.

        A gateway learns of an outage when something of its own is overdue. Until then it would
        take the stations in that another gateway has sent away, and cost them a second attempt.
        """
        while self.takes_upgrades and not self._slow:
            age_s = monotonic() - self._proved_at
            if age_s > _PROOF_LASTS_S / 2:
                # Renewed ahead of time, so that nobody waits while many connect.
                self._doubt.set()
            if age_s <= _PROOF_LASTS_S:
                return True
            self._probed.clear()
            await self._probed.wait()
        return False

    def doubt(self) -> None:
        """Note that something is overdue: probe."""
        self._doubt.set()

    def answered(self) -> None:
        """Note that something was decided."""
        self._answered_at = monotonic()

    async def publish_refused(self, error: PublishReturned | PublishUnconfirmed) -> None:
        """Note a refused publish; queues that are missing are declared again."""
        if not self._refused:
            log.warning("publish_refused", peer_service=self._name, error=repr(error))
        self._refused = True
        self._answers = 0
        self._doubt.set()
        if isinstance(error, PublishReturned):
            try:
                await self._link.declare(*service_queues(self._name))
            except BrokerError as failure:
                log.warning("declare_failed", peer_service=self._name, error=repr(failure))

    async def run(self) -> None:
        """Probe while there is a doubt, until cancelled."""
        while True:
            await self._doubt.wait()
            started, answers = await self._answers_probe()
            if answers:
                self._proved_at = started
                self._found_in_time()
            elif self._answered_at > started and not self.away:
                # It has much to do, and gets on with what came before the probe: who is sent
                # away now loses an attempt and comes back to as much.
                self._found_slow()
            else:
                self._found_away()
            self._probed.set()
            if not answers:
                await asyncio.sleep(PROBE_INTERVAL_S - (monotonic() - started))
                continue
            self._answers += 1
            steady = self._damping.answered(monotonic())
            if self._answers < _ANSWERS_NEEDED or (self.away and not steady):
                await asyncio.sleep(_CONFIRM_S)
                continue
            self._found_answering()
            await asyncio.sleep(PROBE_INTERVAL_S)

    def _found_in_time(self) -> None:
        if self._slow:
            log.info("service_in_time", peer_service=self._name)
        self._slow = False

    def _found_slow(self) -> None:
        if not self._slow:
            log.warning("service_slow", peer_service=self._name)
        self._slow = True
        self._answers = 0

    def _found_away(self) -> None:
        self._damping.failed(monotonic(), first=not self.away)
        if not self.away:
            log.error("service_away", peer_service=self._name)
            metrics.SERVICE_AWAY.labels(self._name).set(1)
        self.away = True
        self._slow = False
        self._answers = 0
        self._on_away(self._name)

    def _found_answering(self) -> None:
        if self.away:
            log.info("service_answers", peer_service=self._name)
            metrics.SERVICE_AWAY.labels(self._name).set(0)
        self.away = self._refused = False
        self._answers = 0
        self._doubt.clear()

    async def _answers_probe(self) -> tuple[float, bool]:
        """Return when the probe that counts began, and whether it was answered."""
        repeats = 0
        while True:
            started = monotonic()
            with LoopStalls() as stalls:
                answers = await self._probe()
            if answers or stalls.longest_s < STALL_S or repeats == MOST_REPEATS:
                return started, answers
            repeats += 1
            stood_still_s = round(stalls.longest_s, 1)
            log.warning("probe_repeated", peer_service=self._name, stood_still_s=stood_still_s)

    async def _probe(self) -> bool:
        if not await self._own_queue.until_consuming(PROBE_INTERVAL_S):
            return False
        sent = now_ms()
        try:
            await self._own_queue.ask(
                decisions_key(self._name),
                MessageType.PROBE,
                [{"sent_ms": sent}],
                PROBE_TIMEOUT_S,
                deadline_ms=sent + int(PROBE_TIMEOUT_S * 1000),
            )
        except PublishReturned as error:
            await self.publish_refused(error)
            return False
        except BrokerError:
            return False
        return True
