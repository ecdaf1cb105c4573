"""`make bench-worst-cases`: the latency of menus while one client sends 64 KiB worst cases; for one ingress process."""

import argparse
import asyncio
import contextlib
from itertools import cycle, islice
from urllib.parse import urlsplit

import aiohttp

from ingress.routes import ROUTES
from tests.bench.open_loop import Samples, load
from tests.e2e.customers import Kitchen
from tests.support import report
from tests.support.ingress import worst_cases
from tests.support.programs import temporary_stack

MAX_P95_MS = 120
ITEMS = 50
WARMUP_SECONDS = 3
RESPONSE_SECONDS = 2.0


def main() -> None:
    """Measure menus alone, then with the worst cases; print a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.worst_cases", description=__doc__)
    parser.add_argument("--rate", type=float, default=5.0, help="worst cases a second")
    parser.add_argument("--reads", type=float, default=100.0, help="menus a second")
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    with temporary_stack(ingress_processes=1) as stack:
        asyncio.run(_measure(stack.url, options))


async def _measure(url: str, options: argparse.Namespace) -> None:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(30)) as session:
        kitchen = Kitchen(session, url)
        restaurant = await kitchen.open(**{f"item{number}": None for number in range(ITEMS)})

        async def read(_: int) -> int:
            return (await kitchen.call("GET", f"/v1/restaurants/{restaurant}/menu?limit=100")).status

        await load(options.reads, WARMUP_SECONDS, read)
        alone = await load(options.reads, options.seconds, read)
        requests = _requests(int(options.rate * options.seconds))
        _, beside = await asyncio.gather(
            load(options.rate, options.seconds, lambda number: _send(url, requests[number])),
            load(options.reads, options.seconds, read),
        )
    rows = [("menus alone", *_row(alone)), (f"with {options.rate:g} worst cases a second", *_row(beside))]
    print(report.table(("load", "statuses", "p50 ms", "p95 ms", "max ms"), rows))
    print(f"p95 {'within' if beside.quantile(0.95) <= MAX_P95_MS else 'above'} {MAX_P95_MS} ms")


def _row(samples: Samples) -> tuple[object, ...]:
    quantiles = (f"{samples.quantile(q):.1f}" for q in (0.5, 0.95, 1.0))
    return dict(samples.statuses), *quantiles


def _requests(count: int) -> list[bytes]:
    """Return this many orders with the worst bodies, which need no token; made beforehand, since that takes long itself."""
    [route] = (route for route in ROUTES if route.path == "/v1/orders")
    cases = worst_cases.requests(route, route.path, {"Idempotency-Key": "k" * 32})
    return [case.to_bytes() for case in islice(cycle(case for case in cases if case.body), count)]


async def _send(url: str, request: bytes) -> int:
    """Send a request on a connection of its own, and wait for the head of its response; return 0."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    with contextlib.suppress(TimeoutError, ConnectionError, asyncio.IncompleteReadError):
        async with asyncio.timeout(RESPONSE_SECONDS):
            writer.write(request)
            await reader.readuntil(b"\r\n\r\n")
    writer.close()
    return 0


if __name__ == "__main__":
    main()
