"""One order by plain HTTP, as with curl."""

import json
import urllib.request
import uuid
from typing import Any

from tests.e2e.customers import order_body


def order_something(url: str, admin: str) -> dict[str, Any]:
    """Create a restaurant, order from it, and return the confirmed order."""
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


def order_as_shown(url: str, order: dict[str, Any]) -> dict[str, Any]:
    """Return the order, read with its token."""
    return _send(
        "GET", f"{url}/v1/orders/{order['order_id']}", None, {"Authorization": f"Bearer {order['token']}"}
    )


def portions_as_shown(url: str, order: dict[str, Any]) -> int | None:
    """Return the portions that the menu shows for the ordered item; None if the menu does not have it."""
    menu = _send("GET", f"{url}/v1/restaurants/{order['restaurant_id']}/menu", None, {})
    return next((item["availability"].get("count") for item in menu["items"]), None)


def _send(method: str, url: str, body: dict[str, Any] | None, headers: dict[str, str]) -> dict[str, Any]:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", **headers}
    request = urllib.request.Request(url, data, headers, method=method)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as response:
        return dict(json.loads(response.read()))
