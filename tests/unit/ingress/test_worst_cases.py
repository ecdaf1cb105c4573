"""No request within the limits makes much work in one step, and the work of a body is linear in its size.

The contract's 20 ms a step are measured by `make bench-worst-cases` and `make fuzz`. These tests see another order of
growth, on a slow machine too.
"""

import asyncio
import contextlib
import gc
import json
import re
import struct
import time
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import cycle, islice

import pytest

from ingress.handlers import catalogue, change_order, place_order, push_subscriptions
from ingress.http.problem_catalogue import PROBLEMS
from ingress.http.problems import MAX_BYTES, MAX_FIELD_ERRORS, Problem
from ingress.http.request_body import MAX_BODY_BYTES
from ingress.openapi.route import Route
from ingress.routes import ROUTES
from ingress.views.ports import OrderView
from schemas.commands import Payment, PlaceOrder
from schemas.settings import Settings
from tests.support.ingress import worst_cases
from tests.support.ingress.apps import application, serving
from tests.support.ingress.bad.inputs import ADMIN, CUSTOMER, ITEM, ORDER_ID, OWNER, PROMOTION, RESTAURANT
from tests.support.ingress.fakes import FakeProducer, FakeViews, order_of
from tests.support.ingress.raw_http import send_raw
from tests.support.ingress.samples import item, menu
from tests.support.ingress.worst_cases import WorstCase
from tests.support.loop_steps import measure_longest_step

#: Five times the limit of the contract; a quadratic reader of a body took 580 ms.
MAX_STEP_SECONDS = 0.1
#: How often a case is repeated while it takes longer than the limit: the garbage of others is collected in some runs.
TRIES = 5

