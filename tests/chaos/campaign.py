"""A campaign: create the restaurants, apply load and faults, wait for quiet, observe, check."""

import asyncio
import random
import time
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from schemas.settings import Settings
from schemas.topics import TOPICS
from tests.chaos import observer
from tests.chaos.customers import AttemptTiming, RetryingCustomers
from tests.chaos.fault_injector import FaultInjector, InjectedFault
from tests.chaos.followers import FOLLOWED_SHARE, Followers
from tests.chaos.garbage_producer import GarbageProducer
from tests.chaos.lifecycles import OrderLifecycles
from tests.chaos.order_readers import OrderReaders
from tests.chaos.progress import CampaignProgress
from tests.chaos.provider_books import BAD, GOOD, ProviderBooks
from tests.chaos.readers import MenuReaders
from tests.chaos.restaurants import HOT, RESTAURANTS, Restaurants
from tests.chaos.revoked_tokens import RevokedTokenReaders
from tests.chaos.stack_under_test import MAX_IN_FLIGHT, RESERVATION_SECONDS, StackUnderTest, client_session
from tests.chaos.transaction_monitor import TransactionMonitor
from tests.checker.invariants import ESCROW_INVARIANTS, INVARIANTS, STACK_INVARIANTS, check
from tests.checker.observations import Finding, Observations, Recovery
from tests.e2e.stack import Stack

MENUS_PER_SECOND = 15.0
#: Mean seconds between two changes of the catalogue.
RESTOCK_INTERVAL_SECONDS = 1.0
#: Undecodable commands, as a share of the orders.
GARBAGE_SHARE = 0.01
#: Load without faults at the start, for comparison.
CALM_SECONDS = 5.0
QUIET_TIMEOUT_SECONDS = 60.0
#: After the last reservation has expired: time for its refund.
REFUND_SECONDS = 6.0
#: Share of the past orders that are sent again after the load.
REPEATED_SHARE = 0.03
#: From complete views to the last event at the followers.
LAST_EVENT_SECONDS = 5.0
#: An outside reader cannot see it: the time at which it receives a record is not that of the commit.
INVISIBLE = {"no-answer-is-ahead-of-its-facts"}
#: Do not hold with buckets: portions in flight between two of them are on no menu, and only the ingress process that
#: got the reply knows a refusal.
NOT_WITH_BUCKETS = {"counts-are-as-fresh-as-they-say", "refusals-can-be-read"}


class CampaignOptions(Struct, frozen=True):
    """Duration in minutes, seed, fault names, orders a second, and buckets of each restaurant."""

    minutes: float
    seed: int
    faults: Sequence[str]
    rate: float
    buckets: int = 1
    followed: bool = True  # whether followers of orders and boards stay connected


class CampaignResult(Struct):
    """The observations and findings of a campaign."""

    options: CampaignOptions
    began_at: float
    ended_at: float
    injected: list[InjectedFault]
    seen: Observations
    timings: list[AttemptTiming]
    read_seconds: list[float]
    figures: dict[str, int]
    findings: dict[str, Finding]


async def run(stack: Stack, options: CampaignOptions) -> CampaignResult:
    """Run a campaign on a stack that has just been started."""
    target = StackUnderTest(stack)
    try:
        await target.start()
        async with client_session() as session:
            return await Campaign(target, session, options).run()
    finally:
        await target.stop()


