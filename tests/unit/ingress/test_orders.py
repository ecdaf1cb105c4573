"""POST /v1/orders and GET /v1/orders/{order_id}, over HTTP, with the fast path and without."""

import json
from typing import Any

import msgspec
import pytest
from aiohttp import ClientResponse

from ingress.http.token_claims import OrderClaims
from ingress.http.tokens import Tokens
from ingress.views.ports import OrderView, StatusChange
from schemas import identity
from schemas.assurance import Assurance
from schemas.commands import Command, Payment, PlaceOrder
from schemas.money import Money
from schemas.orders import CashLimit, LimitReached, Refund, Shortage
from schemas.replies import Answer, Outcome, Reply
from tests.support.ingress.fakes import AT, FakeProducer, FakeViews, confirm, order_of
from tests.support.ingress.samples import order_body
from tests.unit.ingress.conftest import Client, both_ways

fast_path = both_ways

TOKENS = Tokens("secret", "adm")
ORDER_ID = identity.order_id("r1", "k1")


async def post(client: Client, path: str = "/v1/orders", key: str = "k1", **headers: str) -> ClientResponse:
    return await client.post(path, json=order_body(), headers={"Idempotency-Key": key, **headers})


def refuse(
    outcome: Outcome,
    *skus: str,
    shortages: list[Shortage] | None = None,
    limits: list[LimitReached] | None = None,
    cash_limits: list[CashLimit] | None = None,
    order: bool = True,
    required_assurance: Assurance | None = None,
) -> Any:
    def decide(command: Command) -> Reply:
        assert isinstance(command, PlaceOrder)
        made = order_of(command, outcome, shortages) if order else None
        answer = Answer(
            outcome,
            made,
            list(skus),
            limits=limits or [],
            cash_limits=cash_limits or [],
            required_assurance=required_assurance,
        )
        return Reply(answer)

    return decide


@pytest.mark.parametrize("path", ["/v1/orders", "/pedidos"])
async def test_confirmed_order_is_201(client: Client, path: str) -> None:
    """Contract: 201 confirmed, `Location`, and exactly the body; `POST /pedidos` is the same."""
    response = await post(client, path)
    assert response.status == 201 and response.headers["Location"] == f"/v1/orders/{ORDER_ID}"
    assert await response.json() == {
        "order_id": ORDER_ID,
        "restaurant_id": "r1",
        "status": "received",
        "items": [
            {
                "sku": "coxinha",
                "name": "Coxinha",
                "quantity": 2,
                "unit_price": {"amount": 990, "currency": "BRL"},
                "promotion_id": None,
            }
        ],
        "total": {"amount": 1980, "currency": "BRL"},
        "eta": {"p50": AT, "p90": AT},
        "token": TOKENS.order(ORDER_ID, created_at=AT),
        "events_url": f"/v1/orders/{ORDER_ID}/events",
    }


async def test_command_is_derived_from_request(client: Client, log: FakeProducer) -> None:
    """Every process derives the same order id, key hash and fingerprint. DECISIONS.md: dedup-in-the-stream"""
    await post(client)
    await post(client)
    spaces = json.dumps(order_body(), indent=3)
    headers = {"Idempotency-Key": "k1", "Content-Type": "application/json"}
    await client.post("/v1/orders", data=spaces, headers=headers)
    await post(client, key="k2")
    first, same, spaced, other = [command for _, command, _ in log.written if isinstance(command, PlaceOrder)]
    sealed = {command.personal for command in (first, same, spaced)}
    assert len(sealed) == 3  # under a nonce of its own each time
    first, same, spaced = [msgspec.structs.replace(c, personal=None) for c in (first, same, spaced)]
    assert first == same == spaced and first.order_id == ORDER_ID and other.order_id != first.order_id
    plain, personal = first.request_fingerprint.split(".")
    assert other.request_fingerprint.startswith(plain) and not other.request_fingerprint.endswith(personal)
    assert first.idempotency_key_hash == identity.key_hash("r1", "k1")


async def test_replay_is_the_same_bytes(client: Client, log: FakeProducer) -> None:
    """Contract: the same status code and body with `Idempotency-Replayed: true`."""
    first = await post(client)
    log.decide = lambda command: Reply(confirm(command).answer, replayed=True)
    again = await post(client)
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (again.status, await again.read()) == (first.status, await first.read())


async def test_refusal_is_replayed(client: Client, log: FakeProducer) -> None:
    """Contract: the same answer again, whatever it was."""
    decide = refuse("out_of_stock", "coxinha", shortages=[Shortage("coxinha", 1)])
    log.decide = decide
    first = await post(client)
    log.decide = lambda command: Reply(decide(command).answer, replayed=True)
    again = await post(client)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (again.status, await again.read()) == (first.status, await first.read())


