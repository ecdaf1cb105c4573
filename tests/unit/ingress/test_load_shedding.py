"""Load shedding over HTTP: what is rejected under overload, how, and what never is."""

import asyncio
import json

import msgspec
import pytest
from aiohttp import ClientSession, web

from ingress.commands.admission import Pressure
from ingress.commands.client import CommandClient
from ingress.http.problems import Problem
from ingress.http.tokens import Tokens
from ingress.load_shedding.admitted_orders import BURST, AdmittedOrders, Party
from ingress.views.ports import OrderView, StatusChange
from ingress.web import assets
from schemas import identity
from schemas.replies import Answer, Reply
from schemas.settings import Settings
from tests.support.ingress.apps import HOST, application, serving
from tests.support.ingress.fakes import AT, FakeProducer, FakeViews, confirm, order_of
from tests.support.ingress.samples import as_customer, item, menu, order_body
from tests.support.waiting import eventually
from tests.unit.ingress.conftest import Client, both_ways

fast_path = both_ways

#: Identities that one address draws.
THOUSAND_IDENTITIES = 1000


@pytest.fixture
def settings() -> Settings:
    """A client may send two orders at once, and the third one much later."""
    return Settings(
        admin_token="adm",
        token_secret="secret",
        order_reply_timeout_seconds=0.7,
        max_in_flight_commands=4,
        client_orders_per_second=0.01,
        client_burst=2,
        rate_limit_exempt_networks="10.0.0.0/8",
    )


async def place(client: Client, key: str, customer: str | None = None, **headers: str):  # type: ignore[no-untyped-def]
    headers.setdefault("X-Forwarded-For", f"9.9.9.{len(customer)}" if customer else "10.0.0.1")
    proof = as_customer(customer) if customer else {}
    return await client.post(
        "/v1/orders", json=order_body(), headers={"Idempotency-Key": key, **proof, **headers}
    )


async def overload(client: Client, log: FakeProducer, orders: int = 4) -> list[asyncio.Task[web.Response]]:
    """Keep so many orders in flight."""
    log.decide = lambda command: None
    before = len(log.written)
    tasks = [asyncio.ensure_future(place(client, f"admitted-{number}")) for number in range(orders)]
    await eventually(lambda: len(log.written) == before + orders, 5)
    return tasks


async def test_rate_limit_headers_and_429(client: Client) -> None:
    """draft-ietf-httpapi-ratelimit-headers-10, and contract: 429 `too-many-requests` with `Retry-After`."""
    first = await place(client, "k1", "ana")
    assert first.status == 201 and first.headers["RateLimit-Policy"] == '"orders";q=2;w=200'
    assert first.headers["RateLimit"] == '"orders";r=1;t=100'
    assert (await place(client, "k2", "ana")).status == 201
    third = await place(client, "k3", "ana")
    assert third.status == 429 and (await third.json())["type"] == "/problems/too-many-requests"
    assert 100 <= int(third.headers["Retry-After"]) <= 102 and third.headers["RateLimit"].startswith(
        '"orders";r=0;'
    )
    assert (await place(client, "k3", "beto")).status == 201, "another client's tokens are its own"


async def test_retry_consumes_no_token(client: Client) -> None:
    """A client whose order was admitted, and that got no answer, repeats it with the same key."""
    for _ in range(5):
        assert (await place(client, "k1", "ana")).status == 201
    assert (await place(client, "k2", "ana")).status == 201
    assert (await place(client, "k3", "ana")).status == 429


async def test_customer_without_a_token_is_an_address(client: Client) -> None:
    """The one that the proxy forwards; never the proxy's, which all clients share."""
    statuses = [(await place(client, f"c{n}", **{"X-Forwarded-For": "1.1.1.1"})).status for n in range(3)]
    assert statuses == [201, 201, 429]


async def test_a_customer_has_one_budget_at_all_addresses(client: Client) -> None:
    """Who changes the network stays the same customer."""
    statuses = [
        (await place(client, f"c{n}", "ana", **{"X-Forwarded-For": f"1.1.1.{n}"})).status for n in range(3)
    ]
    assert statuses == [201, 201, 429]


