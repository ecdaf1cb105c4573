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
from tests.chaos.lives import Lives
from tests.chaos.progress import Progress
from tests.chaos.readers import Readers
from tests.chaos.shop import Shop
from tests.chaos.striking import Striking, Struck
from tests.chaos.vandal import Vandal
from tests.chaos.watch import Watch
from tests.chaos.world import RESERVATION_SECONDS, World, client_session
from tests.checker.check import INVARIANTS, LIVE, check
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
#: What cannot be seen from outside: how long a record takes to a reader is no sign of when it was committed.
HIDDEN = {"no-answer-is-ahead-of-its-facts"}


class Options(Struct, frozen=True):
    """How long, how, and with what."""

    minutes: float
    seed: int
    faults: Sequence[str]
    rate: float


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
        self._customers = Customers(session, world, self._lives, seed, options.rate)
        self._bank = Bank(session, stack.environment["PROMO_PROVIDER_PORT"], world.folder)
        self._readers = Readers(session, stack.url, seed, READS)
        self._vandal = Vandal(stack.bootstrap, seed, options.rate * POISON)
        written = [topic.name for topic in TOPICS if "streams" in topic.writer]
        self._watch = Watch(stack.bootstrap, written)
        self._striking = Striking(world, seed, options.faults, self._customers.everyone_is_served)
        self._stuck: list[Recovery] = []

    async def run(self) -> Result:
        await self._shop.open()
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
        seen = Observations(
            calls=self._customers.calls,
            reads=self._readers.reads,
            unread=self._readers.unread,
            waits=self._watch.waits,
            recoveries=self._striking.recoveries() + self._stuck,
            ledger=self._bank.books(),
        )
        ended_at = time.time()
        figures = await reading.observe(seen, log, asked, self._world.stack.redis_port)
        invariants = {name: one for name, one in (INVARIANTS | LIVE).items() if name not in HIDDEN}
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