READERS = {
    "order": place_order._reader,
    "restaurant": catalogue._restaurants,
    "item": catalogue._menu_items,
    "promotion": catalogue._promotions,
    "cancel": change_order._cancels,
    "status": change_order._statuses,
    "subscription": push_subscriptions._subscriptions,
    "unsubscription": push_subscriptions._unsubscriptions,
}
BODIES = {size: worst_cases.bodies(size) for size in (MAX_BODY_BYTES // 8, MAX_BODY_BYTES)}


@pytest.fixture(autouse=True)
def no_collection() -> Iterator[None]:
    """A collection of the garbage of the whole test run would be part of a step."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def shortest_seconds(read: Callable[[bytes], object], body: bytes) -> float:
    def seconds() -> float:
        started = time.thread_time()
        with contextlib.suppress(Problem):
            read(body)
        return time.thread_time() - started

    return min(seconds() for _ in range(TRIES))


@pytest.mark.parametrize("reader", READERS)
def test_reading_a_body_is_linear_and_short(reader: str) -> None:
    """Eight times the bytes are not much more than eight times the work: a quadratic reader would need 64 times."""
    read = READERS[reader].read
    for name, body in BODIES[MAX_BODY_BYTES].items():
        whole = shortest_seconds(read, body)
        eighth = shortest_seconds(read, BODIES[MAX_BODY_BYTES // 8][name])
        assert whole < MAX_STEP_SECONDS, f"{name}: {whole * 1000:.1f} ms"
        assert whole < 20 * eighth + 0.003, f"{name}: {whole * 1000:.1f} ms, an eighth {eighth * 1000:.1f} ms"


#: Each route with the target of an existing resource, and the headers that open it.
TARGETS = {
    "/v1/restaurants": ("/v1/restaurants", {}),
    "/v1/restaurants/{restaurant_id}/menu": ("/v1/restaurants/r1/menu", {}),
    "/catalogo": ("/catalogo?restaurant_id=r1", {}),
    "/v1/orders": ("/v1/orders", {"Idempotency-Key": "k" * 32}),
    "/v1/orders/{order_id}": (f"/v1/orders/{ORDER_ID}", CUSTOMER),
    "/v1/orders/{order_id}/cancel": (
        f"/v1/orders/{ORDER_ID}/cancel",
        CUSTOMER | {"Idempotency-Key": "k" * 32},
    ),
    "/v1/orders/{order_id}/events": (f"/v1/orders/{ORDER_ID}/events", CUSTOMER),
    "/v1/orders/{order_id}/push": (f"/v1/orders/{ORDER_ID}/push", CUSTOMER),
    "/v1/orders/{order_id}/status": (f"/v1/orders/{ORDER_ID}/status", OWNER),
    "/v1/restaurants/{restaurant_id}": (RESTAURANT, ADMIN),
    "/v1/restaurants/{restaurant_id}/menu/{sku}": (ITEM, ADMIN),
    "/v1/restaurants/{restaurant_id}/promotions/{promotion_id}": (PROMOTION, ADMIN),
    "/v1/restaurants/{restaurant_id}/webhook-secrets": (f"{RESTAURANT}/webhook-secrets", ADMIN),
    "/v1/restaurants/{restaurant_id}/dashboard": (f"{RESTAURANT}/dashboard", OWNER),
    "/v1/restaurants/{restaurant_id}/feed": (f"{RESTAURANT}/feed", OWNER),
    "/v1/customers/verifications/{verification_id}": (f"/v1/customers/verifications/{'0' * 32}", {}),
    "/problems/{slug}": ("/problems/out-of-stock", {}),
    "/painel/{restaurant_id}": ("/painel/r1", {}),
    "/web/{version}/{name}": ("/web/1/orders.js", {}),
}
#: A route is left out if another one has its handler, or if it serves a constant.
LEFT_OUT = {"/pedidos", "/metrics", "/health/ready", "/openapi.json", "/docs", "/sw.js"}


def target(route: Route) -> tuple[str, dict[str, str]]:
    return TARGETS[route.path] if "{" in route.path else TARGETS.get(route.path, (route.path, {}))


ALL = [route for route in ROUTES if route.path not in LEFT_OUT]


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """The port of an application whose menu has hundreds of items with long texts."""
    views = FakeViews()
    text = ("abcdefghijklmnopqrstuvwxyz " * 20)[:500]
    views.show("r1", menu([item(f"s{number}", description=text) for number in range(300)]))
    views.orders[ORDER_ID] = OrderView(order_of(PlaceOrder(ORDER_ID, "r1", "h", "f", [], Payment("pix"))), [])
    settings = Settings(
        admin_token="adm",
        token_secret="secret",
        webhook_secret="webhooks",
        order_reply_timeout_seconds=0.05,
        max_in_flight_commands=100,
    )
    log = FakeProducer()
    log.decide = lambda command: None
    async with serving(application(settings, log, views)) as port:
        yield port


async def longest_step(port: int, raw: bytes) -> tuple[float, str, bytes]:
    """Return the longest step in seconds, what ran in it, and the response; the shortest of some tries."""
    tries = []
    for _ in range(TRIES):
        with measure_longest_step() as longest:
            answer = await send_raw(port, raw)
            await asyncio.sleep(0)
        tries.append((longest.seconds, longest.callback, answer))
        if longest.seconds < MAX_STEP_SECONDS:
            break
    return min(tries)


def faults_of(answer: bytes) -> list[str]:
    """Return what is wrong with a response to a worst case."""
    head, _, body = answer.partition(b"\r\n\r\n")
    found = [] if b" 500 " not in head[:20] else ["500"]
    if b"application/problem+json" in head:
        found += ["a problem of more than 8 KiB"] if len(body) > MAX_BYTES else []
        found += ["too many errors"] if len(json.loads(body).get("errors", ())) > MAX_FIELD_ERRORS else []
    return found


@pytest.mark.parametrize("route", ALL, ids=lambda route: f"{route.method} {route.path}")
async def test_no_request_takes_a_long_step(port: int, route: Route) -> None:
    """Every header, query and body that makes much work, at every route; the answers keep the limits of a problem."""
    wrong = []
    for case in worst_cases.requests(route, *target(route)):
        seconds, callback, answer = await longest_step(port, case.to_bytes())
        if seconds > MAX_STEP_SECONDS:
            wrong.append(f"{case.name}: {seconds * 1000:.0f} ms in {callback}")
        wrong += [f"{case.name}: {fault}: {answer[:300]!r}" for fault in faults_of(answer)]
    assert not wrong, "\n".join(wrong)


_UPGRADE = (
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
)


def masked(first: int, payload: bytes = b"") -> bytes:
    size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + struct.pack(">H", len(payload))
    return bytes([first]) + size + bytes(4) + payload


FRAMES = {
    "pings": masked(0x89) * 40_000,
    "fragments": masked(0x01) + masked(0x00) * 40_000,
    "messages": masked(0x81) * 40_000,
    "nesting": masked(0x81, b"[" * 4_000),
    "escapes": masked(0x81, b'{"type":"auth","token":"' + rb"\u00e9" * 600 + b'"}'),
    "numbers": masked(0x81, b'{"type":"auth","x":[0' + b",1e308" * 600 + b"]}"),
}


@pytest.mark.parametrize("frames", FRAMES)
async def test_no_frames_take_a_long_step(port: int, frames: str) -> None:
    """A read of the socket may bring 40,000 frames at once."""
    opening = WorstCase(frames, "GET", f"{RESTAURANT}/feed", _UPGRADE).to_bytes()
    seconds, callback, _ = await longest_step(port, opening + FRAMES[frames])
    assert seconds < MAX_STEP_SECONDS, f"{seconds * 1000:.0f} ms in {callback}"


async def test_a_step_that_takes_long_is_measured() -> None:
    """A check that cannot fail is a defect."""
    with measure_longest_step() as longest:
        asyncio.get_running_loop().call_soon(lambda: sum(range(2_000_000)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert longest.seconds > 0.005 and "lambda" in longest.callback


async def test_many_requests_in_one_read_are_answered_in_order(port: int) -> None:
    """They are parsed in many steps, while the responses of the first ones are already sent."""
    slugs = list(islice(cycle(PROBLEMS), 2_000))
    body = b"x" * 3_000  # ignored, and now and then longer than one step
    raws = [
        WorstCase("", "GET", f"/problems/{slug}", (), body, chunk_bytes=size).to_bytes()
        for slug, size in zip(slugs, cycle([0, 7, 4_000, 1_000]), strict=False)
    ]
    raws.append(WorstCase("", "GET", "/health/live", (("Connection", "close"),)).to_bytes())
    answers = await send_raw(port, b"".join(raws), until_closed=True)
    assert [found.decode() for found in re.findall(rb'"type":"/problems/([\w-]+)"', answers)] == slugs
