"""Customers, restaurants, and a producer of garbage: the commands to the cluster, by seed."""

import asyncio
import json
import random
from collections.abc import Callable

from msgspec import UNSET
from msgspec.structs import replace

from schemas import buckets, codec
from schemas.assurance import Assurance
from schemas.codec import ReplyAddress
from schemas.commands import (
    CASH,
    AdvanceOrder,
    CancelOrder,
    Command,
    CustomerRef,
    DeleteMenuItem,
    DeletePromotion,
    PromotionItem,
    PutPromotion,
    PutRestaurant,
    Tick,
    restaurant_of,
)
from schemas.identity import cancel_key_hash
from schemas.money import Money
from schemas.orders import Order, is_refused
from schemas.replies import Outcome, Reply
from schemas.timestamps import from_text
from schemas.topics import BUCKET_COMMANDS, PAYMENT_REQUESTS
from streams.exactly_once.clock_guard import LeapAcceptance
from streams.exactly_once.ports import Message, Output
from tests.checker.observations import KeyState, OrderAttempt, Put
from tests.simulation.cluster import EPOCH_MS, MAX_RECORD_BYTES, POLICY, Cluster
from tests.simulation.faults import Faults
from tests.simulation.provider import MAX_DELAY, SimulatedProvider
from tests.support.domain.harness import menu_item, place, promotion

#: Virtual seconds that a customer waits for a reply before the command is sent again.
REPLY_TIMEOUT = 1.0
#: Virtual seconds in which the customers arrive.
DURATION = 12.0
RESTAURANTS = ["r0", "r1", "r2", "r3"]
SKUS = ["coxinha", "pastel", "agua"]
#: What promotions ask a customer to prove; few ask for more than a limit does.
ASSURANCES: list[Assurance] = ["none", "none", "none", "device", "phone"]
STATUSES: dict[Outcome, int] = {
    "confirmed": 201,
    "out_of_stock": 409,
    "price_changed": 409,
    "promotion_closed": 409,
    "limit_reached": 409,
    "cash_limit_reached": 409,
    "customer_required": 403,
    "unknown_restaurant": 404,
    "unknown_item": 404,
    "key_reused": 422,
    "payment_declined": 402,
    "payment_timeout": 402,
    "undecidable": 503,
}

DAY_MS = 86_400_000
#: Virtual seconds in which a tick has fired a timer that is due, and after which most orders have left the state.
TICKS = 2
LEFT_SECONDS = 45
#: Why orders are cancelled whose payment may still have to be taken back.
PAYMENT_REASONS = ("payment_timeout", "customer", "restaurant")
#: Virtual seconds after which an operator accepts a leap of time.
OPERATOR_SECONDS = 1.0


