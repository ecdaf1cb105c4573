"""The command client: Request-Reply with a Return Address and a Correlation Identifier (Hohpe and Woolf, 2003)."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from enum import Enum
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace
from opentelemetry.trace import SpanKind

from ingress.commands.admission import Admission, Pressure
from ingress.http.problems import Overloaded, Problem, Unavailable, retry_after
from schemas import codec, identity, metrics, timestamps
from schemas.commands import (
    CASH,
    CancelOrder,
    Command,
    FindOrder,
    OrderCommand,
    PaymentMethod,
    PlaceOrder,
    restaurant_of,
)
from schemas.replies import Reply
from schemas.telemetry import tracing
from schemas.timestamps import MonotonicSeconds
from schemas.topics import ORDER_COMMANDS

_NANOSECONDS = 1e9
#: Outcomes of commands that do not place an order.
_NON_ORDER_OUTCOMES = frozenset(
    {
        "created",
        "replaced",
        "advanced",
        "cancelled",
        "found",
        "unknown_order",
        "too_late",
        "invalid_transition",
        "wrong_version",
        "invalid_promotion",
        "too_many_items",
        "too_many_promotions",
    }
)
#: Outcomes that may have waited for the payment provider, unless the order is paid in cash.
_PAYMENT_OUTCOMES = frozenset({"confirmed", "payment_declined", "payment_timeout"})
#: Age past which a command in flight is stalled, in seconds: its partition has no worker, which is not overload.
STALLED_AFTER_SECONDS = 1.0
#: Commands on admitted orders, and their retries, may use this multiple of `max_in_flight`.
PRIORITY_LIMIT_FACTOR = 2
#: Commands of one order, and of one restaurant's catalogue, that may be in flight at once.
MAX_PER_ORDER, MAX_PER_RESTAURANT = 8, 512
#: Look-ups of one order, and of all orders, that may be in flight at once.
MAX_FINDS_PER_ORDER, MAX_FINDS = 2, 64
#: How long a command without a reply counts as in flight, in seconds. A worker that takes longer has been replaced, and
#: its successor's decision also gets a reply.
REPLY_EXPIRY_SECONDS = 600.0
#: The same for a command of which it is not known whether it was written, and for the look-up of an order.
UNCERTAIN_EXPIRY_SECONDS, FIND_EXPIRY_SECONDS = 10.0, 5.0
#: How long equal requests wait for the reply to one command, in seconds; then the next one sends the command again.
SHARED_REPLY_SECONDS = 60.0

_publish_stage = metrics.order_stage.labels("publish")
_decide_stage = metrics.order_stage.labels("decide")
_rejected_orders = metrics.requests_rejected.labels("overload_order")


class RecordProducer(Protocol):
    """Writes records to Kafka."""

    async def send(self, topic: str, key: bytes, value: bytes, headers: codec.Headers) -> None:
        """Write one record durably, at the end of its key's partition.

        Raises Unavailable if it is not known in time whether the record was written.
        """


#: What is done with the reply to an order that no request has waited for: the ids of the order and its restaurant, the
#: order's holder, the reply.
LateReply = Callable[[str, str, str, Reply], None]
#: Names an order's request with its body; the order, the key and the body of two equal requests are the same.
RequestIdentity = tuple[str, str, str]


class Pool(Enum):
    """What shares a bound on commands in flight."""

    ORDERS = "orders"  # all commands but the others
    PAYMENTS = "payments"  # orders that are paid online: they wait for the payment provider, too
    FINDS = "finds"


class _InFlight(Struct, eq=False):
    """A command from its sending until its reply, or until it expires; the command itself may be large."""

    pool: Pool
    subject: str
    placed: tuple[str, str, str] | None  # as in `LateReply`, if the command places an order
    identity: RequestIdentity | None
    sent_at: MonotonicSeconds
    expires_at: MonotonicSeconds
    reply: asyncio.Future[Reply]
    waiters: int = 1  # its sender


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
        max_in_flight: commands in flight above which new orders are always rejected; orders that are paid online
            have a bound of their own, so that a slow payment provider does not stop the others.
        target_delay_seconds: queueing delay that admission aims at.
        """
        self.producer = producer
        self._reply_partition = reply_partition
        self._max_in_flight = max_in_flight
        self._admission = Admission(max_in_flight, target_delay_seconds)
        self._process_id = os.urandom(6).hex().encode()
        self.on_late_reply: LateReply | None = None
        self._in_flight: dict[bytes, _InFlight] = {}  # by correlation id, the oldest first
        self._shared: dict[
            RequestIdentity, bytes
        ] = {}  # correlation ids of the latest command of each request
        self._subjects: Counter[str] = Counter()  # commands in flight of each order or catalogue
        self._pools: Counter[Pool] = Counter()  # commands in flight
        self._stalled_count = 0  # of those in flight, at the end of the last interval

    @property
    def pressure(self) -> Pressure:
        """What is to be rejected now."""
        now = timestamps.monotonic_clock()
        if self._admission.is_interval_over(now):
            self._expire(now)
            stalled_before = now - STALLED_AFTER_SECONDS
            self._stalled_count = sum(
                command.sent_at < stalled_before for command in self._in_flight.values()
            )
            self._admission.end_interval(now)
            metrics.admission_limit.set(self._admission.limit)
        return self._admission.pressure(len(self._in_flight) - self._stalled_count)

    def should_reject_order(self, pools: Iterable[Pool] = (Pool.ORDERS, Pool.PAYMENTS)) -> bool:
        """Return True if there is no room for a new order in any of these pools, and record the rejection."""
        is_full = (
            all(self._pools[pool] >= self._max_in_flight for pool in pools)
            or self.pressure >= Pressure.ORDERS
        )
        if is_full:
            self._admission.record_rejection()
            _rejected_orders.inc()
        return is_full

    def require_room(self, payment_method: PaymentMethod) -> None:
        """Raise Overloaded if there is no room for a new order that is paid like this."""
        if self.should_reject_order([_pool_of_payment(payment_method)]):
            raise Overloaded()

    async def send_and_wait(
        self,
        command: Command,
        traceparent: bytes,
        deadline: float,
        *,
        priority: bool = False,
        before_send: Callable[[], None] | None = None,
    ) -> Reply | None:
        """Send a command and return its reply; None if there is none by the deadline, on the loop's clock.

        A request that equals one in flight sends nothing, and gets that one's reply as a replay. After the deadline the
        command stays in flight until it is decided.

        `priority`: the command is about an order that was admitted, so it has room where new orders have none.
        `before_send` is called before a command is sent, and may raise Problem.
        Raises Overloaded or Problem 429 (nothing was written) and Unavailable (it is not known whether the command was
        written).
        """
        shared = self._find_equal(command)
        if shared is not None:
            shared.waiters += 1
            try:
                reply = await _wait(shared, deadline)
            finally:
                shared.waiters -= 1
            if reply is None:
                return None
            metrics.idempotent_replays.inc()
            return replace(reply, replayed=True)
        self._require_room_for(command, priority)
        if before_send is not None:
            before_send()
        sent_at = time.monotonic_ns()
        correlation_id = b"%b-%x" % (self._process_id, sent_at)
        in_flight = self._begin(command, correlation_id, MonotonicSeconds(sent_at / _NANOSECONDS))
        try:
            await self._send(command, traceparent, codec.ReplyAddress(self._reply_partition, correlation_id))
            _publish_stage.observe((time.monotonic_ns() - sent_at) / _NANOSECONDS)
            return await _wait(in_flight, deadline)
        except BaseException:  # also a cancelled request: it is not known whether the command was written
            now = timestamps.monotonic_clock()
            in_flight.expires_at = MonotonicSeconds(min(in_flight.expires_at, now + UNCERTAIN_EXPIRY_SECONDS))
            if not in_flight.reply.done():
                in_flight.reply.set_exception(Unavailable())
                in_flight.reply.exception()  # equal requests may raise it too; there need not be one
            raise
        finally:
            in_flight.waiters -= 1

    async def _send(self, command: Command, traceparent: bytes, reply_to: codec.ReplyAddress) -> None:
        with tracing.span(
            f"send {ORDER_COMMANDS.name}", traceparent, SpanKind.PRODUCER, _span_attributes(command)
        ):
            current = tracing.current_traceparent() or traceparent
            headers = codec.headers(type(command), os.urandom(16).hex(), current, reply_to)
            key, value = restaurant_of(command).encode(), codec.encode(command)
            await self.producer.send(ORDER_COMMANDS.name, key, value, headers)

    def deliver(self, correlation_id: bytes, reply: Reply) -> None:
        """Record a reply to this process, and hand it to the requests that wait for it, if one still does."""
        process_id, _, sent_at = correlation_id.partition(b"-")
        if process_id != self._process_id:
            return
        delay = (time.monotonic_ns() - int(sent_at, 16)) / _NANOSECONDS
        _count_outcome(reply, delay)
        self._admission.record_decision(delay, queue_delay_seconds(reply, delay))
        in_flight = self._end(correlation_id)
        if in_flight is None:
            return
        if self.on_late_reply is not None and in_flight.placed is not None and not in_flight.waiters:
            self.on_late_reply(*in_flight.placed, reply)
        if not in_flight.reply.done():
            in_flight.reply.set_result(reply)

    def _find_equal(self, command: Command) -> _InFlight | None:
        """Return the command in flight of an equal request, if its reply may still come soon."""
        request = _request_identity(command)
        in_flight = self._in_flight.get(self._shared.get(request, b"")) if request else None
        if in_flight is None or in_flight.reply.done():  # done and in flight: its write has failed
            return None
        age = timestamps.monotonic_clock() - in_flight.sent_at
        return in_flight if age < SHARED_REPLY_SECONDS else None

    def _require_room_for(self, command: Command, priority: bool) -> None:
        if self._admission.is_interval_over(timestamps.monotonic_clock()):
            _ = self.pressure  # drops the expired ones
        pool = _pool(command)
        limit = self._max_in_flight * (PRIORITY_LIMIT_FACTOR if priority else 1)
        if self._pools[pool] >= (MAX_FINDS if pool is Pool.FINDS else limit):
            raise Overloaded()
        if self._subjects[_subject(command)] >= _max_per_subject(command):
            raise Problem("too-many-requests", headers=retry_after())

    def _begin(self, command: Command, correlation_id: bytes, sent_at: MonotonicSeconds) -> _InFlight:
        placed = None
        if isinstance(command, PlaceOrder):
            holder = identity.holder(command.request_fingerprint)
            placed = (command.order_id, restaurant_of(command), holder)
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        pool = _pool(command)
        expiry = FIND_EXPIRY_SECONDS if pool is Pool.FINDS else REPLY_EXPIRY_SECONDS
        expires_at = MonotonicSeconds(sent_at + expiry)
        in_flight = _InFlight(
            pool, _subject(command), placed, _request_identity(command), sent_at, expires_at, reply
        )
        self._in_flight[correlation_id] = in_flight
        self._subjects[in_flight.subject] += 1
        self._pools[pool] += 1
        if in_flight.identity:
            self._shared[in_flight.identity] = correlation_id
        metrics.commands_in_flight.inc()
        return in_flight

    def _end(self, correlation_id: bytes) -> _InFlight | None:
        in_flight = self._in_flight.pop(correlation_id, None)
        if in_flight is None:
            return None
        self._pools[in_flight.pool] -= 1
        self._subjects[in_flight.subject] -= 1
        if not self._subjects[in_flight.subject]:
            del self._subjects[in_flight.subject]
        if in_flight.identity and self._shared.get(in_flight.identity) == correlation_id:
            del self._shared[in_flight.identity]
        metrics.commands_in_flight.dec()
        return in_flight

    def _expire(self, now: MonotonicSeconds) -> None:
        for correlation_id in [name for name, one in self._in_flight.items() if one.expires_at <= now]:
            self._end(correlation_id)


