"""Customers that order: some send the order twice; they retry with the same key and full jitter until it is decided."""

import asyncio
import json
import random
import time
from collections.abc import Iterator

from msgspec import Struct

from tests.checker.observations import OrderAttempt
from tests.checker.service import NOT_YET
from tests.surge import restaurants
from tests.surge.http_client import ConnectionPool, header
from tests.surge.load_client import LoadClient
from tests.surge.tally import DECIDED, Tally

#: Customers of one process of the load, who order by turns.
CUSTOMERS = 200
#: Share of the customers that send their order twice.
DUPLICATE_SHARE = 0.05
#: Seconds between the two, at most.
MAX_DUPLICATE_DELAY = 0.2
#: How long a customer retries.
RETRY_TIMEOUT_SECONDS = 40.0
FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.1, 2.0
#: Retries of all customers together, as a share of the orders, so that retries do not add to an overload.
RETRY_SHARE = 0.5
#: Retries that may be saved up.
MAX_SAVED_RETRIES = 50.0


class TimedAttempt(Struct, frozen=True):
    """One attempt to order, with its time (of time.time()) and duration in seconds."""

    at: float
    seconds: float
    attempt: OrderAttempt


class OrderToPlace(Struct, frozen=True):
    """An order, the second of the window at which it is due, and its HTTP request."""

    due: float
    restaurant: str
    key: str
    lines: list[tuple[str, int]]
    request: bytes


class LoadCustomers(LoadClient):
    """Customers that order at given times, and retry until the order is decided."""

    def __init__(
        self,
        pool: ConnectionPool,
        tally: Tally,
        rng: random.Random,
        begin_at: float,
        name: str,
        tokens: list[str],
    ) -> None:
        super().__init__(pool, tally, rng, begin_at, name)
        self._tokens = tokens
        self.attempts: list[TimedAttempt] = []
        self._saved_retries = MAX_SAVED_RETRIES
        self._number = 0

    async def run(self, arrivals: Iterator[float]) -> None:
        """Return when all orders are decided or given up."""
        async with asyncio.TaskGroup() as group:
            for at in arrivals:
                await asyncio.sleep(max(0.0, self._begin_at + at - time.time()))
                group.create_task(self._place(at))

    async def _place(self, at: float) -> None:
        self._number += 1
        self._saved_retries = min(MAX_SAVED_RETRIES, self._saved_retries + RETRY_SHARE)
        key = f"{self._name}-{self._number}"
        restaurant, lines, body = restaurants.draw_order(self._rng)
        request = encode_request(key, body, bearer(self._rng.choice(self._tokens)))
        order = OrderToPlace(at, restaurant, key, lines, request)
        self._count_due("orders", at)
        is_duplicated = self._rng.random() < DUPLICATE_SHARE
        duplicate = asyncio.ensure_future(self._place_later(order)) if is_duplicated else None
        status = await self._retry_until_decided(order)
        self._tally.of("orders", at).count_final(status, time.time() - self._begin_at - at)
        if duplicate is not None:
            await duplicate

    async def _place_later(self, order: OrderToPlace) -> None:
        await asyncio.sleep(self._rng.uniform(0.0, MAX_DUPLICATE_DELAY))
        await self._retry_until_decided(order)

    async def _retry_until_decided(self, order: OrderToPlace) -> int:
        deadline = time.monotonic() + RETRY_TIMEOUT_SECONDS
        pause = FIRST_PAUSE_SECONDS
        while True:
            status, head = await self._send(order)
            if status not in NOT_YET or time.monotonic() > deadline:
                return status
            retry_after = float(header(head, b"retry-after") or 0)
            await asyncio.sleep(retry_after + self._rng.uniform(0.0, pause))
            while self._saved_retries < 1.0 and time.monotonic() < deadline:
                await asyncio.sleep(self._rng.uniform(0.1, 0.5))
            self._saved_retries -= 1.0
            pause = min(MAX_PAUSE_SECONDS, 2 * pause)

    async def _send(self, order: OrderToPlace) -> tuple[int, bytes]:
        sent_at = time.time()
        status, head, body = await self._pool.request(order.request)
        statuses = self._tally.of("orders", order.due).statuses
        statuses[status] = statuses.get(status, 0) + 1
        order_id = json.loads(body).get("order_id") if status in DECIDED | {202} else None
        replayed = header(head, b"idempotency-replayed") == "true"
        attempt = OrderAttempt(order.restaurant, order.key, order.lines, status, body, replayed, order_id)
        self.attempts.append(TimedAttempt(sent_at, time.time() - sent_at, attempt))
        return status, head


async def get_tokens(pool: ConnectionPool) -> list[str]:
    """Return the tokens of CUSTOMERS new customers; call it before the load is measured."""
    request = _encode("/v1/customers", b"{}")
    answers = await asyncio.gather(*(pool.request(request) for _ in range(CUSTOMERS)))
    return [json.loads(body)["token"] for _, _, body in answers]


def bearer(token: str) -> str:
    """Return the header that proves a customer."""
    return f"Authorization: Bearer {token}"


def encode_request(key: str, body: bytes, *headers: str) -> bytes:
    """Return the bytes of a request to place an order."""
    return _encode("/v1/orders", body, f"Idempotency-Key: {key}", *headers)


def _encode(path: str, body: bytes, *headers: str) -> bytes:
    lines = (
        f"POST {path} HTTP/1.1",
        "Host: promo",
        "Accept-Language: en",
        *headers,
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    )
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode() + body
