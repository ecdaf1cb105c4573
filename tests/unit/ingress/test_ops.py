"""Health, metrics and problems, as operators and programs see them."""

import asyncio
import itertools
import time
from itertools import pairwise

import pytest

from ingress.handlers import ops
from ingress.handlers.ops import MetricsRenderer
from tests.support.ingress.fakes import FakeProducer, FakeViews
from tests.support.waiting import eventually
from tests.unit.ingress.conftest import Client


async def test_live(client: Client) -> None:
    """Contract: `GET /health/live`."""
    assert (await client.get("/health/live")).status == 200


async def test_ready_requires_every_part(client: Client, log: FakeProducer, views: FakeViews) -> None:
    """Contract: `/health/ready`; 503 names the part that does not answer, and it recovers."""
    response = await client.get("/health/ready")
    assert response.status == 200 and (await response.json())["parts"] == {"commands": True, "views": True}

    async def is_ready_without(part: str) -> bool:
        response = await client.get("/health/ready")
        parts = (await response.json())["parts"]
        return response.status == 503 and parts == {"commands": True, "views": True} | {part: False}

    views.down = True
    await eventually(lambda: is_ready_without("views"))
    views.down, log.down = False, True
    await eventually(lambda: is_ready_without("commands"))


async def test_requests_are_counted_by_route(client: Client) -> None:
    """A label for each order would be a series for each order."""
    await client.get("/v1/orders/o_abc", headers={"Authorization": "Bearer x"})
    await client.get("/nowhere/1")
    text = await (await client.get("/metrics")).text()
    assert 'promo_http_requests_total{method="GET",route="/v1/orders/{order_id}",status="401"}' in text
    assert 'promo_http_requests_total{method="unmatched",route="unmatched",status="404"}' in text
    assert (
        "promo_http_request_duration_seconds_bucket" in text and "o_abc" not in text and "nowhere" not in text
    )


async def test_concurrent_scrapes_share_a_rendering(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the longest work that anyone may ask for; still each request sees what was counted before it."""
    counter = itertools.count(1)
    written = 0

    def render() -> bytes:
        next(counter)
        value = b"%d" % written
        time.sleep(0.01)
        return value

    async def scrape(number: int) -> bool:
        nonlocal written
        await asyncio.sleep(number / 2_000)
        written = number
        return int(await renderer.render()) >= number

    monkeypatch.setattr(ops, "_render_metrics", render)
    renderer = MetricsRenderer()
    assert all(await asyncio.gather(*map(scrape, range(100))))
    assert next(counter) < 40


@pytest.mark.parametrize(
    ("method", "path", "status", "slug"),
    [
        ("GET", "/nowhere", 404, "not-found"),
        ("POST", "/v1/orders/", 404, "not-found"),
        ("DELETE", "/v1/orders", 405, "method-not-allowed"),
        ("GET", "/problems/none", 404, "not-found"),
    ],
)
async def test_unmatched_request_is_a_problem(
    client: Client, method: str, path: str, status: int, slug: str
) -> None:
    """Contract: errors are RFC 9457 `application/problem+json`; RFC 9110: 405 has Allow."""
    response = await client.request(method, path)
    assert response.status == status and response.content_type == "application/problem+json"
    assert (await response.json())["type"].endswith("/" + slug)
    assert (status == 405) is ("Allow" in response.headers)


async def test_internal_error_hides_its_cause(
    client: Client, views: FakeViews, caplog: pytest.LogCaptureFixture
) -> None:
    """500 `internal-error`; the cause is in the log, and nowhere else."""
    del views.orders
    response = await client.get("/v1/orders/o1", headers={"Authorization": "Bearer x"})
    assert response.status == 500 and (await response.json())["type"].endswith("/internal-error")
    assert "AttributeError" not in await response.text() and "AttributeError" in caplog.text


async def test_problem_type_resolves(client: Client) -> None:
    """RFC 9457: the type should resolve to its meaning."""
    response = await client.get("/problems/out-of-stock", headers={"Accept-Language": "en"})
    assert response.status == 200 and (await response.json())["title"] == "Out of stock"


async def test_rendering_rests_after_its_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """However often the metrics are read, a process spends at most a fifth of its time on them."""
    loop, renderings = asyncio.get_running_loop(), []

    def render() -> bytes:
        renderings.append(time.monotonic())
        time.sleep(0.02)
        return b""

    monkeypatch.setattr(ops, "_render_metrics", render)
    renderer, began = MetricsRenderer(), loop.time()
    for _ in range(5):
        await renderer.render()
    assert all(later - earlier >= 0.1 for earlier, later in pairwise(renderings))
    assert loop.time() - began < 5
