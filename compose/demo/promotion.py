"""The sample promotion, as its restaurant would send it."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from compose.demo.http import RetryingClient
from compose.errors import StackError

RESTAURANT = "cantina-da-praia"
PROMOTION = "relampago-da-coxinha"
SKU = "coxinha"
PROMO_PRICE = 590
PORTIONS = 50
WINDOW = timedelta(minutes=15)

PROFILE = {"name": "Cantina da Praia", "kitchen_capacity": 20, "preparation_timeout_seconds": 1800}

MENU: Mapping[str, Mapping[str, Any]] = {
    SKU: {"name": "Coxinha de frango", "description": "Massa de batata, frango e catupiry", "category": "salgados",
          "price": {"amount": 990, "currency": "BRL"}},
    "pastel": {"name": "Pastel de queijo", "description": "Frito na hora", "category": "salgados",
               "price": {"amount": 1290, "currency": "BRL"}, "portions": 200},
    "pao-de-queijo": {"name": "Pão de queijo", "description": "Porção com seis", "category": "salgados",
                      "price": {"amount": 1490, "currency": "BRL"}},
    "acai": {"name": "Açaí na tigela", "description": "Com banana e granola, 500 ml", "category": "sobremesas",
             "price": {"amount": 2390, "currency": "BRL"}, "portions": 80},
    "guarana": {"name": "Guaraná", "description": "Lata de 350 ml, bem gelada", "category": "bebidas",
                "price": {"amount": 690, "currency": "BRL"}},
}  # fmt: skip


async def publish(client: RetryingClient, admin_token: str) -> str:
    """Send the restaurant, its menu and the promotion, and return the restaurant's token. Raises StackError."""
    base = f"/v1/restaurants/{RESTAURANT}"
    now = datetime.now(UTC)
    promotion = {
        # a little earlier than now, since the broker's clock decides
        "starts_at": (now - timedelta(seconds=5)).isoformat(),
        "ends_at": (now + WINDOW).isoformat(),
        "items": [
            {"sku": SKU, "promo_price": {"amount": PROMO_PRICE, "currency": "BRL"}, "portions": PORTIONS}
        ],
    }
    requests: list[tuple[str, Mapping[str, Any]]] = [(base, PROFILE)]
    requests += [(f"{base}/menu/{sku}", item) for sku, item in MENU.items()]
    requests += [(f"{base}/promotions/{PROMOTION}", promotion)]
    token = ""
    for path, body in requests:
        answer = await client.send("PUT", path, body, {"Authorization": f"Bearer {admin_token}"})
        if answer is None or answer.status not in (200, 201, 202):
            text = f"{answer.status} {answer.body[:300].decode(errors='replace')}" if answer else "nothing"
            raise StackError(f"PUT {path} was answered with {text}.")
        if path == base:
            token = json.loads(answer.body)["token"]
    return token
