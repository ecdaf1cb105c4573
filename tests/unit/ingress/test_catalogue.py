"""PUT of restaurants, menu items and promotions, over HTTP."""

from typing import Any

import msgspec
import pytest
from aiohttp import ClientResponse
from msgspec import UNSET
from yarl import URL

from ingress.http.issued_tokens import IssuedTokens
from ingress.http.tokens import Tokens
from ingress.load_shedding.rate_limits import RateLimits, TokenBuckets
from schemas.commands import PromotionItem, PutMenuItem, PutPromotion, PutRestaurant
from schemas.identity import webhook_secrets
from schemas.money import Money
from schemas.replies import Answer, PromotionFault, Reply
from schemas.settings import Settings
from tests.support.domain.harness import DomainHarness
from tests.support.ingress.fakes import FakeProducer
from tests.unit.ingress.conftest import Client

TOKENS = Tokens("secret", "adm")
RESTAURANT = "/v1/restaurants/r1"
ITEM = RESTAURANT + "/menu/coxinha"
PROMOTION = RESTAURANT + "/promotions/p1"
BODIES: dict[str, dict[str, Any]] = {
    RESTAURANT: {"name": "Bar"},
    ITEM: {"name": "Coxinha", "price": {"amount": 990}, "portions": 5},
    PROMOTION: {
        "starts_at": "2026-01-01T00:00:00-03:00",
        "ends_at": "2026-01-01T04:00:00Z",
        "items": [{"sku": "coxinha", "promo_price": {"amount": 500}, "portions": 3, "per_customer_limit": 1}],
    },
}


@pytest.fixture(autouse=True)
def created(log: FakeProducer) -> None:
    """Every command creates something."""
    log.decide = lambda command: Reply(Answer("created", version=1))


async def put(client: Client, path: str, token: str | None = "adm", body: Any = None) -> ClientResponse:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return await client.put(path, json=body or BODIES[path], headers=headers)


async def test_new_restaurant_is_201_with_its_token(client: Client, log: FakeProducer) -> None:
    """Contract: 201 with the restaurant's token on creation."""
    response = await put(client, RESTAURANT)
    assert response.status == 201
    assert await response.json() == {
        "restaurant_id": "r1",
        "name": "Bar",
        "kitchen_capacity": 10,
        "preparation_timeout_seconds": 1800,
        "webhook": None,
        "token": TOKENS.restaurant("r1"),
        "version": 1,
    }
    assert log.written[0][:2] == (b"r1", PutRestaurant("r1", "Bar", 10, 1800, by="admin:settings"))


async def test_menu_item_is_sent_and_returned(client: Client, log: FakeProducer) -> None:
    """Contract: name, description, category, price, portions (null: unlimited)."""
    response = await put(client, ITEM)
    assert response.status == 201 and (await response.json())["price"] == {"amount": 990, "currency": "BRL"}
    assert log.written[0][1] == PutMenuItem(
        "r1", "coxinha", "Coxinha", "", "geral", Money(990), 5, "admin:settings"
    )


async def test_promotion_is_sent_in_utc(client: Client, log: FakeProducer) -> None:
    """Contract: instants are RFC 3339 in UTC outside; other offsets are accepted."""
    response = await put(client, PROMOTION)
    body = await response.json()
    assert response.status == 201
    assert (body["starts_at"], body["ends_at"]) == ("2026-01-01T03:00:00.000Z", "2026-01-01T04:00:00.000Z")
    starts_at = 1_767_236_400_000
    items = [PromotionItem("coxinha", Money(500), 3, 1)]
    assert log.written[0][1] == PutPromotion(
        "r1", "p1", starts_at, starts_at + 3_600_000, items, "admin:settings"
    )


@pytest.mark.parametrize("path", BODIES)
async def test_replacement_is_200(client: Client, log: FakeProducer, path: str) -> None:
    """Contract: 200/201."""
    log.decide = lambda command: Reply(Answer("replaced", version=2))
    response = await put(client, path)
    assert response.status == 200 and (await response.json())["version"] == 2


