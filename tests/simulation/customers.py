"""Customers, restaurants, and a vandal: what is asked of the cluster, by seed."""

import asyncio
import json
import random
from collections.abc import Callable

from msgspec.structs import replace

from schemas import buckets, codec
from schemas.codec import ReplyAddress
from schemas.commands import AdvanceOrder, CancelOrder, Command, PromotionItem, PutRestaurant, Tick
from schemas.identity import cancel_key_hash
from schemas.money import Money
from schemas.replies import Outcome, Reply
from schemas.topics import BUCKET_COMMANDS, PAYMENT_REQUESTS
from streams.exactly_once.ports import Message, Output
from tests.checker.observations import Call
from tests.domain.world import menu_item, place, promotion
from tests.simulation.cluster import Cluster
from tests.simulation.faults import Faults
from tests.simulation.provider import SLOWEST, Provider

#: Virtual seconds that a customer waits for a reply before the same is asked again.
PATIENCE = 1.0
#: Virtual seconds in which the customers come.
DURATION = 12.0
RESTAURANTS = ["r0", "r1", "r2", "r3"]
SKUS = ["coxinha", "pastel", "agua"]
STATUSES: dict[Outcome, int] = {
    "confirmed": 201,
    "out_of_stock": 409,
    "price_changed": 409,
    "promotion_closed": 409,
    "limit_reached": 409,
    "customer_required": 400,
    "unknown_restaurant": 404,
    "unknown_item": 404,
    "key_reused": 422,
    "payment_declined": 402,
    "payment_timeout": 402,
}


