"""One order by plain HTTP, as a person with curl would make it."""

import json
import urllib.request
import uuid
from typing import Any

from tests.e2e.customers import order_body


def order_something(url: str, admin: str) -> dict[str, Any]:
    """Open a restaurant, order from it, and return the confirmed order."""
    restaurant, bearer = f"r-{uuid.uuid4().hex[:8]}", {"Authorization": f"Bearer {admin}"}
    _send("PUT", f"{url}/v1/restaurants/{restaurant}", {"name": "Cantina"}, bearer)
    item = {
        "name": "Coxinha",
        "category": "geral",
        "price": {"amount": 1000, "currency": "BRL"},
        "portions": 5,
    }
    _send("PUT", f"{url}/v1/restaurants/{restaurant}/menu/coxinha", item, bearer)
    return _send("POST", f"{url}/v1/orders", order_body(restaurant, ("coxinha", 2)), {"Idempotency-Key": "k"})


def _send(method: str, url: str, body: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json", **headers}, method=method
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as response:
        return dict(json.loads(response.read()))