@pytest.mark.parametrize("path", BODIES)
async def test_put_in_flight_is_202(client: Client, log: FakeProducer, path: str) -> None:
    """The command is written and will be decided; repeating it is harmless."""
    log.decide = lambda command: None
    response = await put(client, path)
    assert response.status == 202 and (await response.json())["status"] == "pending"


@pytest.mark.parametrize(
    ("path", "token", "status"),
    [
        (RESTAURANT, None, 401),
        (RESTAURANT, "x", 401),
        (RESTAURANT, TOKENS.restaurant("r1"), 403),
        (ITEM, None, 401),
        (ITEM, "x", 401),
        (ITEM, TOKENS.restaurant("r2"), 403),
        (ITEM, TOKENS.restaurant("r1"), 201),
        (PROMOTION, TOKENS.order("r1"), 403),
        (PROMOTION, TOKENS.restaurant("r1"), 201),
    ],
)
async def test_put_requires_an_owners_token(
    client: Client, log: FakeProducer, path: str, token: str | None, status: int
) -> None:
    """Contract: admin token for restaurants; admin or restaurant token for their menus and promotions."""
    response = await put(client, path, token)
    assert response.status == status and bool(log.written) is (status == 201)


@pytest.mark.parametrize(
    ("answer", "slug"),
    [
        (Answer("unknown_restaurant"), "unknown-restaurant"),
        (Answer("unknown_item", skus=["pastel"]), "unknown-item"),
    ],
)
async def test_put_without_parent_is_404(
    client: Client, log: FakeProducer, answer: Answer, slug: str
) -> None:
    """A promotion of an item that is not on the menu, or a menu of no restaurant."""
    log.decide = lambda command: Reply(answer)
    response = await put(client, PROMOTION)
    problem = await response.json()
    assert response.status == 404 and problem["type"].endswith(slug)
    assert problem.get("skus", []) == answer.skus


@pytest.mark.parametrize(
    ("path", "answer", "slug"),
    [
        (ITEM, Answer("too_many_items", limit=500), "too-many-items"),
        (PROMOTION, Answer("too_many_promotions", limit=50), "too-many-promotions"),
    ],
)
async def test_put_past_a_limit_is_409(client: Client, log: FakeProducer, path, answer, slug) -> None:
    """With the limit."""
    log.decide = lambda command: Reply(answer)
    response = await put(client, path)
    problem = await response.json()
    assert (response.status, problem["limit"]) == (409, answer.limit)
    assert problem["type"].endswith(slug)


async def test_changes_of_a_catalogue_have_a_rate(client: Client, log: FakeProducer, monkeypatch) -> None:
    """A loop of PUTs with a restaurant's token fills no topic; another restaurant is not held up."""
    limits = RateLimits(Settings())
    limits._catalogue_changes = TokenBuckets(rate=0.1, burst=3)
    limit = limits.consume_catalogue_change
    monkeypatch.setattr(RateLimits, "consume_catalogue_change", lambda self, restaurant: limit(restaurant))
    answers = [(await put(client, ITEM)).status for _ in range(4)]
    assert answers == [201, 201, 201, 429]
    assert (await put(client, "/v1/restaurants/r2/menu/coxinha", body=BODIES[ITEM])).status == 201


@pytest.mark.parametrize(
    ("language", "details"),
    [
        (
            "en",
            ["must lie in the future", "must be below the item's price, 400 centavos", "must be at most 2"],
        ),
        (
            "pt-BR",
            [
                "deve estar no futuro",
                "deve ser menor que o preço do item, 400 centavos",
                "deve ser no máximo 2",
            ],
        ),
    ],
)
async def test_invalid_promotion_is_400_with_pointers(
    client: Client, log: FakeProducer, language: str, details: list[str]
) -> None:
    """Contract: a JSON pointer for each fault, also for those that only the decision can find."""
    faults = [
        PromotionFault("/ends_at", "over"),
        PromotionFault("/items/0/promo_price", "not_cheaper", 400),
        PromotionFault("/items/0/portions", "too_many_portions", 2),
    ]
    log.decide = lambda command: Reply(Answer("invalid_promotion", faults=faults))
    headers = {"Authorization": "Bearer adm", "Accept-Language": language}
    response = await client.put(PROMOTION, json=BODIES[PROMOTION], headers=headers)
    problem = await response.json()
    assert response.status == 400 and problem["type"].endswith("invalid-request")
    assert problem["errors"] == [
        {"pointer": fault.pointer, "detail": detail} for fault, detail in zip(faults, details, strict=True)
    ]