async def test_a_thousand_identities_get_what_their_address_may(client: Client) -> None:
    """The abuse: one address draws an identity for each order. Another address is not affected."""
    forwarded = {"X-Forwarded-For": "1.1.1.1"}
    statuses = [
        (await place(client, f"c{n}", f"ana-{n}", **forwarded)).status for n in range(THOUSAND_IDENTITIES)
    ]
    assert statuses == [201, 201, *[429] * (THOUSAND_IDENTITIES - 2)]
    assert (await place(client, "other", "ana-0", **{"X-Forwarded-For": "2.2.2.2"})).status == 201


@pytest.mark.parametrize("forged", ["x", "", "a.b.c", Tokens("other", "").customer("ana", "phone")])
async def test_a_token_that_proves_nothing_spends_nothing(
    client: Client, log: FakeProducer, forged: str
) -> None:
    """No one is locked out by orders under a name: neither the customer of that name, nor the address."""
    headers = {"X-Forwarded-For": "1.1.1.1", "Authorization": f"Bearer {forged}"}
    for number in range(5):
        refused = await place(client, f"f{number}", **headers)
        assert refused.status == 401 and refused.headers["WWW-Authenticate"].startswith("Bearer")
    assert not log.written
    own = [(await place(client, f"o{n}", "ana", **{"X-Forwarded-For": "1.1.1.1"})).status for n in range(3)]
    assert own == [201, 201, 429]


async def test_token_of_another_kind_is_no_customers(client: Client, log: FakeProducer) -> None:
    """403: it is valid, and proves no customer."""
    made = Tokens("secret", "adm")
    for token in ("adm", made.restaurant("r1"), made.order(identity.order_id("r1", "k"))):
        assert (await place(client, "k", Authorization=f"Bearer {token}")).status == 403
    assert not log.written


async def test_exempt_networks_have_no_rate_limit(client: Client) -> None:
    """By default this machine: a demo, a benchmark or an acceptance test is one client, and no customer."""
    for number in range(5):
        response = await place(client, f"a{number}", "ana", **{"X-Forwarded-For": "10.1.2.3"})
        assert response.status == 201 and "RateLimit" not in response.headers
    assert Settings().rate_limit_exempt_networks == "127.0.0.0/8,::1/128"


async def test_overload_rejects_only_new_orders(client: Client, log: FakeProducer, views: FakeViews) -> None:
    """Never an admitted order's retry, nor a later action on it."""
    in_flight = await overload(client, log)
    rejected = await place(client, "new")
    assert rejected.status == 503 and int(rejected.headers["Retry-After"]) >= 1
    assert "new" not in str(log.written), "nothing was written"
    retry = await place(client, "admitted-0", Prefer="wait=0")
    assert retry.status == 202 and len(log.written) == 4, "it waits for the command in flight"
    order_id = identity.order_id("r1", "admitted-0")
    order = order_of(log.written[0][1])  # type: ignore[arg-type]
    views.orders[order_id] = OrderView(order, [StatusChange("received", AT)])
    headers = {"Authorization": f"Bearer {Tokens('secret', '').order(order_id)}", "Idempotency-Key": "c"}
    assert (await client.post(f"/v1/orders/{order_id}/cancel", headers=headers)).status == 202
    await asyncio.gather(*in_flight)
    log.decide_all(lambda command: Reply(Answer("created")))
    log.decide = confirm
    assert (await place(client, "new")).status == 201, "the overload is over"


async def test_rejected_order_is_not_a_retry(client: Client, log: FakeProducer) -> None:
    """Otherwise repeating a request would be a way to be admitted."""
    in_flight = await overload(client, log)
    assert [(await place(client, "new")).status for _ in range(3)] == [503, 503, 503]
    await asyncio.gather(*in_flight)


@pytest.mark.parametrize("language", ["en", "pt-BR", ""])
async def test_fast_path_and_aiohttp_reject_alike(client: Client, log: FakeProducer, language: str) -> None:
    """The fast path rejects a complete order as aiohttp rejects one that arrives in pieces."""
    in_flight = await overload(client, log)
    answers = []
    body = json.dumps(order_body()).encode()
    head = f"POST /v1/orders HTTP/1.1\r\nHost: x\r\nIdempotency-Key: k\r\nAccept-Language: {language}\r\n"
    request = head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body
    for cut in (0, 40):
        reader, writer = await asyncio.open_connection(client.host, client.port)
        writer.write(request[:cut])
        await asyncio.sleep(0.01)
        writer.write(request[cut:])
        head_, _, rest = (await asyncio.wait_for(reader.readuntil(b"}"), 5)).partition(b"\r\n\r\n")
        writer.close()
        lines = [
            line for line in head_.split(b"\r\n") if not line.startswith((b"Date", b"Server", b"Retry-After"))
        ]
        answers.append((sorted(lines), rest))
    assert answers[0] == answers[1] and any(line.startswith(b"Vary") for line in answers[0][0])
    await asyncio.gather(*in_flight)


