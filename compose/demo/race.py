"""The crowd: every customer orders one portion at once, some of them twice."""

import asyncio
import secrets

import msgspec

from compose.demo import promotion
from compose.demo.http import HttpOutcome, RetryingClient
from compose.errors import StackError

CUSTOMERS = 300
REPEATING = 5  # every fifth customer sends the same order twice at once


async def run(client: RetryingClient) -> list[list[HttpOutcome | None]]:
    """Send the orders of all customers at once; return the answers to each: one, or three to a repeated order."""
    race_id = secrets.token_hex(4)
    tokens = await asyncio.gather(*(_token(client) for _ in range(CUSTOMERS)))
    return await asyncio.gather(
        *(_customer(client, race_id, number, token) for number, token in enumerate(tokens))
    )


async def _token(client: RetryingClient) -> str:
    """Return the token of a new customer."""
    outcome = await client.send("POST", "/v1/customers", {}, {})
    if outcome is None or outcome.status != 201:
        raise StackError("no customer could get a token (POST /v1/customers).")
    return str(msgspec.json.decode(outcome.body)["token"])


async def _customer(
    client: RetryingClient, race_id: str, number: int, token: str
) -> list[HttpOutcome | None]:
    order = {
        "restaurant_id": promotion.RESTAURANT,
        "items": [
            {
                "sku": promotion.SKU,
                "quantity": 1,
                "expected_unit_price": {"amount": promotion.PROMO_PRICE, "currency": "BRL"},
            }
        ],
        "delivery_address": {
            "street": "Rua da Aurora",
            "number": str(number + 1),
            "district": "Boa Vista",
            "city": "Recife",
            "postal_code": "50050-000",
        },
        "payment": {"method": "cash"},
        "customer": {"name": f"Cliente {number + 1}"},
    }
    headers = {"Idempotency-Key": f"{race_id}-{number}", "Authorization": f"Bearer {token}"}
    times = 2 if number % REPEATING == 0 else 1
    answers = list(
        await asyncio.gather(*(client.send("POST", "/v1/orders", order, headers) for _ in range(times)))
    )
    if times > 1:  # and again after the decision
        answers.append(await client.send("POST", "/v1/orders", order, headers))
    return answers