async def test_promotion_says_what_a_customer_must_prove(client: Client, log: FakeProducer) -> None:
    """`customer_assurance` is sent on, and returned; without it, nothing must be proved."""
    assert (await (await put(client, PROMOTION)).json())["customer_assurance"] == "none"
    response = await put(client, PROMOTION, body={**BODIES[PROMOTION], "customer_assurance": "phone"})
    assert (await response.json())["customer_assurance"] == "phone"
    assert [command.customer_assurance for _, command, _ in log.written] == ["none", "phone"]


async def test_null_is_no_bound_of_cash_orders(client: Client, log: FakeProducer) -> None:
    """As for its siblings; the command is that of an item without the field, which earlier releases read."""
    (item,) = BODIES[PROMOTION]["items"]
    for more in ({}, {"cash_portions": None, "portions": None, "per_customer_limit": None}):
        response = await put(client, PROMOTION, body={**BODIES[PROMOTION], "items": [item | more]})
        assert response.status == 201 and "cash_portions" not in (await response.json())["items"][0]
    assert all(command.items[0].cash_portions is UNSET for _, command, _ in log.written)


@pytest.mark.parametrize(
    ("given", "accepted"), [("regular_price", True), ("sold_out", True), ("free", False)]
)
async def test_promotion_says_what_follows_its_portions(
    client: Client, log: FakeProducer, given: str, accepted: bool
) -> None:
    """`when_sold_out` is sent on, and returned; any other word is 400."""
    body = {**BODIES[PROMOTION], "items": [{**BODIES[PROMOTION]["items"][0], "when_sold_out": given}]}
    response = await put(client, PROMOTION, body=body)
    answered = await response.json()
    assert response.status == (201 if accepted else 400)
    if accepted:
        assert answered["items"][0]["when_sold_out"] == given
        assert log.written[0][1].items[0].when_sold_out == given
    else:
        assert answered["errors"][0]["pointer"] == "/items/0/when_sold_out"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/restaurants/a%20b",
        "/v1/restaurants/r%0A",
        RESTAURANT + "/menu/%C3%A9",
        RESTAURANT + "/menu/a%2Fb",
    ],
)
async def test_invalid_identifier_is_400(client: Client, log: FakeProducer, path: str) -> None:
    """Paths accept the same identifiers as bodies."""
    response = await put(client, path, body={"name": "x", "price": {"amount": 1}})
    assert response.status == 400 and "parameter" in (await response.json())["errors"][0] and not log.written


async def test_webhook_secret_is_returned(client: Client, log: FakeProducer) -> None:
    """Standard Webhooks: `whsec_...`; derived, so that a second PUT returns the same."""
    body = {"name": "Bar", "webhook": "https://bar.example/orders"}
    first, second = await put(client, RESTAURANT, body=body), await put(client, RESTAURANT, body=body)
    assert (await first.json())["webhook_secret"] == webhook_secrets("webhooks", "r1")[0]
    assert (await second.json())["webhook_secret"] == webhook_secrets("webhooks", "r1")[0]
    assert log.written[0][1] == PutRestaurant(
        "r1", "Bar", 10, 1800, "https://bar.example/orders", "admin:settings"
    )


async def rotate(client: Client, token: str = "adm", **body: int) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}"}
    async with client.post(RESTAURANT + "/webhook-secrets", json=body or None, headers=headers) as response:
        return response.status, await response.json()