async def _wait(in_flight: _InFlight, deadline: float) -> Reply | None:
    try:
        async with asyncio.timeout_at(deadline):
            return await asyncio.shield(in_flight.reply)
    except TimeoutError:
        return None


def _pool(command: Command) -> Pool:
    if isinstance(command, FindOrder):
        return Pool.FINDS
    return _pool_of_payment(command.payment.method) if isinstance(command, PlaceOrder) else Pool.ORDERS


def _pool_of_payment(payment_method: PaymentMethod) -> Pool:
    return Pool.ORDERS if payment_method == CASH else Pool.PAYMENTS


def _max_per_subject(command: Command) -> int:
    if isinstance(command, FindOrder):
        return MAX_FINDS_PER_ORDER
    return MAX_PER_ORDER if isinstance(command, OrderCommand) else MAX_PER_RESTAURANT


def _subject(command: Command) -> str:
    """Return what shares a bound on commands in flight: an order, its look-ups, or a restaurant's catalogue."""
    if isinstance(command, FindOrder):
        return f"find {command.order_id}"
    return command.order_id if isinstance(command, OrderCommand) else restaurant_of(command)


def _request_identity(command: Command) -> RequestIdentity | None:
    if isinstance(command, PlaceOrder | CancelOrder):
        return command.order_id, command.idempotency_key_hash, command.request_fingerprint
    return None


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
