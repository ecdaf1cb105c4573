"""The command client: Request-Reply with a Return Address and a Correlation Identifier (Hohpe and Woolf, 2003)."""

import asyncio
import os
import time
from datetime import datetime
from typing import NamedTuple, Protocol

from opentelemetry.trace import SpanKind

from ingress.commands.admission import Admission, Pressure
from ingress.http.problems import Overloaded
from schemas import codec, metrics, timestamps
from schemas.commands import Command, OrderCommand, restaurant_of
from schemas.replies import Reply
from schemas.telemetry import tracing
from schemas.timestamps import MonotonicSeconds
from schemas.topics import ORDER_COMMANDS

_NANOSECONDS = 1e9
#: Outcomes of commands that do not place an order.
_NON_ORDER_OUTCOMES = frozenset(
    {"created", "replaced", "advanced", "cancelled", "unknown_order", "too_late", "invalid_transition"}
)
#: Outcomes that may have waited for the payment provider, unless the order is paid in cash.
_PAYMENT_OUTCOMES = frozenset({"confirmed", "payment_declined", "payment_timeout"})
#: Age past which a command in flight is stalled, in seconds: its partition has no worker, which is not overload.
STALLED_AFTER_SECONDS = 1.0
#: Commands on admitted orders, and their retries, may use this multiple of `max_in_flight`.
PRIORITY_LIMIT_FACTOR = 2

_publish_stage = metrics.order_stage.labels("publish")
_decide_stage = metrics.order_stage.labels("decide")
_rejected_orders = metrics.requests_rejected.labels("overload_order")


class RecordProducer(Protocol):
    """Writes records to Kafka."""

    async def send(self, topic: str, key: bytes, value: bytes, headers: codec.Headers) -> None:
        """Write one record durably, at the end of its key's partition.

        Raises Unavailable if it is not known in time whether the record was written.
        """


class _InFlight(NamedTuple):
    sent_at: MonotonicSeconds
    reply: asyncio.Future[Reply]


class CommandClient:
    """Sends commands, matches their replies, and knows whether there is room for more (README.md)."""

    def __init__(
        self,
        producer: RecordProducer,
        reply_partition: int,
        max_in_flight: int,
        target_delay_seconds: float = 0.1,
    ) -> None:
        """Args:
        reply_partition: partition of `order.replies` that this process reads.
        max_in_flight: commands in flight above which new orders are always rejected.
        target_delay_seconds: queueing delay that admission aims at.
        """
        self.producer = producer
        self._reply_partition = reply_partition
        self._max_in_flight = max_in_flight
        self._admission = Admission(max_in_flight, target_delay_seconds)
        self._process_id = os.urandom(6).hex().encode()
        self._in_flight: dict[bytes, _InFlight] = {}  # by correlation id
        self._stalled_count = 0  # of those in flight, at the end of the last interval

    @property
    def pressure(self) -> Pressure:
        """What is to be rejected now."""
        now = timestamps.monotonic_clock()
        if self._admission.is_interval_over(now):
            stalled_before = now - STALLED_AFTER_SECONDS
            self._stalled_count = sum(
                command.sent_at < stalled_before for command in self._in_flight.values()
            )
            self._admission.end_interval(now)
            metrics.admission_limit.set(self._admission.limit)
        return self._admission.pressure(len(self._in_flight) - self._stalled_count)

    def should_reject_order(self) -> bool:
        """Return True if there is no room for a new order, and record the rejection."""
        is_full = len(self._in_flight) >= self._max_in_flight or self.pressure >= Pressure.ORDERS
        if is_full:
            self._admission.record_rejection()
            _rejected_orders.inc()
        return is_full

    def require_room(self) -> None:
        """Raise Overloaded if there is no room for a new order."""
        if self.should_reject_order():
            raise Overloaded()

    async def send_and_wait(
        self, command: Command, traceparent: bytes, deadline: float, *, priority: bool = False
    ) -> Reply | None:
        """Send a command and return its reply; None if there is none by the deadline, on the loop's clock.

        `priority`: the command is about an order that was admitted, so it has room where new orders have none.
        Raises Overloaded (nothing was written) and Unavailable (it is not known whether the command was written).
        """
        limit = self._max_in_flight * (PRIORITY_LIMIT_FACTOR if priority else 1)
        if len(self._in_flight) >= limit:
            raise Overloaded()
        sent_at = time.monotonic_ns()
        correlation_id = b"%b-%x" % (self._process_id, sent_at)
        event_id = os.urandom(16).hex()
        reply_to = codec.ReplyAddress(self._reply_partition, correlation_id)
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._in_flight[correlation_id] = _InFlight(MonotonicSeconds(sent_at / _NANOSECONDS), reply)
        metrics.commands_in_flight.inc()
        try:
            with tracing.span(
                f"send {ORDER_COMMANDS.name}", traceparent, SpanKind.PRODUCER, _span_attributes(command)
            ):
                current = tracing.current_traceparent() or traceparent
                headers = codec.headers(type(command), event_id, current, reply_to)
                key, value = restaurant_of(command).encode(), codec.encode(command)
                await self.producer.send(ORDER_COMMANDS.name, key, value, headers)
            _publish_stage.observe((time.monotonic_ns() - sent_at) / _NANOSECONDS)
            async with asyncio.timeout_at(deadline):
                return await reply
        except TimeoutError:
            return None
        finally:
            del self._in_flight[correlation_id]
            metrics.commands_in_flight.dec()

    def deliver(self, correlation_id: bytes, reply: Reply) -> None:
        """Record a reply to this process, and hand it to the request that waits for it, if one still does."""
        process_id, _, sent_at = correlation_id.partition(b"-")
        if process_id != self._process_id:
            return
        delay = (time.monotonic_ns() - int(sent_at, 16)) / _NANOSECONDS
        _count_outcome(reply, delay)
        self._admission.record_decision(delay, queue_delay_seconds(reply, delay))
        command = self._in_flight.get(correlation_id)
        if command is not None and not command.reply.done():
            command.reply.set_result(reply)


def queue_delay_seconds(reply: Reply, delay: float) -> float | None:
    """Return how much of a reply's delay the command spent in our own queues, in seconds; None if not known.

    An order that is paid online is decided twice. The time from its creation to its last change, both on the broker's
    clock, covers the first decision and the payment. The rest is one command's way to its decision and back.
    """
    order = reply.answer.order
    if reply.answer.outcome not in _PAYMENT_OUTCOMES or (
        order is not None and order.payment_method == "cash"
    ):
        return delay
    if order is None or reply.replayed:
        return None
    payment = datetime.fromisoformat(order.updated_at) - datetime.fromisoformat(order.created_at)
    return max(0.0, delay - payment.total_seconds())


def _span_attributes(command: Command) -> dict[str, str]:
    attributes = {"restaurant_id": restaurant_of(command)}
    if isinstance(command, OrderCommand):
        attributes["order_id"] = command.order_id
    return attributes


def _count_outcome(reply: Reply, delay: float) -> None:
    outcome = reply.answer.outcome
    if reply.replayed:
        metrics.idempotent_replays.inc()
    elif outcome not in _NON_ORDER_OUTCOMES:
        metrics.orders.labels(outcome).inc()
        metrics.order_confirmation.observe(delay)
        _decide_stage.observe(delay)