class Customers:
    """Everyone who asks, and what they were told."""

    def __init__(
        self, rng: random.Random, faults: Faults, trace: Callable[..., None], commands: int, count: int = 1
    ) -> None:
        self.calls: list[Call] = []
        self.poisoned = 0
        self.answers_ahead = 0
        self._rng = rng
        self._faults = faults
        self._trace = trace
        self._commands = commands
        self._buckets = count  # of each restaurant
        self._under_way = 0  # commands between buckets
        self._last_order: dict[int, float] = {}  # when the last passed order of a partition arrives
        self._cluster: Cluster
        self._waiting: dict[bytes, asyncio.Future[Reply]] = {}
        self._asked = 0
        self.provider = Provider(rng, lambda restaurant, command: self._put(restaurant, command, []))

    async def run(self, cluster: Cluster) -> None:
        """Ask everything, and wait until all of it is decided."""
        self._cluster = cluster
        for restaurant in RESTAURANTS:
            await self._ask(PutRestaurant(restaurant, "Cantina", 3, 2 if restaurant == "r1" else 600))
            for sku in SKUS:
                portions = None if sku == "agua" else self._rng.randrange(40)
                await self._ask(menu_item(sku, portions, restaurant=restaurant))
        ticking = asyncio.create_task(self._tick())
        await asyncio.gather(*(self._one() for _ in range(self._commands)))
        await asyncio.sleep(2 * SLOWEST)  # reservations run out, and refunds come back
        ticking.cancel()

    def deliver(self, output: Output) -> None:
        """A reply can be read, and may be lost on the way, or late; or a payment is asked for."""
        if id(output) not in self._cluster.readable:
            self.answers_ahead += 1
        if output.topic == BUCKET_COMMANDS.name:
            self._carry(output)
            return
        if output.topic == PAYMENT_REQUESTS.name:
            self.provider.ask(output)
            return
        fault = self._faults.strike("reply")
        if fault == "lost reply":
            return
        delay = PATIENCE * 1.5 if fault == "late reply" else 0.002
        asyncio.get_running_loop().call_later(delay, self._arrive, output)

    async def settled(self) -> None:
        """Return when nothing is under way between buckets any more."""
        while self._under_way:
            await asyncio.sleep(0.1)

    def _carry(self, output: Output) -> None:
        """A bucket's command goes to another: some late, so that it is overtaken, and some twice."""
        rng, loop = self._rng, asyncio.get_running_loop()
        delay = rng.random() * (1.5 if rng.random() < 0.03 else 0.03)
        if b'"place-order"' in (output.value or b""):
            # who asks is answered as often as it comes; and a later attempt overtakes no earlier one
            at = max(loop.time() + delay, self._last_order.get(output.partition, 0.0) + 1e-6)
            self._last_order[output.partition] = at
            self._under_way += 1
            loop.call_at(at, self._come_in, output)
            return
        for _ in range(rng.choice([1] * 9 + [2])):
            self._under_way += 1
            loop.call_later(delay, self._come_in, output)
            delay = rng.random() * 0.03

    def _come_in(self, output: Output) -> None:
        self._under_way -= 1
        self._put((output.key or b"").decode(), output.value or b"", list(output.headers))

    def _arrive(self, output: Output) -> None:
        correlation_id = codec.header(output.headers, "correlation-id")
        future = self._waiting.pop(correlation_id or b"", None)
        if future is not None and not future.done():
            future.set_result(codec.decode_reply(output.value or b""))

    async def _one(self) -> None:
        rng = self._rng
        await asyncio.sleep(rng.random() * DURATION)
        restaurant = rng.choice(RESTAURANTS)
        dice = rng.random()
        if dice < 0.02:
            self.poisoned += 1
            self._put(
                restaurant,
                rng.choice([b"{", b"", b'{"type":"nope"}', b'{"type":"place-order"}', b"\xff"]),
                [],
            )
        elif dice < 0.05:
            await self._ask(menu_item(rng.choice(SKUS[:2]), rng.randrange(60), restaurant=restaurant))
        elif dice < 0.07:
            start = int(self._now()) - 1000 + rng.randrange(4000)
            item = PromotionItem(rng.choice(SKUS), Money(500), rng.randrange(20), rng.choice([None, 2]))
            await self._ask(promotion(item, id_=rng.choice(["p1", "p2"]), starts=start, ends=start + 3000))
        else:
            key = f"k{rng.randrange(self._commands)}"
            lines = [(rng.choice(SKUS), 1 + rng.randrange(3)) for _ in range(1 + rng.randrange(3))]
            await asyncio.gather(
                *(self._order(restaurant, key, lines) for _ in range(rng.choice([1, 1, 1, 2, 3])))
            )

    async def _order(self, restaurant: str, key: str, lines: list[tuple[str, int]]) -> None:
        customer = self._rng.choice([None, "ana", "bia"])
        method = self._rng.choice(["cash", "pix"])
        command = place(key, *lines, restaurant=restaurant, customer=customer, method=method)
        if self._buckets > 1:
            number = buckets.choose(command.idempotency_key_hash, self._buckets)
            command = replace(command, restaurant_id=buckets.bucket(restaurant, number))
        reply = await self._ask(command)
        order = reply.answer.order
        self.calls.append(
            Call(
                restaurant_id=restaurant,
                key=key,
                lines=lines,
                status=STATUSES[reply.answer.outcome],
                body=codec.encode(reply.answer),
                replayed=reply.replayed,
                order_id=order.order_id if order else None,
            )
        )
        if reply.answer.outcome == "confirmed" and not reply.replayed and self._rng.random() < 0.4:
            place_ = buckets.bucket(restaurant, (order.bucket or 0) if order else 0)
            await self._live_on(place_, command.order_id)

    async def _live_on(self, restaurant: str, order_id: str) -> None:
        """The restaurant moves the order on, or somebody takes it back."""
        for status in ("preparing", "out_for_delivery", "delivered"):
            await asyncio.sleep(self._rng.random())
            if self._rng.random() < 0.3:
                by = self._rng.choice(["customer", "restaurant"])
                cancel_hash = cancel_key_hash(restaurant, order_id, by)
                await self._ask(CancelOrder(restaurant, order_id, by, cancel_hash, by))
            await self._ask(AdvanceOrder(restaurant, order_id, status))

    async def _ask(self, command: Command) -> Reply:
        while True:
            self._asked += 1
            correlation_id = b"%d" % self._asked
            future = self._waiting[correlation_id] = asyncio.get_running_loop().create_future()
            headers = codec.headers(
                type(command), f"c{self._asked}", codec.NO_TRACE, ReplyAddress(0, correlation_id)
            )
            self._put(getattr(command, "restaurant_id", ""), codec.encode(command), headers)
            done, _ = await asyncio.wait([future], timeout=PATIENCE)
            if done:
                return future.result()

    async def _tick(self) -> None:
        while True:
            for partition in range(len(self._cluster.brokers)):
                self._append(partition, b"", codec.encode(Tick()), [])
            await asyncio.sleep(1.0)

    def _put(self, restaurant: str, value: bytes, headers: codec.Headers) -> None:
        home = RESTAURANTS.index(buckets.restaurant(restaurant))
        partition = (home + buckets.number(restaurant)) % len(self._cluster.brokers)
        self._append(partition, restaurant.encode(), value, headers)

    def _append(self, partition: int, key: bytes, value: bytes, headers: codec.Headers) -> None:
        inputs = self._cluster.brokers[partition].inputs
        self._trace("input", partition, len(inputs), value)
        self._cluster.append(
            partition,
            Message("order.commands", partition, len(inputs), int(self._now()), key, value, headers),
        )

    def _now(self) -> float:
        return 1_767_225_600_000 + asyncio.get_running_loop().time() * 1000


def value_of(raw: bytes | None) -> dict[str, object]:
    """Decode a fact as an outside reader does."""
    return json.loads(raw or b"null")
