"""The campaign from the first restaurant to the last record read."""

import asyncio
import random
import time
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from schemas.topics import TOPICS
from tests.chaos import reading
from tests.chaos.bank import BAD, GOOD, Bank
from tests.chaos.customers import Customers, Exchange
from tests.chaos.followers import SHARE, Followers
from tests.chaos.lives import Lives
from tests.chaos.progress import Progress
from tests.chaos.readers import Readers
from tests.chaos.shop import HOT, RESTAURANTS, Shop
from tests.chaos.striking import Striking, Struck
from tests.chaos.vandal import Vandal
from tests.chaos.watch import Watch
from tests.chaos.world import RESERVATION_SECONDS, World, client_session
from tests.checker.check import ESCROW, INVARIANTS, LIVE, check
from tests.checker.observations import Finding, Observations, Recovery
from tests.e2e.stack import Stack

#: Menu pages a second, seconds between two changes of what is offered, and the share of commands that are none.
READS = 15.0
RESTOCK_PAUSE = 1.0
POISON = 0.01
#: Before the first fault, so that there is something to compare with.
CALM_SECONDS = 5.0
QUIET_SECONDS = 60.0
#: After the last reservation has run out, until what it may have cost is refunded.
REFUND_SECONDS = 10.0
ASKED_AGAIN = 0.03
#: After the views hold all, until who follows has been told.
LAST_NEWS_SECONDS = 5.0
#: What cannot be seen from outside: how long a record takes to a reader is no sign of when it was committed.
HIDDEN = {"no-answer-is-ahead-of-its-facts"}
#: What does not hold with buckets: portions that are under way between two are on no menu.
UNDER_WAY = {"counts-are-as-fresh-as-they-say"}


class Options(Struct, frozen=True):
    """How long, how, and with what."""

    minutes: float
    seed: int
    faults: Sequence[str]
    rate: float
    buckets: int = 1
    followed: bool = True  # whether pages and boards stay open


class Result(Struct):
    """What came of it."""

    options: Options
    began_at: float
    ended_at: float
    struck: list[Struck]
    seen: Observations
    exchanges: list[Exchange]
    read_seconds: list[float]
    figures: dict[str, int]
    findings: dict[str, Finding]


async def run(stack: Stack, options: Options) -> Result:
    """Run a campaign on a stack that has just been started."""
    world = World(stack)
    try:
        await world.start()
        async with client_session() as session:
            return await _Campaign(world, session, options).run()
    finally:
        await world.stop()


class _Campaign:
    def __init__(self, world: World, session: Any, options: Options) -> None:
        stack, seed = world.stack, options.seed
        self._world = world
        self._options = options
        self._shop = Shop(session, stack.url, random.Random(f"{seed}/shop"))
        self._lives = Lives(session, stack.url, self._shop.tokens, seed)
        self._followers = Followers(session, stack.url, seed, SHARE if options.followed else 0.0)
        self._customers = Customers(session, world, self._lives, self._followers, seed, options.rate)
        self._bank = Bank(session, stack.environment["PROMO_PROVIDER_PORT"], world.folder)
        self._readers = Readers(session, stack.url, seed, READS)
        self._vandal = Vandal(stack.bootstrap, seed, options.rate * POISON)
        written = [topic.name for topic in TOPICS if "streams" in topic.writer]
        self._watch = Watch(stack.bootstrap, written)
        self._striking = Striking(world, seed, options.faults, self._customers.everyone_is_served)
        self._stuck: list[Recovery] = []

    async def run(self) -> Result:
        await self._shop.open()
        for restaurant in (HOT, RESTAURANTS[-1]) if self._options.followed else ():
            self._followers.watch(restaurant, self._shop.tokens[restaurant])
        await self._bank.behave(BAD)
        began_at = time.time()
        progress = Progress(self._customers, self._striking)
        side = [
            asyncio.create_task(work)
            for work in (
                self._shop.restock(RESTOCK_PAUSE),
                self._vandal.rage(),
                self._readers.read_on(),
                self._watch.look_on(),
                progress.show(),
            )
        ]
        try:
            arriving = asyncio.create_task(self._customers.arrive())
            await asyncio.sleep(CALM_SECONDS)
            await self._striking.go_on(self._options.minutes * 60 - CALM_SECONDS)
            self._customers.going = False
            await arriving
            await _end(*side[:2])
            await self._bank.behave(GOOD)
            await asyncio.sleep(RESERVATION_SECONDS + REFUND_SECONDS)
            await self._quiet("quiet after the load")
            await self._customers.ask_again(ASKED_AGAIN)
            async with reading.Log(self._world.stack.bootstrap) as log:
                asked = await log.ends("order.commands")
                await self._quiet("quiet after the questions")
                await _end(*side)
                await asyncio.sleep(LAST_NEWS_SECONDS)
                return await self._result(log, asked, began_at)
        finally:
            await _end(*side)

    async def _quiet(self, what: str) -> None:
        """Wait until the views hold all that was asked until now."""
        try:
            async with asyncio.timeout(QUIET_SECONDS):
                await self._readers.until_as_of(time.time_ns() // 1_000_000)
        except TimeoutError:
            self._stuck.append(Recovery(what, None))

    async def _result(self, log: reading.Log, asked: dict[int, int], began_at: float) -> Result:
        self._watch.close()
        followed, watched = await self._followers.close()
        seen = Observations(
            calls=self._customers.calls,
            reads=self._readers.reads,
            unread=self._readers.unread,
            waits=self._watch.waits,
            recoveries=self._striking.recoveries() + self._stuck,
            ledger=self._bank.books(),
            followed=followed,
            watched=watched,
        )
        ended_at = time.time()
        figures = await reading.observe(seen, log, asked, self._world.stack.redis_port)
        buckets = self._options.buckets > 1
        hidden = HIDDEN | (UNDER_WAY if buckets else set())
        everything = INVARIANTS | LIVE | (ESCROW if buckets else {})
        invariants = {name: one for name, one in everything.items() if name not in hidden}
        return Result(
            options=self._options,
            began_at=began_at,
            ended_at=ended_at,
            struck=self._striking.struck,
            seen=seen,
            exchanges=self._customers.exchanges,
            read_seconds=self._readers.seconds,
            figures={
                "orders wished for": self._customers.wishes,
                "status changes and cancellations asked": self._lives.asked,
                "orders followed": len(followed),
                "connections of those who follow": self._followers.connections,
                "movements of money": len(seen.ledger or []),
                **figures,
            },
            findings=check(seen, invariants),
        )


async def _end(*tasks: "asyncio.Task[Any]") -> None:
    """Cancel what still runs; raise what has failed."""
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome
