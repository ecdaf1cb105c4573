"""Sends generated requests concurrently, and judges each response."""

import asyncio
import time
from collections import Counter

import aiohttp
from msgspec import Struct, field
from yarl import URL

from ingress.openapi.document import described
from ingress.openapi.route import Route
from ingress.routes import ROUTES
from tests.fuzz.generator import FuzzRequest, KnownResources, generate, worst_requests
from tests.fuzz.judge import FuzzResponse, find_faults
from tests.fuzz.usage import IngressUsage

#: Requests at once: one batch, whose cost is measured.
CONCURRENCY = 16
#: Longest text of each request in the report of a batch.
MAX_SHOWN_OF_BATCH = 120
#: Operations whose connection stays open: tests/unit/ingress/test_bad_inputs.py has bad inputs for them.
STAYS_OPEN = frozenset({"followBoard"})


class OperationFindings(Struct):
    """The statuses and faults of one operation."""

    operation: str
    statuses: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    bad: int = 0  # invalid requests


def routes() -> list[Route]:
    """Return the routes that are fuzzed."""
    tested = [route for route, operation in described(ROUTES) if operation.id not in STAYS_OPEN]
    return sorted(tested, key=lambda route: route.method == "DELETE")  # of what the others need


async def run(
    session: aiohttp.ClientSession,
    base: str,
    route: Route,
    cases: int,
    known: KnownResources,
    number: int,
    usage: IngressUsage | None = None,
) -> OperationFindings:
    """Send this many requests of an operation, and its worst cases; return the findings.

    `usage`: the processes that answer, whose cost is judged as well.
    """
    findings = OperationFindings(route.operation.id)
    requests = await asyncio.to_thread(
        lambda: [*generate(route, cases, known, number), *worst_requests(route, known)]
    )
    findings.bad = sum(not request.good for request in requests)

    async def check(request: FuzzRequest) -> None:
        try:
            response = await _send(session, base, request)
        except (ValueError, aiohttp.ClientError) as error:
            if isinstance(error, aiohttp.ClientConnectionError | aiohttp.ServerTimeoutError):
                findings.faults.append(f"{error!r}: {request}")
            return  # a header that no HTTP client sends
        findings.statuses[response.status] += 1
        findings.faults.extend(f"{fault}: {request}" for fault in find_faults(request, response))

    if usage is not None:  # generating them took a while
        usage.start()
    for first in range(0, len(requests), CONCURRENCY):
        batch, started = requests[first : first + CONCURRENCY], time.monotonic()
        await asyncio.gather(*map(check, batch))
        if usage is not None:
            costs = usage.faults_of_batch(len(batch), time.monotonic() - started)
            shown = "; ".join(str(request)[:MAX_SHOWN_OF_BATCH] for request in batch)
            findings.faults.extend(f"{cost}: {shown}" for cost in costs)
    return findings


async def _send(session: aiohttp.ClientSession, base: str, request: FuzzRequest) -> FuzzResponse:
    async with session.request(
        request.route.method,
        URL(base + request.target, encoded=True),
        headers=request.headers,
        data=request.body,
        skip_auto_headers=("User-Agent", "Content-Type"),
        allow_redirects=False,
    ) as response:
        return FuzzResponse(response.status, response.content_type, await response.read())
