"""Customers that retry properly: the same key, full jitter, a limited rate of retries, until the order is decided."""

import asyncio
import json
import random
import time
from collections import deque
from collections.abc import Iterator

import aiohttp
from msgspec import Struct

from streams.domain.decision import Policy
from tests.chaos.followers import Followers
from tests.chaos.key_times import KeyTimes
from tests.chaos.lifecycles import OrderLifecycles
from tests.chaos.order_readers import OrderReaders
from tests.chaos.restaurants import HOT, PRICE, PROMO_PRICE, PROMOTED, RESTAURANTS, SKUS, UNLIMITED
from tests.chaos.stack_under_test import KEY_SECONDS, StackUnderTest
from tests.checker.observations import OrderAttempt
from tests.checker.service import NOT_YET
from tests.e2e.customers import new_customer, order_body

#: How long after its first use a key is used again: until its order, if it was refused, may soon leave the state.
MAX_KEY_AGE_SECONDS = Policy().refusal_retention_seconds - 300
#: How long a customer retries; undecided orders are sent again after the campaign.
RETRY_TIMEOUT_SECONDS = 40.0
FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.1, 2.0
#: The longest time in which a stack that has recovered decides an order of each restaurant.
SERVED_SECONDS = 1.0
#: Of all customers together, so that retries do not add to an overload.
RETRIES_PER_SECOND = 60.0
#: Share of the customers that send the order three times at once.
CONCURRENT_SHARE = 0.08
#: Share that use the key of an earlier order for another body.
REUSED_KEY_SHARE = 0.02
#: Share that send an earlier order again.
REPEATED_SHARE = 0.03
#: Share that come back with an expired key during the fault `key expires`: half of them want the same again.
RETURNING_SHARE = 0.3
#: Share that send `Prefer: respond-async`.
ASYNCHRONOUS_SHARE = 0.05
#: Orders that are sent at once without waiting, the pause before the first time, and between two times in seconds.
FLOOD_ORDERS = 300
FLOOD_DELAY_SECONDS, FLOOD_INTERVAL_SECONDS = 12.0, 80.0
#: Share of the traffic that goes to the hot restaurant while there is one.
HOT_SHARE = 0.8
METHODS = ["pix", "card", "cash"]
NAMES = [f"c-{number}" for number in range(400)]
#: Who orders to see whether everyone is served: without a token, since a customer has only so many open cash orders.
CANARY = "canary"
#: Share of the confirmed orders that are advanced or cancelled.
ADVANCED_SHARE = 0.25


class OrderIntent(Struct, frozen=True):
    """An order that a customer wants; each attempt sends the same bytes."""

    restaurant: str
    key: str
    lines: list[tuple[str, int]]
    customer: str  # the name of one whose token `RetryingCustomers` has
    expected: int | None = None  # price of the first line
    method: str = "cash"

    def body(self) -> dict[str, object]:
        """Return the body of the request."""
        body = order_body(self.restaurant, *self.lines, method=self.method)
        if self.expected is not None:
            body["items"][0]["expected_unit_price"] = {"amount": self.expected, "currency": "BRL"}
        return body


class AttemptTiming(Struct, frozen=True):
    """When an attempt was made and how long it took; the OrderAttempt of the same index has the rest."""

    at: float  # of time.time()
    seconds: float
    is_synchronous: bool
    error: str = ""  # why there is no response


