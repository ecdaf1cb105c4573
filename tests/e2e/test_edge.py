"""nginx before ingress: `make up EDGE=1`."""

import asyncio
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from compose.edge import nginx
from compose.errors import NoEdge
from compose.supervisor.services import fetch
from tests.e2e.customers import Kitchen
from tests.e2e.stack import Stack
from tests.support.waiting import eventually, wait_until

HAS_NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:{nginx.SBIN}") is not None
needs_nginx = pytest.mark.skipif(not HAS_NGINX, reason="nginx is not installed")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with an edge."""
    started = Stack(tmp_path_factory.mktemp("edge"), edge_enabled=1)
    yield started
    started.compose("down")


def test_missing_nginx_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The message names the package, and the setting that does without it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(nginx, "SBIN", str(tmp_path))
    with pytest.raises(NoEdge, match="apt-get install nginx-light"):
        nginx.find_executable()


@needs_nginx
async def test_menus_are_cached_for_a_second(stack: Stack) -> None:
    """By Cache-Control of ingress, concurrent requests of one page reach ingress once a second; orders pass through."""
    async with aiohttp.ClientSession() as session:
        kitchen = Kitchen(session, stack.edge_url)
        restaurant = await kitchen.open(coxinha=5)
        menu = f"/v1/restaurants/{restaurant}/menu"

        async def has(path: str, text: bytes) -> bool:
            return text in (await kitchen.call("GET", path)).body

        await eventually(lambda: has(menu, b'"count":5'))
        answers = await asyncio.gather(*(kitchen.call("GET", menu) for _ in range(50)))
        assert {answer.status for answer in answers} == {200}
        missed = [a for a in answers if not a.headers["Cache-Status"].startswith("edge; hit")]
        assert len(missed) <= 2
        had = await kitchen.call("GET", menu, headers={"If-None-Match": answers[0].headers["ETag"]})
        assert had.status == 304 and not had.body
        first, again = [await kitchen.order(restaurant, "k", ("coxinha", 2)) for _ in range(2)]
        assert (first.status, again.body, again.replayed) == (201, first.body, True)
        await eventually(lambda: has(menu, b'"count":3'))
        await eventually(lambda: has(f"/catalogo?restaurant_id={restaurant}", b'"count":3'))
        unknown = await kitchen.call("GET", "/v1/restaurants/none/menu")
        assert unknown.status == 404 and unknown.headers["Content-Type"] == "application/problem+json"
        inner = [(await kitchen.call("GET", path)).status for path in ("/health/ready", "/metrics")]
        assert inner == [404, 404], "they are for this side of the gateway"


@needs_nginx
async def test_edge_rejects_large_requests(stack: Stack) -> None:
    """Bodies above 64 KiB and headers above 8 KiB do not reach ingress."""
    async with aiohttp.ClientSession() as session:
        kitchen = Kitchen(session, stack.edge_url)
        assert (await kitchen.call("POST", "/v1/orders", data=b"x" * 70_000)).status == 413
        assert (await kitchen.call("GET", "/v1/restaurants", headers={"X": "x" * 9_000})).status == 400


@needs_nginx
def test_edge_that_dies_is_replaced(stack: Stack) -> None:
    """Contract: a process that dies is started again; the old one leaves no process on the port."""
    old = stack.kill("edge")
    stack.wait_for_new("edge", old)
    wait_until(lambda: fetch(f"{stack.edge_url}/v1/restaurants") is not None)
