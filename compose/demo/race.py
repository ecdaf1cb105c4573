"""The crowd: everyone wants a portion, some press the button twice."""

import asyncio
import secrets

from msgspec import Struct

from compose.demo import promotion
from compose.demo.http import Answered, Client

CUSTOMERS = 300
IMPATIENT = 5  # every fifth sends the same order twice at once


class Outcome(Struct, frozen=True):
    """What one customer was told: once, or twice by the impatient, and again when asked afterwards."""

    answers: list[Answered | None]


async def run(client: Client) -> list[Outcome]:
    """Let all customers order at once."""
    race = secrets.token_hex(4)
    return await asyncio.gather(*(_customer(client, race, number) for number in range(CUSTOMERS)))


async def _customer(client: Client, race: str, number: int) -> Outcome:
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
    headers = {"Idempotency-Key": f"{race}-{number}"}
    times = 2 if number % IMPATIENT == 0 else 1
    answers = list(
        await asyncio.gather(*(client.send("POST", "/v1/orders", order, headers) for _ in range(times)))
    )
    if times > 1:  # and once more, when it has long been decided
        answers.append(await client.send("POST", "/v1/orders", order, headers))
    return Outcome(answers)
