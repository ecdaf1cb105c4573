"""Customers that do as they should: the same key again, with full jitter, within a budget, until they are told."""

import asyncio
import json
import random
import time
from collections.abc import Iterator

import aiohttp
from msgspec import Struct

from tests.chaos.followers import Followers
from tests.chaos.lives import Lives
from tests.chaos.shop import HOT, PRICE, PROMO_PRICE, PROMOTED, RESTAURANTS, SKUS, UNLIMITED
from tests.chaos.world import World
from tests.checker.observations import Call
from tests.checker.service import NOT_YET
from tests.e2e.customers import order_body

#: Seconds that a customer goes on asking; who has no answer by then is asked about after the campaign.
PATIENCE = 40.0
FIRST_PAUSE = 0.1
QUICK_SECONDS = 1.0
LONGEST_PAUSE = 2.0
#: Retries a second, of all customers together: a slow part is not hit harder.
RETRIES_PER_SECOND = 60.0
#: Shares of the customers: who ask several times at once, who reuse a key for another order, who ask again
#: for an order of before, who do not wait.
AT_ONCE = 0.08
REUSED = 0.02
AGAIN = 0.03
ASYNCHRONOUS = 0.05
#: Share of the traffic that a hot restaurant has.
HEAT = 0.8
#: How customers pay; twice as often through the provider as at the door.
METHODS = ["pix", "card", "cash"]
#: Share of the confirmed orders that live on: moved on by the restaurant, or cancelled.
LIVELY = 0.25


class Wish(Struct, frozen=True):
    """An order that somebody wants."""

    restaurant: str
    key: str
    lines: list[tuple[str, int]]
    customer: str
    expected: int | None = None  # of the first line
    method: str = "cash"

    def body(self) -> dict[str, object]:
        """The request's body; the same wish has the same bytes."""
        body = order_body(self.restaurant, *self.lines, method=self.method)
        body["customer"] = {"id": self.customer}
        if self.expected is not None:
            body["items"][0]["expected_unit_price"] = {"amount": self.expected, "currency": "BRL"}
        return body


class Exchange(Struct, frozen=True):
    """When a call was made, and how long it took; beside the Call that says what."""

    at: float  # of time.time()
    seconds: float
    waited: bool  # not asynchronous
    error: str = ""  # why there is no answer


class Budget:
    """So many a second, and as many saved up."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._next = 0.0

    async def take(self) -> None:
        """Return when it is one's turn."""
        now = time.monotonic()
        self._next = max(self._next, now - 1.0) + 1.0 / self._rate
        await asyncio.sleep(max(0.0, self._next - now))