@pytest.mark.parametrize(
    ("decide", "status", "slug", "members"),
    [
        (
            refuse("out_of_stock", "coxinha", shortages=[Shortage("coxinha", 0)]),
            409,
            "out-of-stock",
            {"items": [{"sku": "coxinha", "available": 0}], "skus": ["coxinha"], "order_id": ORDER_ID},
        ),
        (
            refuse("price_changed", "coxinha"),
            409,
            "price-changed",
            {"items": [{"sku": "coxinha", "unit_price": {"amount": 990, "currency": "BRL"}}]},
        ),
        (refuse("promotion_closed", "coxinha"), 409, "promotion-closed", {"skus": ["coxinha"]}),
        (
            refuse("limit_reached", "coxinha", limits=[LimitReached("coxinha", 2, 1)]),
            409,
            "limit-reached",
            {"items": [{"sku": "coxinha", "limit": 2, "left": 1}], "skus": ["coxinha"]},
        ),
        (
            refuse("cash_limit_reached", "coxinha", cash_limits=[CashLimit("promotion", 8, 1, "coxinha")]),
            409,
            "cash-limit-reached",
            {
                "limits": [{"scope": "promotion", "limit": 8, "left": 1, "sku": "coxinha"}],
                "skus": ["coxinha"],
            },
        ),
        (
            refuse("customer_required", "coxinha", order=False, required_assurance="phone"),
            403,
            "customer-required",
            {"skus": ["coxinha"], "required_assurance": "phone"},
        ),
        (refuse("unknown_restaurant", order=False), 404, "unknown-restaurant", {}),
        (refuse("unknown_item", "coxinha", order=False), 404, "unknown-item", {"skus": ["coxinha"]}),
        (refuse("payment_declined"), 402, "payment-declined", {"reason": "payment_declined"}),
        (refuse("payment_timeout"), 402, "payment-declined", {"reason": "payment_timeout"}),
        (refuse("key_reused", order=False), 422, "idempotency-key-reused", {}),
        (refuse("undecidable", order=False), 503, "unavailable", {}),
    ],
)
async def test_refusal_has_its_problem(
    client: Client, log: FakeProducer, decide: Any, status: int, slug: str, members: dict[str, Any]
) -> None:
    """Contract: the answers of `POST /v1/orders`."""
    log.decide = decide
    response = await post(client)
    assert response.status == status and response.content_type == "application/problem+json"
    problem = await response.json()
    assert problem["type"].endswith("/" + slug) and problem["status"] == status
    assert problem.items() >= members.items()


async def test_order_in_flight_is_202(client: Client, log: FakeProducer) -> None:
    """Contract: 202 accepted but not decided within the wait, `Location`."""
    log.decide = lambda command: None
    for headers in ({}, {"Prefer": "wait=0.05"}, {"Prefer": "respond-async"}):
        response = await post(client, **headers)
        assert response.status == 202 and response.headers["Location"] == f"/v1/orders/{ORDER_ID}"
        body = await response.json()
        command = log.written[0][1]
        assert isinstance(command, PlaceOrder)
        opened = OrderClaims(ORDER_ID, identity.holder(command.request_fingerprint))
        assert TOKENS.read(body.pop("token")) == opened
        assert body == {
            "order_id": ORDER_ID,
            "restaurant_id": "r1",
            "status": "pending",
            "events_url": f"/v1/orders/{ORDER_ID}/events",
        }


async def test_unknown_write_is_503(client: Client, log: FakeProducer) -> None:
    """Nothing is lost: the client retries with its key."""
    log.down = True
    response = await post(client)
    assert response.status == 503 and int(response.headers["Retry-After"]) >= 1
    assert (await response.json())["type"].endswith("/unavailable")


@pytest.mark.parametrize(
    ("accept", "language", "title"),
    [("", "pt-BR", "Chave de idempotência repetida"), ("en-US", "en", "Idempotency key reused")],
)
async def test_problem_follows_accept_language(
    client: Client, log: FakeProducer, accept: str, language: str, title: str
) -> None:
    """Contract: pt-BR by default and English on request."""
    log.decide = refuse("key_reused", order=False)
    response = await post(client, **{"Accept-Language": accept} if accept else {})
    assert response.headers["Content-Language"] == language and (await response.json())["title"] == title