class RateLimit:
    """Admits `rate` a second, with bursts of one second's worth."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._next = 0.0

    async def wait(self) -> None:
        """Return when the caller is admitted."""
        now = time.monotonic()
        self._next = max(self._next, now - 1.0) + 1.0 / self._rate
        await asyncio.sleep(max(0.0, self._next - now))


class RetryingCustomers:
    """Customers of a Poisson process with `rate` orders a second; they do not wait for one another."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        target: StackUnderTest,
        lifecycles: OrderLifecycles,
        followers: Followers,
        readers: OrderReaders,
        seed: int,
        rate: float,
    ) -> None:
        self.attempts: list[OrderAttempt] = []
        self.timings: list[AttemptTiming] = []
        self.intents = 0
        self.unanswered: list[OrderIntent] = []
        self.abandoned: set[tuple[str, str]] = set()  # restaurants and keys whose customers gave up undecided
        self.is_running = True
        self._session = session
        self._target = target
        self._lifecycles = lifecycles
        self._followers = followers
        self._readers = readers
        self._rng = random.Random(f"{seed}/customers")
        self._rate = rate
        self._retries = RateLimit(RETRIES_PER_SECOND)
        self._past: deque[OrderIntent] = deque()  # the oldest first
        self._canaries = 0
        self._key_times = KeyTimes(KEY_SECONDS)
        self._tokens: dict[str, str] = {}  # by customer

    async def get_tokens(self) -> None:
        """Get the tokens of all customers, before the load begins."""
        for name in NAMES:
            self._tokens[name] = await new_customer(self._session, self._target.stack.url)

    async def run(self) -> None:
        """Send orders until `is_running` is False; return when all are decided or given up."""
        async with asyncio.TaskGroup() as group:
            due = time.monotonic()
            flood_due = due + FLOOD_DELAY_SECONDS
            while self.is_running:
                if due >= flood_due:  # many orders at once, whose customers do not wait for their decisions
                    flood_due += FLOOD_INTERVAL_SECONDS
                    for intent in self._flood_intents():
                        group.create_task(self._retry_until_decided(intent, asynchronous=True))
                due += self._rng.expovariate(self._rate)
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                for intent in self._next_intents():
                    group.create_task(self._retry_until_decided(intent))

    async def repeat(self, share: float) -> None:
        """Send every undecided order again until it is decided, and this share of all past orders."""
        self._forget_old_orders()
        intents = self.unanswered + [i for i in self._past if self._rng.random() < share]
        self.unanswered = []
        for start in range(0, len(intents), 20):
            await asyncio.gather(*(self._retry_until_decided(i) for i in intents[start : start + 20]))

    async def is_everyone_served(self) -> bool:
        """Order once at every restaurant; return True if all orders are decided within SERVED_SECONDS."""
        self._canaries += 1
        intents = [OrderIntent(r, f"canary-{self._canaries}", [(UNLIMITED, 1)], CANARY) for r in RESTAURANTS]
        started = time.monotonic()
        attempts = [a for a, _ in await asyncio.gather(*(self._send(intent, False) for intent in intents))]
        self.unanswered += [i for i, a in zip(intents, attempts, strict=True) if a.status in NOT_YET]
        return all(a.status not in NOT_YET for a in attempts) and time.monotonic() - started < SERVED_SECONDS

    def _forget_old_orders(self) -> None:
        """Let customers give up keys whose order, if it was refused, may have left the state: it would be a new order."""
        while self._past and self._is_old(self._past[0]):
            self._past.popleft()
        unanswered, self.unanswered = self.unanswered, []
        for intent in unanswered:
            if self._is_old(intent):
                self.abandoned.add((intent.restaurant, intent.key))
            else:
                self.unanswered.append(intent)

    def _is_old(self, intent: OrderIntent) -> bool:
        first_sent = self._key_times.first_sent((intent.restaurant, intent.key))
        return first_sent is not None and time.time() > first_sent + MAX_KEY_AGE_SECONDS

    def _flood_intents(self) -> Iterator[OrderIntent]:
        for _ in range(FLOOD_ORDERS):
            intent = self._new_intent()
            self._past.append(intent)
            yield intent

    def _next_intents(self) -> Iterator[OrderIntent]:
        self._forget_old_orders()
        draw = self._rng.random()
        if (expired := self._expired_intent()) is not None:
            yield self._rng.choice([expired, self._other_body(expired)])
        elif self._past and draw < REUSED_KEY_SHARE:
            yield self._other_body(self._rng.choice(self._past))
        elif self._past and draw < REUSED_KEY_SHARE + REPEATED_SHARE:
            yield self._rng.choice(self._past)
        else:
            intent = self._new_intent()
            self._past.append(intent)
            yield from [intent] * (3 if draw > 1 - CONCURRENT_SHARE else 1)

    def _expired_intent(self) -> OrderIntent | None:
        """Return an earlier order whose key's time is over, for a share of the customers while keys expire."""
        if not (self._target.do_customers_return and self._past and self._rng.random() < RETURNING_SHARE):
            return None
        before = self._rng.choice(self._past)
        return before if self._key_times.is_over((before.restaurant, before.key), time.time()) else None

    def _other_body(self, before: OrderIntent) -> OrderIntent:
        return OrderIntent(
            before.restaurant, before.key, self._lines(), before.customer, method=before.method
        )

    def _new_intent(self) -> OrderIntent:
        self.intents += 1
        rng = self._rng
        is_hot = self._target.is_hot and rng.random() < HOT_SHARE
        restaurant = HOT if is_hot else rng.choice(RESTAURANTS)
        lines = self._lines()
        expected = None
        if rng.random() < 0.05:
            expected = rng.choice([PRICE, PROMO_PRICE] if lines[0][0] == PROMOTED else [PRICE, PRICE - 1])
        return OrderIntent(
            restaurant, f"k-{self.intents}", lines, rng.choice(NAMES), expected, rng.choice(METHODS)
        )

    def _lines(self) -> list[tuple[str, int]]:
        skus = self._rng.sample(SKUS, self._rng.choice([1, 1, 1, 2, 2, 3]))
        if self._rng.random() < 0.003:
            skus.append("nada")
        return [(sku, self._rng.randint(1, 5 if sku == UNLIMITED else 2)) for sku in skus]

    async def _retry_until_decided(self, intent: OrderIntent, asynchronous: bool = False) -> None:
        asynchronous = asynchronous or self._rng.random() < ASYNCHRONOUS_SHARE
        deadline = time.monotonic() + RETRY_TIMEOUT_SECONDS
        pause = FIRST_PAUSE_SECONDS
        while True:
            attempt, retry_after = await self._send(intent, asynchronous)
            if attempt.status not in NOT_YET:
                if attempt.status == 201:
                    order = json.loads(attempt.body)
                    await self._readers.read_after(intent.restaurant, order, "received")
                if attempt.status == 201 and not attempt.replayed and self._rng.random() < ADVANCED_SHARE:
                    self._followers.follow_order(order)
                    await self._lifecycles.run(intent.restaurant, order)
                return
            if time.monotonic() > deadline:
                self.unanswered.append(intent)
                return
            await asyncio.sleep(retry_after + self._rng.uniform(0.0, pause))
            await self._retries.wait()
            pause = min(MAX_PAUSE_SECONDS, 2 * pause)
            asynchronous = False

    async def _send(self, intent: OrderIntent, asynchronous: bool) -> tuple[OrderAttempt, float]:
        """Make one attempt; return it with the Retry-After of the response, in seconds."""
        headers = {"Idempotency-Key": intent.key, "Accept-Language": "en"}
        if token := self._tokens.get(intent.customer):
            headers["Authorization"] = f"Bearer {token}"
        if asynchronous:
            headers["Prefer"] = "respond-async"
        at, started = time.time(), time.monotonic()
        status, body, replayed, retry_after, failure = 0, b"", False, 0.0, ""
        try:
            url = f"{self._target.stack.url}/v1/orders"
            async with self._session.post(url, json=intent.body(), headers=headers) as response:
                body = await response.read()
                status = response.status
                replayed = response.headers.get("Idempotency-Replayed") == "true"
                retry_after = float(response.headers.get("Retry-After", 0))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            status, body, failure = 0, b"", type(error).__name__
        order_id = json.loads(body).get("order_id") if body else None
        key, answered_at = (intent.restaurant, intent.key), time.time()
        self._key_times.record(key, at, answered_at, is_known=order_id is not None and status != 202)
        attempt = OrderAttempt(
            intent.restaurant,
            intent.key,
            intent.lines,
            status,
            body,
            replayed,
            order_id,
            variant=f"{intent.customer} {intent.expected} {intent.method}",
            key_is=self._key_times.state(key, at, answered_at),
        )
        self.attempts.append(attempt)
        self.timings.append(AttemptTiming(at, time.monotonic() - started, not asynchronous, failure))
        return attempt, retry_after
