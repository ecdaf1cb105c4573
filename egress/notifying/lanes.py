"""Lanes: each recipient's own, so that nobody waits for a slow or broken one."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from egress.gateway.breaker import SHOWN, Breaker
from egress.notifying.channel import AnswerError
from schemas import metrics

T = TypeVar("T")

#: Deliveries that wait or are under way; past it no more are read.
MOST_PENDING = 10_000
#: Failures in a row after which a recipient is left alone, and for how long, in seconds.
THRESHOLD = 5
REST_SECONDS = 20.0


class Lane:
    """The deliveries of one recipient: a few at a time, one at a time after it has failed."""

    def __init__(self, at_once: int) -> None:
        """Begin with none; take how many attempts are made at once."""
        self.pending = 0
        self.breaker: Breaker | None = None
        self._attempts = asyncio.Semaphore(at_once)

    async def attempt(self, make: Callable[[], Awaitable[T]], name: str, show: Callable[[], None]) -> T:
        """Make an attempt when its turn has come, and return or raise what it does."""
        if self.breaker is None:
            self.breaker = await Breaker.make(name, THRESHOLD, REST_SECONDS, AnswerError, show)
        async with self._attempts:
            return await self.breaker.call(make)


class Lanes:
    """The lanes of one channel, each for as long as something is in it."""

    def __init__(self, channel: str, at_once: int) -> None:
        """Take the channel's name, and how many attempts are made at once at one recipient."""
        self._channel = channel
        self._at_once = at_once
        self._lanes: dict[str, Lane] = {}

    def pending(self, recipient: str) -> int:
        """Return how many deliveries of a recipient wait or are under way."""
        lane = self._lanes.get(recipient)
        return lane.pending if lane is not None else 0

    def enter(self, recipient: str) -> Lane:
        """Count a delivery in."""
        lane = self._lanes.setdefault(recipient, Lane(self._at_once))
        lane.pending += 1
        return lane

    def leave(self, recipient: str) -> None:
        """Count it out; an empty lane is forgotten."""
        lane = self._lanes[recipient]
        lane.pending -= 1
        if not lane.pending:
            del self._lanes[recipient]
            self.show()

    async def attempt(self, recipient: str, make: Callable[[], Awaitable[T]]) -> T:
        """Make an attempt at a recipient that is in; returns or raises what it does."""
        return await self._lanes[recipient].attempt(make, f"{self._channel} {recipient}", self.show)

    def show(self) -> None:
        """Show the worst circuit of the channel."""
        states = [SHOWN[lane.breaker.state] for lane in self._lanes.values() if lane.breaker is not None]
        metrics.circuit_breaker_state.labels(self._channel).set(max(states, default=0))


def admits(pending: int, free: int) -> bool:
    """Say whether a recipient with so many pending deliveries may have one more, of so many free places.

    As many as are free: one broken recipient may fill half of the places, ten together ten elevenths,
    and there is always room for the deliveries of others.
    """
    return pending < free
