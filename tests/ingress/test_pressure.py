"""Under pressure, over HTTP: who is sent away, with which answer, and who never is."""

import asyncio

import pytest
from aiohttp import ClientSession, web

from ingress.access import ACCESS, PUBLIC
from ingress.admission import Pressure
from ingress.app import make_app
from ingress.asking import Asking
from ingress.attempts import MOST_AT_ONCE, Attempts
from ingress.health import Health
from ingress.listening import listening
from ingress.tokens import Tokens
from ingress.views import OrderView, StatusChange
from schemas import identity
from schemas.commands import Tick
from schemas.settings import Settings
from tests.ingress.conftest import HOST, Client
from tests.ingress.fakes import AT, FakeLog, FakeViews, QuietFeeds, confirm, order_of
from tests.ingress.samples import item, menu, order_body
from tests.privacy.keyrings import whole_keyring
from tests.waiting import eventually


@pytest.fixture
def settings() -> Settings:
    """A client may send two orders at once, and has to wait long for the next."""
    return Settings(
        admin_token="adm",
        token_secret="secret",
        order_wait_seconds=1.5,
        max_undecided=4,
        client_orders_per_second=0.01,
        client_burst=2,
        unlimited_networks="10.0.0.0/8",
    )


async def place(client: Client, key: str, customer: str | None = None, **headers: str):  # type: ignore[no-untyped-def]
    body = {name: value for name, value in order_body().items() if name != "customer"}
    body |= {"customer": {"id": customer}} if customer else {}
    if not customer and "Authorization" not in headers:
        headers.setdefault("X-Forwarded-For", "10.0.0.1")
    return await client.post("/v1/orders", json=body, headers={"Idempotency-Key": key, **headers})


async def press(client: Client, log: FakeLog, orders: int = 4) -> list[asyncio.Task[web.Response]]:
    """Let so many orders stay undecided."""
    log.decide = lambda command: None
    before = len(log.written)
    tasks = [asyncio.ensure_future(place(client, f"held-{number}")) for number in range(orders)]
    await eventually(lambda: len(log.written) == before + orders, 5)
    return tasks


async def test_a_client_is_told_what_it_has_left_and_past_it_is_429(client: Client) -> None:
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
    assert (await place(client, "k3", "rui")).status == 201, "another client's tokens are its own"


async def test_a_retry_costs_nothing(client: Client) -> None:
    """Who was let in, and did not hear, asks again with the same key."""
    for _ in range(5):
        assert (await place(client, "k1", "ana")).status == 201
    assert (await place(client, "k2", "ana")).status == 201
    assert (await place(client, "k3", "ana")).status == 429


async def test_without_a_customer_a_client_is_its_bearer_or_who_the_gateway_says_it_is(
    client: Client,
) -> None:
    """Not the gateway, which would be everybody."""
    tokens = [(await place(client, f"b{n}", Authorization="Bearer x")).status for n in range(3)]
    behind = [(await place(client, f"c{n}", **{"X-Forwarded-For": "1.1.1.1"})).status for n in range(3)]
    assert tokens == behind == [201, 201, 429]


async def test_networks_can_be_left_unlimited_as_this_machine_is_at_first(client: Client) -> None:
    """A demonstration, a benchmark or an acceptance test is one client, and no customer."""
    for number in range(5):
        answer = await place(client, f"a{number}", "ana", **{"X-Forwarded-For": "10.1.2.3"})
        assert answer.status == 201 and "RateLimit" not in answer.headers
    assert Settings().unlimited_networks == "127.0.0.0/8,::1/128"


async def test_new_orders_are_sent_away_and_retries_and_changes_of_orders_are_not(
    client: Client, log: FakeLog, views: FakeViews
) -> None:
    """Never an acknowledged order, nor a retry whose key is under way."""
    held = await press(client, log)
    away = await place(client, "new")
    assert away.status == 503 and int(away.headers["Retry-After"]) >= 1
    assert "new" not in str(log.written), "nothing was written"
    again = await place(client, "held-0", Prefer="wait=0")
    assert again.status == 202 and len(log.written) == 5
    order_id = identity.order_id("r1", "held-0")
    order = order_of(log.written[0][1])  # type: ignore[arg-type]
    views.orders[order_id] = OrderView(order, [StatusChange("received", AT)])
    headers = {"Authorization": f"Bearer {Tokens('secret', '').order(order_id)}", "Idempotency-Key": "c"}
    assert (await client.post(f"/v1/orders/{order_id}/cancel", headers=headers)).status == 202
    await asyncio.gather(*held)
    log.decide = confirm
    assert (await place(client, "new")).status == 201, "the pressure is gone"


async def test_who_was_sent_away_is_new_when_it_comes_again(client: Client, log: FakeLog) -> None:
    """Otherwise asking twice would be the way in."""
    held = await press(client, log)
    assert [(await place(client, "new")).status for _ in range(3)] == [503, 503, 503]
    await asyncio.gather(*held)