async def test_webhook_secret_is_rotated_by_version(client: Client, log: FakeProducer) -> None:
    """Naming the version makes a repetition harmless; two versions are valid at a time, so no request is lost."""
    domain = DomainHarness()
    log.decide = domain.do
    assert (await rotate(client))[0] == 404
    body = {"name": "Bar", "webhook": "https://bar.example/orders"}
    first = await (await put(client, RESTAURANT, body=body)).json()
    assert first["webhook_secret_version"] == 1
    for sent, version in (({"version": 2}, 2), ({"version": 2}, 2), ({}, 3)):
        status, made = await rotate(client, TOKENS.restaurant("r1"), **sent)
        assert (status, made["webhook_secret_version"]) == (201, version)
        assert made["webhook_secret"] == webhook_secrets("webhooks", "r1", version)[0]
    status, problem = await rotate(client, version=5)
    assert (status, problem["webhook_secret_version"]) == (409, 3)
    again = await (await put(client, RESTAURANT, body=body | {"name": "Bar do Zé"})).json()
    assert again["webhook_secret_version"] == 3 and again["webhook_secret"] == made["webhook_secret"]
    changes = [(fact.restaurant.webhook_secret_version, fact.changed_by) for fact in domain.facts]
    assert changes == [
        (1, "admin:settings"),
        (2, "restaurant:1"),
        (3, "restaurant:1"),
        (3, "admin:settings"),
    ]


async def test_revoked_first_token_is_not_returned(client: Client, issued: IssuedTokens) -> None:
    """An administrator who puts the restaurant again must not bring it back."""
    record = issued.revocation("restaurant", "r1", "1", "2026-01-01T00:00:00.000Z")
    issued.load(record.key, msgspec.json.encode(record))
    assert "token" not in await (await put(client, RESTAURANT)).json()


@pytest.mark.parametrize(
    ("webhook", "detail"),
    [
        ("http://bar.example/", "deve começar com https://"),
        ("https://bar.example:22/", "a porta deve ser uma de: 443, 8443"),
        ("https://10.0.0.1/", "deve ter um nome de domínio público, não um endereço IP"),
        ("https://user:secret@bar.example/", "não pode ter usuário, senha nem fragmento"),
    ],
)
async def test_private_webhook_is_400(client: Client, log: FakeProducer, webhook: str, detail: str) -> None:
    """The form of the address is checked here, what it resolves to at each delivery."""
    response = await put(client, RESTAURANT, body={"name": "Bar", "webhook": webhook})
    assert response.status == 400 and not log.written
    assert (await response.json())["errors"] == [{"pointer": "/webhook", "detail": detail}]


async def test_texts_are_answered_as_they_are_stored(client: Client, log: FakeProducer) -> None:
    """Composed and trimmed; the scheme and host of a webhook in lower case."""
    body = {"name": " Cafe\u0301 ", "webhook": "HTTPS://Bar.Example/Hook"}
    response = await put(client, RESTAURANT, body=body)
    shown = await response.json()
    assert response.status == 201
    assert (shown["name"], shown["webhook"]) == ("Café", "https://bar.example/Hook")
    assert log.written[0][1] == PutRestaurant(
        "r1", "Café", 10, 1800, "https://bar.example/Hook", "admin:settings"
    )


@pytest.mark.parametrize("segment", [".", "..", "%2e", "%2E%2e", ".%2E"])
@pytest.mark.parametrize(
    "path", ["/v1/restaurants/{}", RESTAURANT + "/menu/{}", RESTAURANT + "/promotions/{}"]
)
async def test_dot_segment_is_no_identifier(
    client: Client, log: FakeProducer, path: str, segment: str
) -> None:
    """Clients and proxies that normalize paths could not reach it."""
    kind = RESTAURANT if path.startswith("/v1/restaurants/{}") else ITEM if "menu" in path else PROMOTION
    url = URL(f"http://{client.host}:{client.port}{path.format(segment)}", encoded=True)
    headers = {"Authorization": "Bearer adm"}
    async with client.session.put(url, json=BODIES[kind], headers=headers) as response:
        assert response.status == 400 and not log.written
        assert (await response.json())["errors"][0]["detail"].startswith("não pode ser .")
