"""Pages of the provider's books over HTTP: repeated while the provider fails, and an error where they cannot be read."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from egress.provider_client import ProviderClient
from egress.reconcile import http_books
from egress.reconcile.books import Movement
from egress.reconcile.http_books import MAX_ATTEMPTS, MAX_PAGE_BYTES, HttpBooks
from egress.resilience.errors import AccessError, PermanentError, TransientError
from schemas.runtime.secret_file import SecretFile
from schemas.timestamps import EpochMs

AT = "1970-01-01T00:00:01.000Z"
#: An answer: its status, and its body as JSON.
Answer = tuple[int, Any]


def entry(kind: str, at: str = AT, **more: str) -> dict[str, Any]:
    return {"order_id": "o", "kind": kind, "amount": {"amount": 5, "currency": "BRL"}, "at": at, **more}


def page(*entries: dict[str, Any], following: str | None = None) -> Answer:
    return 200, {"entries": entries, "next": following}


@pytest.fixture
async def read(
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Callable[..., Any]]:
    """Return a function that reads the books of a server which gives these answers in turn, the last again and again."""
    monkeypatch.setattr(http_books, "MAX_RETRY_SECONDS", 0.0)
    answers: list[Answer] = []
    queries: list[dict[str, str]] = []

    async def handle(request: web.Request) -> web.Response:
        queries.append(dict(request.query))
        status, body = answers.pop(0) if len(answers) > 1 else answers[0]
        return web.json_response(body, status=status)

    app = web.Application()
    app.router.add_get("/ledger", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]

    async def books(*given: Answer) -> tuple[list[Movement], list[dict[str, str]]]:
        answers[:] = given
        queries.clear()
        async with aiohttp.ClientSession() as session:
            client = ProviderClient(session, f"http://{host}:{port}", SecretFile("", ""), 5.0, MAX_PAGE_BYTES)
            found = [one async for part in HttpBooks(client).pages(EpochMs(0)) for one in part]
        return found, queries

    yield books
    await runner.cleanup()


async def test_pages_follow_each_other(read: Callable[..., Any]) -> None:
    """Only what moved money counts; an entry of an earlier release has the payment id of its order."""
    declined, voided = entry("declined", payment_id="p"), {**entry("voided"), "amount": None}
    first = page(entry("authorised", payment_id="p"), declined, voided, following="3")
    found, queries = await read(first, (500, {}), (429, {}), page(entry("refunded")))
    assert found == [
        Movement("p", "o", "taken", 5, EpochMs(1000)),
        Movement("o", "o", "given_back", 5, EpochMs(1000)),
    ]
    assert queries == [{"since": "1970-01-01T00:00:00.000Z"}, *[{"after": "3"}] * 3]


@pytest.mark.parametrize(
    ("answer", "error", "calls"),
    [
        ((500, {}), TransientError, MAX_ATTEMPTS),
        ((200, {"entries": 1}), TransientError, MAX_ATTEMPTS),
        (page(entry("authorised", at="yesterday")), TransientError, 1),
        (page(entry("authorised", at="2026-01-01T00:00:00")), TransientError, 1),
        (page(following="7"), TransientError, 2),
        ((401, {}), AccessError, 1),
        ((400, {}), PermanentError, 1),
    ],
    ids=["down", "no page", "no time", "no zone", "no end", "shut out", "refused"],
)
async def test_books_that_cannot_be_read_are_no_difference(
    read: Callable[..., Any], answer: Answer, error: type[Exception], calls: int
) -> None:
    """Part of the books must not pass for all of them; the attempts have a limit."""
    _, queries = await read(page())
    with pytest.raises(error):
        await read(answer)
    assert len(queries) == calls
