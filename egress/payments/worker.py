"""The payment worker: starts requests as they arrive, writes their results, and commits up to the first open one.

After a crash a request may be carried out again. That is harmless: the provider decides a payment once, and the stream
applies a result once.
"""

import asyncio
import logging
import time

from msgspec import UNSET
from opentelemetry.trace import SpanKind

from egress.kafka.dead_letters import DeadLetter, DeadLetterSink
from egress.kafka.decoding import UnreadableError, decode
from egress.kafka.group_worker import GroupWorker
from egress.kafka.ports import RecordSink, RecordSource
from egress.kafka.producer import encode
from egress.kafka.records import Record
from egress.payments.executor import PaymentExecutor
from egress.resilience.errors import PermanentError
from schemas import metrics
from schemas.codec import NewerVersionError
from schemas.commands import PaymentResult
from schemas.payments import PaymentRequest
from schemas.telemetry import tracing
from schemas.topics import ORDER_COMMANDS

log = logging.getLogger(__name__)

#: Requests in flight, those that wait for a call included. At this number no more are read.
MAX_IN_FLIGHT = 2_000
#: Between two commits, in seconds.
COMMIT_INTERVAL_SECONDS = 1.0
#: Between two checks whether a full worker may read again, in seconds.
FULL_POLL_INTERVAL_SECONDS = 0.2
#: The age of a refund that is logged as an error, and how often, in seconds.
OLD_REFUND_SECONDS = 60.0


class PaymentWorker(GroupWorker):
    """Carries out the payment requests of this process's partitions."""

    name = "payment worker"

    def __init__(
        self,
        requests: RecordSource,
        results: RecordSink,
        dead_letters: DeadLetterSink,
        executor: PaymentExecutor,
    ) -> None:
        super().__init__(requests, COMMIT_INTERVAL_SECONDS)
        self._results = results
        self._dead_letters = dead_letters
        self._executor = executor
        # of each record that the provider has not decided: the kind, and when it was written (ms since 1970)
        self._pending: dict[str, tuple[str, int]] = {}
        self._logged_at = 0.0
        self._report_pending()

    async def _step(self) -> None:
        if (room := MAX_IN_FLIGHT - len(self._tasks)) > 0:
            for record in await self._source.read(room):
                self._offsets.start(record)
                self._tasks[record.place] = asyncio.create_task(self._process(record))
        else:
            await asyncio.sleep(FULL_POLL_INTERVAL_SECONDS)

    async def _commit(self) -> None:
        await super()._commit()
        self._report_pending()

    async def _process(self, record: Record) -> None:
        try:
            request = _decode(record)
        except NewerVersionError as error:
            await self._hold(error)
        except UnreadableError as error:
            await self._dead_letters.put([DeadLetter(record, "unreadable", error)])
            metrics.payment_requests.labels("unknown", "dead").inc()
        else:
            self._pending[record.place] = (request.kind, record.timestamp)
            try:
                outcome = await self._execute(record, request)
            finally:
                del self._pending[record.place]
            metrics.payment_requests.labels(request.kind, outcome).inc()
        self._offsets.done(record)

    async def _execute(self, record: Record, request: PaymentRequest) -> str:
        """Carry a request out and write its result; return the outcome for metrics."""
        about = {"restaurant_id": request.restaurant_id, "order_id": request.order_id}
        with tracing.span(f"{request.kind} payment", record.traceparent, SpanKind.CONSUMER, about):
            traceparent = tracing.current_traceparent() or record.traceparent
            try:
                outcome = await self._executor.execute(request, traceparent)
            except PermanentError as error:
                await self._dead_letters.put([DeadLetter(record, "refused", error)])
                return "dead"
            if outcome is None:
                return "given-up"
            result = PaymentResult(
                request.restaurant_id,
                request.order_id,
                request.kind,
                outcome.status,
                request.payment_id,
                outcome.reference if outcome.status == "authorised" else UNSET,
            )
            # a repeated request is at the same place, so its result has the same event id
            message = encode(ORDER_COMMANDS.name, result, record.place, traceparent)
            await self._results.write([message] * (2 if outcome.duplicate else 1))
            return outcome.status

    def _report_pending(self) -> None:
        """Show how many requests are pending and for how long, in seconds; log an error about old refunds."""
        ages: dict[str, list[float]] = {"authorise": [], "refund": []}
        for kind, at in self._pending.values():
            ages[kind].append(max(0.0, time.time() - at / 1000))
        for kind, seconds in ages.items():
            metrics.payments_pending.labels(kind).set(len(seconds))
            metrics.payments_oldest.labels(kind).set(max(seconds, default=0.0))
        old = [age for age in ages["refund"] if age > OLD_REFUND_SECONDS]
        if old and time.monotonic() >= self._logged_at + OLD_REFUND_SECONDS:
            self._logged_at = time.monotonic()
            log.error("refunds pending: %d, the oldest for %.0f s", len(old), max(old))


def _decode(record: Record) -> PaymentRequest:
    request = decode(PaymentRequest, record)
    if request.kind == "authorise" and request.deadline is None:
        raise UnreadableError("an authorisation without a deadline")
    return request
