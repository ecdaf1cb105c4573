"""The crowd: every customer orders one portion at once, some of them twice."""

import asyncio
import secrets

from compose.demo import promotion
from compose.demo.http import HttpOutcome, RetryingClient

CUSTOMERS = 300
REPEATING = 5  # every fifth customer sends the same order twice at once


async def run(client: RetryingClient) -> list[list[HttpOutcome | None]]:
    """Send the orders of all customers at once; return the answers to each: one, or three to a repeated order."""
    race_id = secrets.token_hex(4)
    return await asyncio.gather(*(_customer(client, race_id, number) for number in range(CUSTOMERS)))


async def _customer(client: RetryingClient, race_id: str, number: int) -> list[HttpOutcome | None]:
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
        "customer": {"id": f"cliente-{number + 1}", "name": f"Cliente {number + 1}"},
    }
    headers = {"Idempotency-Key": f"{race_id}-{number}"}
    times = 2 if number % REPEATING == 0 else 1
    answers = list(
        await asyncio.gather(*(client.send("POST", "/v1/orders", order, headers) for _ in range(times)))
    )
    if times > 1:  # and again after the decision
        answers.append(await client.send("POST", "/v1/orders", order, headers))
    return answers
