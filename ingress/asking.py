"""Asking: a command out, its answer back, and never more under way than can be waited for."""

import asyncio
import os
import time
from typing import Protocol

from ingress.admission import Admission, Pressure
from ingress.problems import Overloaded
from ingress.queueing import queued
from schemas import codec, metrics
from schemas.commands import Command
from schemas.notifications import PushSubscription
from schemas.replies import Reply
from schemas.telemetry import tracing
from schemas.topics import ORDER_COMMANDS, PUSH_SUBSCRIPTIONS

_NANOSECONDS = 1e9
#: Outcomes of commands that place no order.
_NO_ORDERS = frozenset(
    {"created", "replaced", "advanced", "cancelled", "unknown_order", "too_late", "invalid_transition"}
)
#: Past this age, in seconds, an undecided command says that something stands still, not that there is too much.
STALLED_SECONDS = 1.0
#: How many times the bound what was acknowledged may take, and retries.
PRESSING_TIMES = 2
_write = metrics.order_hop.labels("write")
_decision = metrics.order_hop.labels("decision")


class CommandLog(Protocol):
    """Where commands are written; raises Unavailable when it is not known in time that one was."""

    async def send(
        self, key: bytes, value: bytes, headers: codec.Headers, topic: str = ORDER_COMMANDS.name
    ) -> None:
        """Write one record, a command if nothing else is said, durably, at the end of its key's partition."""


class Asking:
    """Pairs the commands of this process with their replies (README, decision 6)."""

    def __init__(
        self, log: CommandLog, reply_partition: int, most: int, admission_seconds: float = 0.1
    ) -> None:
        """Take where commands go, where replies come back, how many may be undecided, how long an order may queue."""
        self._log = log
        self._reply_partition = reply_partition
        self._most = most
        self._admission = Admission(most, admission_seconds)
        self._stalled = 0  # of those that wait
        self._asked_at: dict[bytes, float] = {}  # those that wait, the first first
        self._process = os.urandom(6).hex().encode()
        self._waiting: dict[bytes, asyncio.Future[Reply]] = {}

    @property
    def pressure(self) -> Pressure:
        """What is to be shed now (README, Under pressure)."""
        now = time.monotonic()
        if self._admission.is_over(now):
            before = now - STALLED_SECONDS
            self._stalled = sum(asked_at < before for asked_at in self._asked_at.values())
            self._admission.close(now)
            metrics.admission_bound.set(self._admission.bound)
        return self._admission.pressure(len(self._waiting) - self._stalled)

    def turns_away(self) -> bool:
        """Say whether a new order is to be sent away now."""
        full = len(self._waiting) >= self._most or self.pressure >= Pressure.ORDERS
        if full:
            self._admission.turned_away()
        return full

    async def ask(
        self, key: str, command: Command, traceparent: bytes, deadline: float, *, pressing: bool = False
    ) -> Reply | None:
        """Write the command and return its reply; None when the loop's clock passes the deadline first.

        `pressing`: it is about an order that was let in, and has room where others have none. Raises Overloaded (nothing was written) and Unavailable (it is not known whether it was).
        """
        if len(self._waiting) >= self._most * (PRESSING_TIMES if pressing else 1):
            raise Overloaded()
        asked_at = time.monotonic_ns()
        correlation_id = b"%b-%x" % (self._process, asked_at)
        event_id = os.urandom(16).hex()
        address = codec.ReplyAddress(self._reply_partition, correlation_id)
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[correlation_id] = reply
        self._asked_at[correlation_id] = asked_at / _NANOSECONDS
        metrics.undecided.inc()
        try:
            with tracing.span(
                f"send {ORDER_COMMANDS.name}", traceparent, "producer", **_about(command)
            ) as span:
                headers = codec.headers(type(command), event_id, span.traceparent, address)
                await self._log.send(key.encode(), codec.encode(command), headers)
            _write.observe((time.monotonic_ns() - asked_at) / _NANOSECONDS)
            async with asyncio.timeout_at(deadline):
                return await reply
        except TimeoutError:
            return None
        finally:
            del self._waiting[correlation_id], self._asked_at[correlation_id]
            metrics.undecided.dec()

    async def subscribe(self, asked: PushSubscription, traceparent: bytes) -> None:
        """Write down who wants to be told of an order; nobody answers. Raises Unavailable."""
        headers = codec.headers(PushSubscription, os.urandom(16).hex(), traceparent)
        key = asked.restaurant_id.encode()
        await self._log.send(key, codec.encode(asked), headers, PUSH_SUBSCRIPTIONS.name)

    def deliver(self, correlation_id: bytes, reply: Reply) -> None:
        """Hand a reply to whoever waits for it, and count what was decided, be it waited for or not."""
        process, _, asked_at = correlation_id.partition(b"-")
        if process != self._process:
            return
        nanoseconds = time.monotonic_ns() - int(asked_at, 16)
        _count(reply, nanoseconds)
        waited = nanoseconds / _NANOSECONDS
        self._admission.decided(waited, queued(reply, waited))
        waiting = self._waiting.get(correlation_id)
        if waiting is not None and not waiting.done():
            waiting.set_result(reply)


def _about(command: Command) -> dict[str, str]:
    names = ("restaurant_id", "order_id")
    return {name: getattr(command, name) for name in names if getattr(command, name, None) is not None}


def _count(reply: Reply, nanoseconds: int) -> None:
    outcome = reply.answer.outcome
    if reply.replayed:
        metrics.idempotent_replays.inc()
        return
    if outcome in _NO_ORDERS:
        return
    metrics.orders.labels(outcome).inc()
    metrics.order_confirmation.observe(nanoseconds / _NANOSECONDS)
    _decision.observe(nanoseconds / _NANOSECONDS)
