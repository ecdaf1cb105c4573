"""Requests sent, many at once, and each answer judged."""

import asyncio
from collections import Counter

import aiohttp
from msgspec import Struct, field
from yarl import URL

from ingress.openapi.document import described
from ingress.openapi.route import Route
from ingress.routes import ROUTES
from tests.fuzz.generating import Known, Request, generate
from tests.fuzz.judging import Answer, faults

AT_ONCE = 16
#: Operations that stay open: they are fuzzed by hand (tests/unit/ingress/test_bad_inputs.py).
STAYS_OPEN = frozenset({"followBoard"})


class Findings(Struct):
    """Of one operation: how many answers of each status, and what was wrong."""

    operation: str
    statuses: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    bad: int = 0  # requests that are not what the document asks for


def routes() -> list[Route]:
    """Return the routes that are fuzzed."""
    return [route for route, operation in described(ROUTES) if operation.id not in STAYS_OPEN]


async def run(
    session: aiohttp.ClientSession, base: str, route: Route, cases: int, known: Known, number: int
) -> Findings:
    """Send this many requests of an operation."""
    findings = Findings(route.operation.id)
    requests = await asyncio.to_thread(lambda: list(generate(route, cases, known, number)))
    findings.bad = sum(not request.good for request in requests)
    waiting = iter(requests)

    async def client() -> None:
        for request in waiting:
            try:
                answer = await _send(session, base, request)
            except (ValueError, aiohttp.ClientError) as error:
                if isinstance(error, aiohttp.ClientConnectionError | aiohttp.ServerTimeoutError):
                    findings.faults.append(f"{error!r}: {request}")
                continue  # a header that no HTTP client sends
            findings.statuses[answer.status] += 1
            findings.faults.extend(f"{fault}: {request}" for fault in faults(request, answer))

    await asyncio.gather(*(client() for _ in range(AT_ONCE)))
    return findings


async def _send(session: aiohttp.ClientSession, base: str, request: Request) -> Answer:
    headers = {name: value for name, value in request.headers.items()}
    async with session.request(
        request.route.method,
        URL(base + request.target, encoded=True),
        headers=headers,
        data=request.body,
        skip_auto_headers=("User-Agent", "Content-Type"),
        allow_redirects=False,
    ) as response:
        return Answer(response.status, response.content_type, await response.read())