class Customers:
    """Arrive at random times at a rate, whatever becomes of those before."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        world: World,
        lives: Lives,
        followers: Followers,
        seed: int,
        rate: float,
    ) -> None:
        self.calls: list[Call] = []
        self.exchanges: list[Exchange] = []
        self.wishes = 0
        self.unanswered: list[Wish] = []
        self.going = True
        self._session = session
        self._world = world
        self._lives = lives
        self._followers = followers
        self._rng = random.Random(f"{seed}/customers")
        self._rate = rate
        self._budget = Budget(RETRIES_PER_SECOND)
        self._past: list[Wish] = []
        self._canaries = 0

    async def arrive(self) -> None:
        """Let customers arrive until told to stop; returns when all have been answered, or have given up."""
        async with asyncio.TaskGroup() as group:
            due = time.monotonic()
            while self.going:
                due += self._rng.expovariate(self._rate)
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                for wish in self._come():
                    group.create_task(self._insist(wish, PATIENCE))

    async def ask_again(self, share: float) -> None:
        """After quiet: whoever was not told asks until told, and a share of the others once more."""
        wishes = self.unanswered + [wish for wish in self._past if self._rng.random() < share]
        self.unanswered = []
        for start in range(0, len(wishes), 20):
            await asyncio.gather(*(self._insist(wish, PATIENCE) for wish in wishes[start : start + 20]))

    async def everyone_is_served(self) -> bool:
        """Order at every restaurant; say whether all were decided quickly."""
        self._canaries += 1
        wishes = [Wish(r, f"canary-{self._canaries}", [(UNLIMITED, 1)], "canary") for r in RESTAURANTS]
        before = time.monotonic()
        answers = await asyncio.gather(*(self._ask(wish, False) for wish in wishes))
        self.unanswered += [w for w, (call, _) in zip(wishes, answers, strict=True) if call.status in NOT_YET]
        return all(c.status not in NOT_YET for c, _ in answers) and time.monotonic() - before < QUICK_SECONDS

    def _come(self) -> Iterator[Wish]:
        dice = self._rng.random()
        if self._past and dice < REUSED:
            before = self._rng.choice(self._past)
            yield Wish(before.restaurant, before.key, self._lines(), before.customer, method=before.method)
        elif self._past and dice < REUSED + AGAIN:
            yield self._rng.choice(self._past)
        else:
            wish = self._wish()
            self._past.append(wish)
            yield from [wish] * (3 if dice > 1 - AT_ONCE else 1)

    def _wish(self) -> Wish:
        self.wishes += 1
        rng = self._rng
        hot = self._world.hot and rng.random() < HEAT
        restaurant = HOT if hot else rng.choice(RESTAURANTS)
        lines = self._lines()
        expected = None
        if rng.random() < 0.05:
            expected = rng.choice([PRICE, PROMO_PRICE] if lines[0][0] == PROMOTED else [PRICE, PRICE - 1])
        return Wish(
            restaurant, f"k-{self.wishes}", lines, f"c-{rng.randrange(400)}", expected, rng.choice(METHODS)
        )

    def _lines(self) -> list[tuple[str, int]]:
        skus = self._rng.sample(SKUS, self._rng.choice([1, 1, 1, 2, 2, 3]))
        if self._rng.random() < 0.003:
            skus.append("nada")
        return [(sku, self._rng.randint(1, 5 if sku == UNLIMITED else 2)) for sku in skus]

    async def _insist(self, wish: Wish, patience: float) -> None:
        asynchronous = self._rng.random() < ASYNCHRONOUS
        deadline = time.monotonic() + patience
        pause = FIRST_PAUSE
        while True:
            call, retry_after = await self._ask(wish, asynchronous)
            if call.status not in NOT_YET:
                if call.status == 201 and not call.replayed and self._rng.random() < LIVELY:
                    order = json.loads(call.body)
                    self._followers.follow(order)
                    await self._lives.live_on(wish.restaurant, order)
                return
            if time.monotonic() > deadline:
                self.unanswered.append(wish)
                return
            await asyncio.sleep(retry_after + self._rng.uniform(0.0, pause))
            await self._budget.take()
            pause = min(LONGEST_PAUSE, 2 * pause)
            asynchronous = False

    async def _ask(self, wish: Wish, asynchronous: bool) -> tuple[Call, float]:
        """Make one call; return it, and how long one is asked to wait before the next."""
        headers = {"Idempotency-Key": wish.key, "Accept-Language": "en"}
        if asynchronous:
            headers["Prefer"] = "respond-async"
        at, started = time.time(), time.monotonic()
        status, body, replayed, retry_after, failure = 0, b"", False, 0.0, ""
        try:
            url = f"{self._world.stack.url}/v1/orders"
            async with self._session.post(url, json=wish.body(), headers=headers) as answer:
                body = await answer.read()
                status = answer.status
                replayed = answer.headers.get("Idempotency-Replayed") == "true"
                retry_after = float(answer.headers.get("Retry-After", 0))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            status, body, failure = 0, b"", type(error).__name__
        order_id = json.loads(body).get("order_id") if body else None
        call = Call(wish.restaurant, wish.key, wish.lines, status, body, replayed, order_id)
        self.calls.append(call)
        self.exchanges.append(Exchange(at, time.monotonic() - started, not asynchronous, failure))
        return call, retry_after