async def test_overload_serves_cached_menus_only(client: Client, log: FakeProducer, views: FakeViews) -> None:
    """Load is shed in the order: pages, reads past the cache, new orders."""
    for name in ("r1", "r2"):
        views.show(name, menu([item("coxinha", 990)]))
    assert (await client.get("/v1/restaurants/r1/menu")).status == 200
    in_flight = await overload(client, log)
    views.show("r1", menu([item("coxinha", 880)]))
    assert (await client.get("/v1/restaurants/r1/menu")).status == 200
    assert (await client.get("/v1/restaurants/r2/menu")).status == 503
    assert (await client.get("/health/live")).status == 200
    await asyncio.gather(*in_flight)
    log.decide_all(confirm)
    assert (await client.get("/v1/restaurants/r2/menu")).status == 200


async def test_one_key_has_a_budget_of_commands(client: Client, log: FakeProducer) -> None:
    """Retries skip the limit per client, so an admitted key alone must not be a way past it."""
    statuses = [(await place(client, "k1", "ana", Prefer="wait=0")).status for _ in range(BURST + 20)]
    assert statuses[:BURST] == [201] * BURST and statuses[-1] == 429 and len(log.written) < BURST + 10


async def test_equal_requests_at_once_use_one_command_of_the_budget(
    client: Client, log: FakeProducer
) -> None:
    """A client may send one order a hundred times at once, and gets one answer."""
    log.decide = lambda command: None
    tasks = [asyncio.ensure_future(place(client, "k1", "ana")) for _ in range(100)]
    await eventually(lambda: len(log.written) == 1, 5)
    await asyncio.sleep(0.2)
    log.decide_all(confirm)
    assert {response.status for response in await asyncio.gather(*tasks)} == {201} and len(log.written) == 1


def test_each_party_has_its_own_budget() -> None:
    """A customer who cancels in a loop, or a stranger with the key, must not lock the kitchen out."""
    orders = AdmittedOrders()
    for _ in range(BURST):
        orders.consume("o1", Party.KEY)
        orders.consume("o1", Party.CUSTOMER)
    with pytest.raises(Problem, match="too-many-requests"):
        orders.consume("o1", Party.CUSTOMER)
    orders.consume("o1", Party.RESTAURANT)


def test_admitted_orders_are_bounded() -> None:
    """The least recently used order is dropped first."""
    orders = AdmittedOrders(max_orders=2)
    for order_id in "abc":
        orders.consume(order_id, Party.KEY)
    assert [orders.is_admitted(order_id) for order_id in "abc"] == [False, True, True]


class FixedPressure(CommandClient):
    """A client whose pressure the test sets."""

    level = Pressure.NONE

    @property
    def pressure(self) -> Pressure:
        return self.level


async def test_pages_are_rejected_before_the_api(
    settings: Settings, log: FakeProducer, views: FakeViews, fast_path: bool
) -> None:
    """Load is shed in the order: pages, reads past the cache, new orders."""
    commands = FixedPressure(log, 0, max_in_flight=9)
    views.show("r1", menu([item("coxinha", 990)]))
    pages = ("/", "/painel/r1", "/sw.js", f"/web/{assets.load().version}/base.css", "/docs", "/openapi.json")
    others = ("/v1/restaurants/r1/menu", "/health/live", "/metrics", "/problems/overloaded")
    app = application(msgspec.structs.replace(settings, fast_path=fast_path), log, views, commands=commands)
    statuses = {}
    async with serving(app) as port, ClientSession(f"http://{HOST}:{port}") as session:
        for level in (Pressure.NONE, Pressure.PAGES, Pressure.READS):
            commands.level = level
            statuses[level] = [
                [(await session.get(path)).status for path in paths] for paths in (pages, others)
            ]
    assert statuses[Pressure.NONE] == [[200] * 6, [200] * 4]
    assert statuses[Pressure.PAGES] == statuses[Pressure.READS] == [[503] * 6, [200] * 4]
