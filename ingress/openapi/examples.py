"""Examples of bodies. A word in capitals behind `$` is a variable of the code samples."""

from typing import Any

ORDER_ID = "o_4xkq2m7w3v5jz6h2c7q5b3d2ha"
TOKEN = "kQ2…"

ORDER: dict[str, Any] = {
    "restaurant_id": "r1",
    "items": [{"sku": "coxinha", "quantity": 2, "expected_unit_price": {"amount": 990, "currency": "BRL"}}],
    "delivery_address": {
        "street": "Rua A",
        "number": "10",
        "district": "Centro",
        "city": "Recife",
        "postal_code": "50000-000",
    },
    "payment": {"method": "pix"},
    "customer": {"id": "c-123", "name": "Ana", "phone": "+5581999990000"},
}
_MONEY = {"amount": 990, "currency": "BRL"}
_LINE = {"sku": "coxinha", "name": "Coxinha", "quantity": 2, "unit_price": _MONEY, "promotion_id": None}
_TOTAL = {"amount": 1980, "currency": "BRL"}
_ETA = {"p50": "2026-01-01T12:31:00.000Z", "p90": "2026-01-01T12:44:00.000Z"}
_EVENTS = f"/v1/orders/{ORDER_ID}/events"

CONFIRMED = {
    "order_id": ORDER_ID,
    "restaurant_id": "r1",
    "status": "received",
    "items": [_LINE],
    "total": _TOTAL,
    "eta": _ETA,
    "token": TOKEN,
    "events_url": _EVENTS,
}
PENDING = {
    "order_id": ORDER_ID,
    "restaurant_id": "r1",
    "status": "pending",
    "token": TOKEN,
    "events_url": _EVENTS,
}
ORDER_PAGE = {
    "order_id": ORDER_ID,
    "restaurant_id": "r1",
    "status": "received",
    "status_label": "recebido",
    "items": [_LINE],
    "total": _TOTAL,
    "eta": _ETA,
    "reason": None,
    "refund": None,
    "history": [
        {"status": "pending", "at": "2026-01-01T12:00:00.000Z"},
        {"status": "received", "at": "2026-01-01T12:00:00.140Z"},
    ],
    "created_at": "2026-01-01T12:00:00.000Z",
    "updated_at": "2026-01-01T12:00:00.140Z",
    "version": 2,
    "events_url": _EVENTS,
}
CHANGED_ORDER = {name: value for name, value in ORDER_PAGE.items() if name != "history"}

RESTAURANT = {"name": "Cantina da Praça", "kitchen_capacity": 10, "preparation_timeout_seconds": 1800}
OFFERED_RESTAURANT = RESTAURANT | {"restaurant_id": "r1", "webhook": None, "token": TOKEN, "version": 1}
ITEM = {
    "name": "Coxinha",
    "description": "De frango, com catupiry.",
    "category": "salgados",
    "price": _MONEY,
    "portions": 50,
}
OFFERED_ITEM = ITEM | {"restaurant_id": "r1", "sku": "coxinha", "version": 1}
PROMOTION = {
    "starts_at": "2026-01-01T12:00:00Z",
    "ends_at": "2026-01-01T12:15:00Z",
    "items": [
        {
            "sku": "coxinha",
            "promo_price": {"amount": 490, "currency": "BRL"},
            "portions": 30,
            "per_customer_limit": 2,
        }
    ],
}
OFFERED_PROMOTION = PROMOTION | {
    "restaurant_id": "r1",
    "promotion_id": "almoco",
    "starts_at": "2026-01-01T12:00:00.000Z",
    "ends_at": "2026-01-01T12:15:00.000Z",
    "version": 1,
}
RESTAURANTS = {
    "items": [
        {
            "restaurant_id": "r1",
            "name": "Cantina da Praça",
            "promo": True,
            "menu_url": "/v1/restaurants/r1/menu",
        }
    ],
    "next_cursor": None,
}
MENU = {
    "items": [
        {
            "sku": "coxinha",
            "name": "Coxinha",
            "description": "De frango, com catupiry.",
            "category": "salgados",
            "price": _MONEY,
            "promo_price": {"amount": 490, "currency": "BRL"},
            "promotion": {"id": "almoco", "ends_at": "2026-01-01T12:15:00.000Z"},
            "availability": {"state": "available", "count": 37},
        }
    ],
    "next_cursor": None,
    "as_of": "2026-01-01T12:00:00.000Z",
    "degraded": False,
}
EVENTS = (
    "retry: 1000\n\nid: 2\nevent: status\n"
    f'data: {{"order_id":"{ORDER_ID}","status":"received","at":"2026-01-01T12:00:00.140Z","version":2}}\n\n'
)
DASHBOARD = {
    "restaurant_id": "r1",
    "name": "Cantina da Praça",
    "sequence": "views-1f0c92aa-17",
    "as_of": "2026-01-01T12:00:01.000Z",
    "degraded": False,
    "orders": [
        {
            "order_id": ORDER_ID,
            "status": "received",
            "items": [{"sku": "coxinha", "name": "Coxinha", "quantity": 2}],
            "total": _TOTAL,
            "placed_at": "2026-01-01T12:00:00.000Z",
            "status_since": "2026-01-01T12:00:00.140Z",
            "late": False,
            "eta": _ETA,
        }
    ],
    "portions": [
        {"sku": "coxinha", "name": "Coxinha", "promotion_id": "almoco", "available": 28, "sold": 2, "held": 0}
    ],
    "stats": {
        "orders_per_minute": [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        "preparation_p50_seconds": None,
        "preparation_p90_seconds": None,
        "preparation_p95_seconds": None,
    },
}
PROBLEM_MEANING = {
    "type": "/problems/out-of-stock",
    "status": 409,
    "title": "Esgotado",
    "detail": "Não há porções suficientes; `items` diz quantas restam. Nada foi reservado.",
}
METRICS = "# TYPE promo_http_requests_total counter\n"

SUBSCRIPTION = {
    "endpoint": "https://push.example/send/1",
    "expirationTime": None,
    "keys": {
        "p256dh": "BMqAj_5JMen6K89X7ggHPomrkpeD3YMKdNTlxyL0WJK-rTzfrc6c--zSVBMfJFg0BoMnLePQP2Abe4Qordh28hM",
        "auth": "rFxPhlcmfvqb0eBRy6APxA",
    },
}
SUBSCRIBED = {"order_id": ORDER_ID, "endpoint": "https://push.example/send/1"}
PUSH_KEY = {"key": "BHGtmnvjqO21iTwuVo48LScFJOi9V0XSjf5o5xitCLglC0Pi6UEom-ICxvxUaMvTm03SSnJ3d0y17p_S5oXFoiQ"}