class Campaign:
    """The clients and the faults of one campaign."""

    def __init__(self, target: StackUnderTest, session: Any, options: CampaignOptions) -> None:
        stack, seed = target.stack, options.seed
        self._target = target
        self._options = options
        self._restaurants = Restaurants(session, stack.url, random.Random(f"{seed}/restaurants"))
        tokens = self._restaurants.tokens
        self._order_readers = OrderReaders(session, stack.url, tokens, seed)
        self._lifecycles = OrderLifecycles(session, stack.url, tokens, self._order_readers, seed)
        self._token_readers = RevokedTokenReaders(session, target, seed)
        self._followers = Followers(session, stack.url, seed, FOLLOWED_SHARE if options.followed else 0.0)
        self._customers = RetryingCustomers(
            session, target, self._lifecycles, self._followers, self._order_readers, seed, options.rate
        )
        self._provider = ProviderBooks(session, stack.environment["PROMO_PROVIDER_PORT"], target.folder)
        self._readers = MenuReaders(session, stack.url, seed, MENUS_PER_SECOND)
        self._garbage = GarbageProducer(stack.bootstrap, seed, options.rate * GARBAGE_SHARE)
        written = [topic.name for topic in TOPICS if "streams" in topic.writer]
        self._monitor = TransactionMonitor(stack.bootstrap, written)
        self._injector = FaultInjector(target, seed, options.faults, self._customers.is_everyone_served)
        self._stuck: list[Recovery] = []

    async def run(self) -> CampaignResult:
        await self._restaurants.create_all()
        await self._customers.get_tokens()
        for restaurant in (HOT, RESTAURANTS[-1]) if self._options.followed else ():
            self._followers.watch_board(restaurant, self._restaurants.tokens[restaurant])
        await self._provider.set_behaviour(BAD)
        began_at = time.time()
        progress = CampaignProgress(self._customers, self._injector)
        background = [
            asyncio.create_task(work)
            for work in (
                self._restaurants.restock(RESTOCK_INTERVAL_SECONDS),
                self._garbage.run(),
                self._order_readers.order_unknown_items(),
                self._token_readers.run(),
                self._readers.run(),
                self._monitor.run(),
                progress.run(),
            )
        ]
        try:
            load = asyncio.create_task(self._customers.run())
            await asyncio.sleep(CALM_SECONDS)
            await self._injector.run(self._options.minutes * 60 - CALM_SECONDS)
            self._customers.is_running = False
            await load
            await _cancel(*background[:3])
            await self._provider.set_behaviour(GOOD)
            await asyncio.sleep(RESERVATION_SECONDS + REFUND_SECONDS)
            await self._wait_for_quiet("quiet after the load")
            await self._customers.repeat(REPEATED_SHARE)
            await self._order_readers.read_refusals()
            async with observer.TopicReader(self._target.stack.bootstrap) as reader:
                command_ends = await reader.ends("order.commands")
                await self._wait_for_quiet("quiet after the repeated orders")
                await _cancel(*background)
                await asyncio.sleep(LAST_EVENT_SECONDS)
                return await self._result(reader, command_ends, began_at)
        finally:
            await _cancel(*background)

    async def _wait_for_quiet(self, name: str) -> None:
        """Wait until the views hold all decisions so far; without that, record a recovery that did not come."""
        try:
            async with asyncio.timeout(QUIET_TIMEOUT_SECONDS):
                await self._readers.wait_until_as_of(time.time_ns() // 1_000_000)
        except TimeoutError:
            self._stuck.append(Recovery(name, None))

    async def _result(
        self, reader: observer.TopicReader, command_ends: dict[int, int], began_at: float
    ) -> CampaignResult:
        self._monitor.close()
        followed, boards = await self._followers.close()
        seen = Observations(
            calls=self._customers.attempts,
            puts=self._restaurants.puts,
            reads=self._readers.reads,
            failed_reads=self._readers.failed,
            visibility_delays=self._monitor.delays,
            recoveries=self._injector.recoveries() + self._stuck,
            ledger=self._provider.entries(),
            order_reads=self._order_readers.reads,
            refusal_reads=self._order_readers.refusal_reads,
            revoked_reads=self._token_readers.reads,
            max_in_flight=MAX_IN_FLIGHT,
            abandoned=self._customers.abandoned,
            cash_limits={"customer": Settings().cash_orders_per_customer},
            followed=followed,
            boards=boards,
        )
        ended_at = time.time()
        figures = await observer.observe(seen, reader, command_ends, self._target.stack.redis_port)
        has_buckets = self._options.buckets > 1
        excluded = INVISIBLE | (NOT_WITH_BUCKETS if has_buckets else set())
        candidates = INVARIANTS | STACK_INVARIANTS | (ESCROW_INVARIANTS if has_buckets else {})
        invariants = {name: one for name, one in candidates.items() if name not in excluded}
        return CampaignResult(
            options=self._options,
            began_at=began_at,
            ended_at=ended_at,
            injected=self._injector.injected,
            seen=seen,
            timings=self._customers.timings,
            read_seconds=self._readers.seconds,
            figures={
                "orders intended": self._customers.intents,
                "undecided orders whose customers gave up": len(self._customers.abandoned),
                "requests to advance or cancel orders": self._lifecycles.requests,
                "orders read after an answer": len(seen.order_reads),
                "refusals read": len(seen.refusal_reads),
                "revoked tokens tried": len(seen.revoked_reads),
                "most commands in flight of one process": max(
                    (peak.commands for peak in seen.in_flight_peaks), default=0
                ),
                "orders followed": len(followed),
                "connections of followers": self._followers.connections,
                "movements of money": len(seen.ledger or []),
                **figures,
            },
            findings=check(seen, invariants),
        )


async def _cancel(*tasks: "asyncio.Task[Any]") -> None:
    """Cancel the tasks that still run; raise the error of one that has failed."""
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome
