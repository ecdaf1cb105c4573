"""Customers and restaurants over HTTP."""

import asyncio
import json
import random
import uuid
from collections.abc import Mapping
from typing import Any

import aiohttp
from msgspec import Struct

from tests.e2e.stack import ADMIN

ADDRESS = {
    "street": "Rua A",
    "number": "10",
    "district": "Centro",
    "city": "Recife",
    "postal_code": "50000-000",
}


class Answer(Struct):
    """An HTTP response: status, bytes, headers."""

    status: int
    body: bytes
    replayed: bool
    headers: Mapping[str, str]


class Kitchen:
    """A client of the API that opens restaurants and orders from them."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url
        self._tokens: dict[str, str] = {}  # by restaurant
        self._customers: dict[str, str] = {}  # their tokens, by name

    async def call(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **request: Any
    ) -> Answer:
        async with self._session.request(method, self._url + path, headers=headers, **request) as response:
            return Answer(
                response.status,
                await response.read(),
                response.headers.get("Idempotency-Replayed") == "true",
                response.headers,
            )

    async def put(self, path: str, body: dict[str, Any], token: str = ADMIN) -> Answer:
        return await self.call("PUT", path, json=body, headers={"Authorization": f"Bearer {token}"})

    async def open(self, **portions: int | None) -> str:
        """Make a restaurant with these items; return its id."""
        restaurant = f"r-{uuid.uuid4().hex[:10]}"
        opened = await self.put(f"/v1/restaurants/{restaurant}", {"name": "Cantina"})
        assert opened.status == 201
        self._tokens[restaurant] = json.loads(opened.body)["token"]
        items = (self._add_item(restaurant, sku, count) for sku, count in portions.items())
        await asyncio.gather(*items)
        return restaurant

    async def _add_item(self, restaurant: str, sku: str, portions: int | None) -> None:
        item = {"name": sku, "category": "geral", "price": {"amount": 1000, "currency": "BRL"}}
        put = await self.put(f"/v1/restaurants/{restaurant}/menu/{sku}", item | {"portions": portions})
        assert put.status == 201

    def token(self, restaurant: str) -> str:
        """Return the token of a restaurant that `open` has made."""
        return self._tokens[restaurant]

    async def as_customer(self, name: str) -> dict[str, str]:
        """Return the header that proves a customer, who gets a token at the first use of the name."""
        if name not in self._customers:
            self._customers[name] = await new_customer(self._session, self._url)
        return {"Authorization": f"Bearer {self._customers[name]}"}

    async def begin_verification(self, phone: str, messaging_url: str) -> tuple[str, str]:
        """Have a code sent to a phone; return the verification's id and the code."""
        begun = await self.call("POST", "/v1/customers/verifications", json={"phone": phone})
        assert begun.status == 202, begun.body
        async with self._session.get(f"{messaging_url}/messages") as response:
            messages = (await response.json())["messages"]
        (*_, text) = (message["text"] for message in messages if message["to"] == phone)
        return json.loads(begun.body)["verification_id"], text[:6]

    async def order(
        self, restaurant: str, key: str, *lines: tuple[str, int], method: str = "pix", **headers: str
    ) -> Answer:
        """Place an order, in one attempt."""
        body = order_body(restaurant, *lines, method=method)
        return await self.call("POST", "/v1/orders", json=body, headers={"Idempotency-Key": key, **headers})

    async def get_order(self, order: dict[str, Any]) -> dict[str, Any]:
        """Return the order as its customer sees it."""
        headers = {"Authorization": f"Bearer {order['token']}"}
        answer = await self.call("GET", f"/v1/orders/{order['order_id']}", headers=headers)
        assert answer.status == 200
        shown: dict[str, Any] = json.loads(answer.body)
        return shown

    async def cancel(self, order: dict[str, Any], key: str = "cancel") -> Answer:
        """Cancel, as the customer."""
        headers = {"Authorization": f"Bearer {order['token']}", "Idempotency-Key": key}
        return await self.call("POST", f"/v1/orders/{order['order_id']}/cancel", json={}, headers=headers)

    async def advance(self, order: dict[str, Any], status: str) -> Answer:
        """Set the status, as the restaurant."""
        headers = {"Authorization": f"Bearer {self._tokens[order['restaurant_id']]}"}
        path = f"/v1/orders/{order['order_id']}/status"
        return await self.call("POST", path, json={"status": status}, headers=headers)

    async def order_until_decided(
        self, restaurant: str, key: str, *lines: tuple[str, int], attempts: int = 40
    ) -> Answer:
        """Order, and repeat with the same key and jitter until the order is decided."""
        for attempt in range(attempts):
            try:
                answer = await self.order(restaurant, key, *lines)
            except (aiohttp.ClientError, TimeoutError):
                answer = None
            if answer and answer.status not in (202, 429, 503):
                return answer
            await asyncio.sleep(random.uniform(0.05, min(1.0, 0.1 * 2**attempt)))
        raise AssertionError(f"{key} was never decided")


async def new_customer(session: aiohttp.ClientSession, url: str) -> str:
    """Return the token of a customer who is known by a device only."""
    async with session.post(f"{url}/v1/customers") as response:
        assert response.status == 201, await response.text()
        created: dict[str, str] = await response.json()
        return created["token"]


def order_body(restaurant: str, *lines: tuple[str, int], method: str = "pix") -> dict[str, Any]:
    return {
        "restaurant_id": restaurant,
        "items": [{"sku": sku, "quantity": quantity} for sku, quantity in lines],
        "delivery_address": ADDRESS,
        "payment": {"method": method},
    }