@pytest.mark.parametrize("language", ["en", "pt-BR", ""])
async def test_aiohttp_and_the_door_before_it_send_away_with_the_same_words(
    client: Client, log: FakeLog, language: str
) -> None:
    held = await press(client, log)
    answers = []
    body = b'{"restaurant_id": "r1"}'
    for cut in (0, 40):  # what comes in pieces is aiohttp's
        head = f"POST /v1/orders HTTP/1.1\r\nHost: x\r\nIdempotency-Key: k\r\nAccept-Language: {language}\r\n"
        request = head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body
        if cut:
            request = request.replace(b'"r1"}', b'"r1", "items": [{"sku": "a", "quantity": 1}], ' + ADDRESS)
            request = request.replace(
                b"Content-Length: 23",
                b"Content-Length: %d" % (len(request) - len(request.partition(b"\r\n\r\n")[0]) - 4),
            )
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
    await asyncio.gather(*held)


ADDRESS = (
    b'"delivery_address": {"street": "a", "number": "1", "district": "d", "city": "c", "postal_code": "1"}, '
    b'"payment": {"method": "cash"}}'
)


async def test_a_menu_that_was_read_is_shown_and_one_that_was_not_is_spared(
    client: Client, log: FakeLog, views: FakeViews
) -> None:
    """Load is shed in the order: pages, reads past the cache, new orders."""
    for name in ("r1", "r2"):
        views.show(name, menu([item("coxinha", 990)]))
    assert (await client.get("/v1/restaurants/r1/menu")).status == 200
    held = await press(client, log)
    views.show("r1", menu([item("coxinha", 880)]))
    assert (await client.get("/v1/restaurants/r1/menu")).status == 200
    assert (await client.get("/v1/restaurants/r2/menu")).status == 503
    assert (await client.get("/health/live")).status == 200
    await asyncio.gather(*held)
    assert (await client.get("/v1/restaurants/r2/menu")).status == 200


def test_a_key_that_comes_in_hundreds_is_no_retry_any_more() -> None:
    attempts = Attempts()
    assert not attempts.is_retry("r1", "k")
    with attempts.under_way("r1", "k"):
        assert attempts.is_retry("r1", "k") and not attempts.is_retry("r2", "k")
        blocks = [attempts.under_way("r1", "k") for _ in range(MOST_AT_ONCE - 1)]
        for block in blocks:
            block.__enter__()
        assert not attempts.is_retry("r1", "k")
        for block in blocks:
            block.__exit__(None, None, None)
    assert attempts.is_retry("r1", "k"), "who asks later for what became of it"


def test_keys_are_not_remembered_without_end() -> None:
    attempts = Attempts(most=2)
    for key in "abc":
        with attempts.under_way("r1", key):
            pass
    assert [attempts.is_retry("r1", key) for key in "abc"] == [False, True, True]


async def test_what_stands_still_is_not_taken_for_too_much(log: FakeLog) -> None:
    """A partition without a worker must not close the door for all others."""
    log.decide = lambda command: None
    asking = Asking(log, 0, most=4)
    log.asking = asking
    loop = asyncio.get_running_loop()
    tasks = [
        asyncio.ensure_future(asking.ask("r1", Tick(), b"t", loop.time() + 2, pressing=True))
        for _ in range(4)
    ]
    await asyncio.sleep(0.3)
    assert asking.pressure == Pressure.ORDERS
    await asyncio.sleep(1.0)
    assert asking.pressure == Pressure.NONE
    for task in tasks:
        task.cancel()


class Pressed(Asking):
    """Under a pressure that is set."""

    level = Pressure.NONE

    @property
    def pressure(self) -> Pressure:
        return self.level


async def test_pages_go_first_and_what_programs_ask_stays(
    settings: Settings, log: FakeLog, views: FakeViews, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Load is shed in the order: pages, reads past the cache, new orders."""
    for path in ("/", "/static/{name}"):
        monkeypatch.setitem(ACCESS, ("GET", path), PUBLIC)
    asking = Pressed(log, 0, most=9)
    app = make_app(settings, asking, views, Health({}), whole_keyring(), QuietFeeds())

    async def page(request: web.Request) -> web.Response:
        return web.Response(text="a page")

    app.router.add_get("/", page)
    app.router.add_get("/static/{name}", page)
    views.show("r1", menu([item("coxinha", 990)]))
    paths = ("/", "/static/app.js", "/v1/restaurants/r1/menu", "/health/live", "/metrics")
    async with listening(app, HOST, 0, patience=1) as port, ClientSession(f"http://{HOST}:{port}") as session:
        given = {}
        for level in (Pressure.NONE, Pressure.PAGES, Pressure.READS):
            asking.level = level
            given[level] = [(await session.get(path)).status for path in paths]
    assert given[Pressure.NONE] == [200] * 5
    assert given[Pressure.PAGES] == given[Pressure.READS] == [503, 503, 200, 200, 200]