class Customers:
    """All clients, and the replies that they got."""

    def __init__(
        self, rng: random.Random, faults: Faults, trace: Callable[..., None], commands: int, count: int = 1
    ) -> None:
        self.calls: list[OrderAttempt] = []
        self.puts: list[Put] = []
        self._promotions: dict[str, PutPromotion] = {}  # the latest that was accepted, by restaurant
        self.poisoned = 0
        self.answers_ahead = 0
        self._rng = rng
        self._faults = faults
        self._trace = trace
        self._commands = commands
        self._buckets = count  # of each restaurant
        self._first_used: dict[tuple[str, str], float] = {}  # when the first order under a key was sent
        self._came_back: set[tuple[str, str]] = set()  # keys that are used again after their time
        self._in_flight = 0  # commands between buckets
        self._last_order: dict[int, float] = {}  # when the last forwarded order of a partition arrives
        self._cluster: Cluster
        self._pending: dict[bytes, asyncio.Future[Reply]] = {}
        self._sent = 0
        self.provider = SimulatedProvider(rng, lambda restaurant, command: self._put(restaurant, command, []))

    async def run(self, cluster: Cluster) -> None:
        """Send all commands, and wait until they are decided."""
        self._cluster = cluster
        for restaurant in RESTAURANTS:
            await self._send(PutRestaurant(restaurant, "Cantina", 3, 2 if restaurant == "r1" else 600))
            for sku in SKUS:
                portions = None if sku == "agua" else self._rng.randrange(40)
                await self._put_item(restaurant, sku, portions, 1000)
            start = int(self._now())
            first = promotion(
                PromotionItem("agua", Money(500), 30, cash_portions=6), starts=start, ends=start + 9000
            )
            await self._put_promotion(replace(first, restaurant_id=restaurant))
        ticking = asyncio.create_task(self._tick())
        await asyncio.gather(*(self._run_client() for _ in range(self._commands)))
        await asyncio.sleep(2 * MAX_DELAY)  # reservations expire, and refunds arrive
        ticking.cancel()

    def deliver(self, output: Output) -> None:
        """Deliver a committed record: a reply, which may be lost or late, a payment request, or a bucket's command."""
        if id(output) not in self._cluster.readable:
            self.answers_ahead += 1
        if output.topic == BUCKET_COMMANDS.name:
            self._forward(output)
            return
        if output.topic == PAYMENT_REQUESTS.name:
            self.provider.request(output)
            return
        fault = self._faults.strike("reply")
        if fault == "lost reply":
            return
        delay = REPLY_TIMEOUT * 1.5 if fault == "late reply" else 0.002
        asyncio.get_running_loop().call_later(delay, self._resolve, output)

    async def wait_until_settled(self) -> None:
        """Return when no command is in flight between buckets."""
        while self._in_flight:
            await asyncio.sleep(0.1)

    def _forward(self, output: Output) -> None:
        """Send a bucket's command to another: some late, so that it is overtaken, and some twice."""
        rng, loop = self._rng, asyncio.get_running_loop()
        delay = rng.random() * (1.5 if rng.random() < 0.03 else 0.03)
        if b'"place-order"' in (output.value or b""):
            # the caller gets a reply for each delivery, and no attempt may overtake an earlier one
            at = max(loop.time() + delay, self._last_order.get(output.partition, 0.0) + 1e-6)
            self._last_order[output.partition] = at
            self._in_flight += 1
            loop.call_at(at, self._arrive_at_bucket, output)
            return
        for _ in range(rng.choice([1] * 9 + [2])):
            self._in_flight += 1
            loop.call_later(delay, self._arrive_at_bucket, output)
            delay = rng.random() * 0.03

    def _arrive_at_bucket(self, output: Output) -> None:
        self._in_flight -= 1
        self._put((output.key or b"").decode(), output.value or b"", list(output.headers))

    def _resolve(self, output: Output) -> None:
        correlation_id = codec.header(output.headers, "correlation-id")
        future = self._pending.pop(correlation_id or b"", None)
        if future is not None and not future.done():
            future.set_result(codec.decode_reply(output.value or b""))

    async def _run_client(self) -> None:
        rng = self._rng
        await asyncio.sleep(rng.random() * DURATION)
        restaurant = rng.choice(RESTAURANTS)
        dice = rng.random()
        if dice < 0.02:
            self.poisoned += 1
            self._put(
                restaurant,
                rng.choice(
                    [
                        b"{",
                        b"",
                        b'{"type":"nope"}',
                        b'{"type":"place-order"}',
                        b"\xff",
                        self._large(restaurant),
                    ]
                ),
                [],
            )
        elif dice < 0.05:
            portions = rng.choice([0, rng.randrange(8), rng.randrange(60)])
            await self._put_item(restaurant, rng.choice(SKUS[:2]), portions, rng.choice([1000, 450]))
        elif dice < 0.11:
            await self._put_promotion(self._changed_promotion(restaurant))
        elif dice < 0.13:
            await self._delete_item(restaurant, rng.choice(SKUS[:2]))
        elif dice < 0.15:
            await self._delete_promotion(restaurant)
        else:
            key = f"k{rng.randrange(self._commands)}"
            lines = [(rng.choice(SKUS), 1 + rng.randrange(3)) for _ in range(1 + rng.randrange(3))]
            times = rng.choice([1, 1, 1, 2, 3])
            await asyncio.gather(*(self._order(restaurant, key, lines) for _ in range(times)))

    def _large(self, restaurant: str) -> bytes:
        """Return a command that the broker takes, and whose fact it refuses."""
        command = menu_item("agua", None, restaurant=restaurant)
        return codec.encode(replace(command, description="x" * MAX_RECORD_BYTES))

    async def _put_item(self, restaurant: str, sku: str, portions: int | None, price: int) -> None:
        reply = await self._send(menu_item(sku, portions, restaurant=restaurant, price=price))
        self.puts.append(Put(restaurant, sku, "", portions, reply.answer.version))

    async def _put_promotion(self, command: PutPromotion) -> None:
        reply = await self._send(command)
        if version := reply.answer.version:
            self._promotions[command.restaurant_id] = command
            (item,) = command.items
            put = Put(command.restaurant_id, item.sku, command.promotion_id, item.portions, version)
            self.puts.append(put)

    async def _delete_item(self, restaurant: str, sku: str) -> None:
        """Delete an item; most come again after a while, with other portions."""
        reply = await self._send(DeleteMenuItem(restaurant, sku))
        if reply.answer.outcome == "has_buckets":
            return
        await asyncio.sleep(self._rng.choice([0.0, self._rng.random()]))
        await self._put_item(restaurant, sku, self._rng.randrange(40), 1000)
        if self._rng.random() < 0.1:
            await self._send(DeleteMenuItem(restaurant, sku))

    async def _delete_promotion(self, restaurant: str) -> None:
        """Delete the latest promotion, and put it again as it was, or not at all."""
        if (before := self._promotions.get(restaurant)) is None:
            return
        await self._send(DeletePromotion(restaurant, before.promotion_id))
        if self._rng.random() < 0.7:
            await asyncio.sleep(self._rng.choice([0.0, self._rng.random()]))
            await self._put_promotion(before)

    def _changed_promotion(self, restaurant: str) -> PutPromotion:
        """Return a new or changed promotion, or the latest with only its limit changed."""
        before = self._promotions.get(restaurant)  # none, if a planted bug has lost the restaurant
        if before is None or self._rng.random() < 0.5:
            return self._new_promotion(restaurant)
        (item,) = before.items
        changed = replace(item, per_customer_limit=self._rng.choice([None, 1, 2]))
        return replace(before, items=[changed], customer_assurance=self._rng.choice(ASSURANCES))

    def _new_promotion(self, restaurant: str) -> PutPromotion:
        """Return a promotion of one item; some cost too much, offer too many portions, or are over."""
        rng = self._rng
        start = int(self._now()) - 1000 + rng.randrange(4000)
        ends = start + rng.choice([9000, 6000, 3000, 500])
        item = PromotionItem(
            rng.choice([SKUS[0], SKUS[0], *SKUS]),
            Money(rng.choice([400, 500, 500, 1000])),
            rng.choice([rng.randrange(4), rng.randrange(20)]),
            rng.choice([None, None, 2]),
            rng.choice([UNSET, "sold_out", "regular_price"]),
            rng.choice([UNSET, 1, 3]),
        )
        command = promotion(item, id_=rng.choice(["p1", "p2"]), starts=start, ends=ends)
        return replace(command, restaurant_id=restaurant, customer_assurance=rng.choice(ASSURANCES))

    async def _order(
        self, restaurant: str, key: str, lines: list[tuple[str, int]], came_back: Order | None = None
    ) -> None:
        """Place an order; `came_back`: under the key of that order, whose time is over."""
        sent_at = self._now()
        first_used = self._first_used.setdefault((restaurant, key), self._now())
        customer = self._rng.choice([None, "ana", "bia"])
        method = self._rng.choice(["cash", "pix"])
        command = place(key, *lines, restaurant=restaurant, customer=customer, method=method)
        if method == CASH:
            command = replace(command, client=self._rng.choice(["", "n1", "n2"]))
        if customer == "bia":  # she has proved her phone
            command = replace(command, customer=CustomerRef(customer, "phone"))
        if self._buckets > 1:
            number = buckets.choose(command.idempotency_key_hash, self._buckets)
            command = replace(command, restaurant_id=buckets.bucket(restaurant, number))
        reply = await self._send(command)
        order = reply.answer.order
        self.calls.append(
            OrderAttempt(
                restaurant_id=restaurant,
                key=key,
                lines=lines,
                status=STATUSES[reply.answer.outcome],
                body=codec.encode(reply.answer),
                replayed=reply.replayed,
                order_id=order.order_id if order else None,
                variant=customer or "",
                key_is=self._key_state(first_used, sent_at, came_back),
            )
        )
        if reply.answer.outcome == "confirmed" and not reply.replayed and self._rng.random() < 0.4:
            bucket = buckets.bucket(restaurant, (order.bucket or 0) if order else 0)
            await self._complete(bucket, command.order_id)
        is_first = (restaurant, key) not in self._came_back  # later ones meet what the first one ordered
        if order is not None and is_first and self._faults.strike("customer"):
            self._came_back.add((restaurant, key))
            await self._come_back(order, key, lines)

    def _key_state(self, first_used: float, sent_at: float, came_back: Order | None) -> KeyState:
        """Return what is certain of a key when its request was sent and is answered."""
        if came_back is None:
            is_live = self._now() < first_used + POLICY.idempotency_ttl_seconds * 1000
            return "live" if is_live else "unsure"
        if self._now() < from_text(came_back.created_at) + POLICY.refusal_retention_seconds * 1000:
            return "over"
        left_at = from_text(came_back.updated_at) + (POLICY.refusal_retention_seconds + TICKS) * 1000
        is_unpaid = is_refused(came_back) and came_back.reason not in PAYMENT_REASONS
        return "free" if is_unpaid and sent_at > left_at else "unsure"

    async def _come_back(self, order: Order, key: str, lines: list[tuple[str, int]]) -> None:
        """Wait until the key's time is over, or the order has left, and order again, the same or something else."""
        seconds = self._rng.choice([POLICY.idempotency_ttl_seconds, LEFT_SECONDS, LEFT_SECONDS])
        ends = from_text(order.created_at) + seconds * 1000 + 1
        await asyncio.sleep(max(0.0, (ends - self._now()) / 1000))
        again = self._rng.choice([lines, [(SKUS[2], 1)]])
        await self._order(buckets.restaurant(order.restaurant_id), key, again, came_back=order)

    async def _complete(self, restaurant: str, order_id: str) -> None:
        """Move an order on to its end; now and then it is cancelled."""
        for status in ("preparing", "out_for_delivery", "delivered"):
            await asyncio.sleep(self._rng.random())
            if self._rng.random() < 0.3:
                by = self._rng.choice(["customer", "restaurant"])
                cancel_hash = cancel_key_hash(order_id, by)
                await self._send(CancelOrder(restaurant, order_id, by, cancel_hash, by))
            await self._send(AdvanceOrder(restaurant, order_id, status))

    async def _send(self, command: Command) -> Reply:
        while True:
            self._sent += 1
            correlation_id = b"%d" % self._sent
            future = self._pending[correlation_id] = asyncio.get_running_loop().create_future()
            headers = codec.headers(
                type(command), f"c{self._sent}", codec.NO_TRACE, ReplyAddress(0, correlation_id)
            )
            self._put(restaurant_of(command), codec.encode(command), headers)
            done, _ = await asyncio.wait([future], timeout=REPLY_TIMEOUT)
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
        broker = self._cluster.brokers[partition]
        offset, timestamp = len(broker.inputs), int(self._now())
        self._trace("input", partition, offset, value)
        if self._faults.strike("clock"):
            timestamp += DAY_MS
            acceptance = LeapAcceptance(offset, offset + 1, True, "the broker's clock was wrong")
            asyncio.get_running_loop().call_later(OPERATOR_SECONDS, broker.acceptances.append, acceptance)
        message = Message("order.commands", partition, offset, timestamp, key, value, headers)
        self._cluster.append(partition, message)

    def _now(self) -> float:
        return EPOCH_MS + asyncio.get_running_loop().time() * 1000


def value_of(raw: bytes | None) -> dict[str, object]:
    """Decode a fact as an outside reader does."""
    return json.loads(raw or b"null")
