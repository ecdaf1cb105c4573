"""Asking: a command out, its answer back, and never more under way than can be waited for."""

import asyncio
import os
import time
from typing import Protocol

from ingress.problems import Overloaded
from schemas import codec, metrics
from schemas.commands import Command
from schemas.replies import Reply

_NANOSECONDS = 1e9
#: Outcomes of commands that place no order.
_NO_ORDERS = frozenset(
    {"created", "replaced", "advanced", "cancelled", "unknown_order", "too_late", "invalid_transition"}
)
_write = metrics.order_hop.labels("write")
_decision = metrics.order_hop.labels("decision")


class CommandLog(Protocol):
    """Where commands are written; raises Unavailable when it is not known in time that one was."""

    async def send(self, key: bytes, value: bytes, headers: codec.Headers) -> None:
        """Write one command, durably, at the end of its key's partition."""


class Asking:
    """Pairs the commands of this process with their replies (README, decision 6)."""

    def __init__(self, log: CommandLog, reply_partition: int, most: int) -> None:
        """Take where commands go, where replies come back, and how many may be undecided."""
        self._log = log
        self._reply_partition = reply_partition
        self._most = most
        self._process = os.urandom(6).hex().encode()
        self._waiting: dict[bytes, asyncio.Future[Reply]] = {}

    async def ask(self, key: str, command: Command, traceparent: bytes, deadline: float) -> Reply | None:
        """Write the command and return its reply; None when the loop's clock passes the deadline first.

        Raises Overloaded (nothing was written) and Unavailable (it is not known whether it was).
        """
        if len(self._waiting) >= self._most:
            raise Overloaded()
        asked_at = time.monotonic_ns()
        correlation_id = b"%b-%x" % (self._process, asked_at)
        event_id = os.urandom(16).hex()
        address = codec.ReplyAddress(self._reply_partition, correlation_id)
        headers = codec.headers(type(command), event_id, traceparent, address)
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[correlation_id] = reply
        metrics.undecided.inc()
        try:
            await self._log.send(key.encode(), codec.encode(command), headers)
            _write.observe((time.monotonic_ns() - asked_at) / _NANOSECONDS)
            async with asyncio.timeout_at(deadline):
                return await reply
        except TimeoutError:
            return None
        finally:
            del self._waiting[correlation_id]
            metrics.undecided.dec()

    def deliver(self, correlation_id: bytes, reply: Reply) -> None:
        """Hand a reply to whoever waits for it, and count what was decided, be it waited for or not."""
        process, _, asked_at = correlation_id.partition(b"-")
        if process != self._process:
            return
        _count(reply, time.monotonic_ns() - int(asked_at, 16))
        waiting = self._waiting.get(correlation_id)
        if waiting is not None and not waiting.done():
            waiting.set_result(reply)


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
