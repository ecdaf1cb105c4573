"""The gateway: requests begun as they come, results written as they end, positions kept up to the first open one.

Everything may happen again after a crash: the provider is asked by order, and the stream ignores what
it knows, so at least once is enough.
"""

import asyncio
import contextlib
import logging
import time

import msgspec

from egress.dead_letters import DeadLetter, DeadLetters
from egress.fact_log import Reassigned, Record
from egress.fact_reading import UnreadableError, require_key
from egress.gateway.clerk import Clerk
from egress.gateway.progress import Progress
from egress.gateway.provider import RefusedError
from egress.gateway.request_log import RequestLog, ResultLog
from egress.positions import Partition
from schemas import codec, metrics
from schemas.payments import PaymentRequest
from schemas.telemetry import tracing

log = logging.getLogger(__name__)

#: Requests under way at once, those that wait included; past it no more are read.
MOST_UNDER_WAY = 2_000
#: Between two commits, in seconds.
COMMIT_SECONDS = 1.0
#: Between two looks whether there is room for more requests, in seconds.
ROOM_SECONDS = 0.2
#: Age from which a refund is told of in the log, and how often, in seconds.
OLD_SECONDS = 60.0


class Gateway:
    """Carries out this process's share of the payment requests."""

    def __init__(
        self, requests: RequestLog, results: ResultLog, dead_letters: DeadLetters, clerk: Clerk
    ) -> None:
        """Take where requests come from, where results and what cannot be read go, and who does the work."""
        self._requests = requests
        self._results = results
        self._dead_letters = dead_letters
        self._clerk = clerk
        self._progress: dict[Partition, Progress] = {}
        self._errands: set[asyncio.Task[None]] = set()
        self._since: dict[tuple[Partition, int], tuple[str, int]] = {}  # kind, and when it was asked
        self._committed_at = 0.0
        self._told_at = 0.0
        self._show()

    async def run(self) -> None:
        """Work until cancelled; raises KafkaError."""
        while True:
            try:
                await self._requests.begin()
                while True:
                    await self._step()
            except Reassigned:
                log.info("the partitions of this process have changed")
            finally:
                await self._drop()

    async def _step(self) -> None:
        room = MOST_UNDER_WAY - len(self._errands)
        if room > 0:
            for record in await self._requests.read(room):
                self._begin(record)
        else:
            await asyncio.sleep(ROOM_SECONDS)
        for errand in [errand for errand in self._errands if errand.done()]:
            self._errands.discard(errand)
            errand.result()  # raises what it could not bear: then all is begun again from what is committed
        now = time.monotonic()
        if now >= self._committed_at + COMMIT_SECONDS:
            self._committed_at = now
            await self._requests.commit({at: done.position for at, done in self._progress.items()})
            self._show()
            self._tell_of_old_refunds(now)

    def _begin(self, record: Record) -> None:
        self._progress.setdefault(record.partition, Progress()).begin(record.offset)
        self._errands.add(asyncio.create_task(self._carry_out(record)))

    async def _carry_out(self, record: Record) -> None:
        try:
            request = _read(record)
        except UnreadableError as error:
            await self._set_aside(record, "unreadable", error)
            metrics.payment_requests.labels("unknown", "dead").inc()
        else:
            at = (record.partition, record.offset)
            self._since[at] = (request.kind, record.timestamp)
            try:
                outcome = await self._ask(record, request)
            finally:
                del self._since[at]
            metrics.payment_requests.labels(request.kind, outcome).inc()
        self._progress[record.partition].finish(record.offset)

    async def _ask(self, record: Record, request: PaymentRequest) -> str:
        given = codec.header(record.headers, "traceparent") or codec.NO_TRACE
        about = {"restaurant_id": request.restaurant_id, "order_id": request.order_id}
        with tracing.span(f"{request.kind} payment", given, "consumer", **about) as span:
            try:
                verdict = await self._clerk.carry_out(request, span.traceparent)
            except RefusedError as error:
                await self._set_aside(record, "refused", error)
                return "dead"
            if verdict is None:
                return "given-up"
            for _ in range(2 if verdict.duplicate else 1):
                await self._results.send(record, request, verdict, span.traceparent)
            return verdict.outcome

    async def _set_aside(self, record: Record, reason: str, error: Exception) -> None:
        await self._dead_letters.put([DeadLetter(record, reason, error)])

    async def _drop(self) -> None:
        """Leave every errand; those whose partitions stay ours are begun again."""
        for errand in self._errands:
            errand.cancel()
        for errand in self._errands:
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await errand
        self._errands.clear()
        self._progress.clear()

    def _show(self) -> None:
        for kind in ("authorise", "refund"):
            ages = self._ages(kind)
            metrics.payments_pending.labels(kind).set(len(ages))
            metrics.payments_oldest.labels(kind).set(max(ages, default=0.0))

    def _ages(self, kind: str) -> list[float]:
        now = time.time()
        return [max(0.0, now - since / 1000) for held, since in list(self._since.values()) if held == kind]

    def _tell_of_old_refunds(self, now: float) -> None:
        old = [age for age in self._ages("refund") if age > OLD_SECONDS]
        if old and now >= self._told_at + OLD_SECONDS:
            self._told_at = now
            log.error("%d refunds are pending, the oldest for %.0f s", len(old), max(old))


def _read(record: Record) -> PaymentRequest:
    if record.value is None:
        raise UnreadableError("the record has no value")
    try:
        request = codec.decode(PaymentRequest, record.value)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise UnreadableError(f"{type(error).__name__}: {error}") from error
    require_key(record, request.restaurant_id)
    if request.kind == "authorise" and request.deadline is None:
        raise UnreadableError("an authorisation without a deadline")
    return request