async def test_bad_body_lists_its_errors(client: Client, log: FakeProducer) -> None:
    """Contract: 400 `invalid-request`, with a JSON pointer for each fault; nothing is written."""
    response = await client.post(
        "/v1/orders", json=order_body(items=[], x=1), headers={"Idempotency-Key": "k"}
    )
    assert response.status == 400
    errors = (await response.json())["errors"]
    assert [error["pointer"] for error in errors] == ["/items", "/x"] and all(e["detail"] for e in errors)
    assert not log.written


async def test_missing_key_is_400(client: Client) -> None:
    """Contract: 400 `idempotency-key-missing`."""
    response = await client.post("/v1/orders", json=order_body())
    assert response.status == 400 and (await response.json())["type"].endswith("/idempotency-key-missing")


async def test_body_past_64_kib_is_413(client: Client) -> None:
    """A bound on the cost of one request."""
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    response = await client.post("/v1/orders", data=b"x" * 70_000, headers=headers)
    assert response.status == 413 and (await response.json())["type"].endswith("/payload-too-large")


async def test_other_content_type_is_415(client: Client) -> None:
    """JSON in and out."""
    headers = {"Idempotency-Key": "k", "Content-Type": "text/plain"}
    response = await client.post("/v1/orders", data=b"{}", headers=headers)
    assert response.status == 415 and (await response.json())["type"].endswith("/unsupported-media-type")


async def get_order(client: Client, order_id: str, token: str | None) -> ClientResponse:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return await client.get(f"/v1/orders/{order_id}", headers=headers)


PLACED = PlaceOrder(
    ORDER_ID,
    "r1",
    "hash",
    "fingerprint",
    [],
    Payment("pix"),
)


@pytest.fixture
def shown(views: FakeViews) -> OrderView:
    """An order in the views."""
    view = OrderView(order_of(PLACED), [StatusChange("pending", AT, 1), StatusChange("received", AT, 2)])
    views.orders[ORDER_ID] = view
    return view


@pytest.mark.parametrize("token", [TOKENS.order(ORDER_ID), TOKENS.restaurant("r1")])
async def test_order_parties_get_the_order(client: Client, shown: OrderView, token: str) -> None:
    """Contract: bearer: the order's token or the restaurant's; items, totals, status, history, ETA."""
    response = await get_order(client, ORDER_ID, token)
    assert response.status == 200 and response.headers["Cache-Control"] == "private, no-store"
    order = await response.json()
    assert order["status"] == "received" and order["total"] == {"amount": 0, "currency": "BRL"}
    assert order["history"] == [
        {"status": "pending", "at": AT, "version": 1},
        {"status": "received", "at": AT, "version": 2},
    ]
    assert order["eta"] == {"p50": AT, "p90": AT} and order["version"] == 2
    assert order["reason"] is None and order["refund"] is None


async def test_cancelled_order_has_reason_and_refund(client: Client, views: FakeViews) -> None:
    """Contract: `cancelled` with a `reason` and, when money had moved, `refund`; labels in both languages."""
    order = order_of(PLACED, "customer")
    order = msgspec.structs.replace(order, refund=Refund("pending", Money(990)))
    views.orders[ORDER_ID] = OrderView(order, [StatusChange("pending", AT), StatusChange("cancelled", AT)])
    labels = {}
    for language in ("pt-BR", "en"):
        headers = {"Authorization": f"Bearer {TOKENS.order(ORDER_ID)}", "Accept-Language": language}
        response = await client.get(f"/v1/orders/{ORDER_ID}", headers=headers)
        shown = await response.json()
        labels[response.headers["Content-Language"]] = shown["status_label"]
        assert (shown["status"], shown["reason"]) == ("cancelled", "customer")
        assert shown["refund"] == {"status": "pending", "amount": {"amount": 990, "currency": "BRL"}}
    assert labels == {"pt-BR": "cancelado", "en": "cancelled"}


@pytest.mark.parametrize(
    ("token", "status"), [(None, 401), ("x", 401), (TOKENS.order("o2"), 404), (TOKENS.restaurant("r2"), 404)]
)
async def test_other_tokens_get_no_order(
    client: Client, shown: OrderView, token: str | None, status: int
) -> None:
    """It contains an address and a name."""
    assert (await get_order(client, ORDER_ID, token)).status == status


async def test_unavailable_views_are_503(client: Client, views: FakeViews) -> None:
    """503 with Retry-After is the truth; 404 would not be."""
    views.down = True
    response = await get_order(client, ORDER_ID, TOKENS.order(ORDER_ID))
    assert response.status == 503 and "Retry-After" in response.headers
