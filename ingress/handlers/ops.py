"""GET of health, metrics and the meaning of problems."""

import asyncio
import os
from typing import Literal

from aiohttp import web
from msgspec import Struct
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from ingress.handlers import responses
from ingress.handlers.app_keys import CHANGE_TRACKER, HEALTH
from ingress.http import request_headers
from ingress.http.content_negotiation import negotiate_language
from ingress.http.problem_catalogue import PROBLEMS
from ingress.http.problems import Problem
from schemas import timestamps
from schemas.metrics import view_staleness

#: The variable that names the folder which processes share for their metrics (schemas/metrics.py).
METRICS_FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
#: How long no metrics are rendered after a rendering, as a multiple of its time, and at most.
REST_FACTOR, MAX_REST_SECONDS = 4.0, 1.0


class MetricsRenderer:
    """Renders the metrics once for all requests that wait for them, since it takes longer than any other response.

    After each rendering it rests for four times as long, so that no one can make a process do little else.
    """

    def __init__(self) -> None:
        self._is_rendering = asyncio.Lock()
        self._rests_until = 0.0  # in the time of the loop
        self._next: asyncio.Future[bytes] | None = None

    async def render(self) -> bytes:
        """Return the metrics as text, as they are after this call."""
        if self._next is None:
            self._next = asyncio.ensure_future(self._render_next())
        return await asyncio.shield(self._next)

    async def _render_next(self) -> bytes:
        async with self._is_rendering:
            loop = asyncio.get_running_loop()
            await asyncio.sleep(self._rests_until - loop.time())
            self._next = None  # who comes from now on shares the following one
            started = loop.time()
            body = await asyncio.to_thread(_render_metrics)
            took = loop.time() - started
            self._rests_until = loop.time() + min(MAX_REST_SECONDS, REST_FACTOR * took)
            return body


#: The renderer of the process.
METRICS_RENDERER = web.AppKey("metrics_renderer", MetricsRenderer)


class Live(Struct, frozen=True):
    """The body of GET /health/live."""

    status: Literal["live"] = "live"


class Ready(Struct, frozen=True):
    """The body of GET /health/ready; `parts` says for each part whether it answers."""

    status: Literal["ready", "not-ready"]
    parts: dict[str, bool]


class ProblemMeaning(Struct, frozen=True):
    """The body of GET /problems/{slug}."""

    type: str
    status: int
    title: str
    detail: str


async def live(request: web.Request) -> web.Response:
    """GET /health/live: the process answers."""
    return responses.respond(Live())


async def ready(request: web.Request) -> web.Response:
    """GET /health/ready: 200 if every part answers, else 503; the body names the parts."""
    parts = await request.app[HEALTH].check_all()
    is_ready = all(parts.values())
    return responses.respond(
        Ready("ready" if is_ready else "not-ready", parts), status=200 if is_ready else 503
    )


async def metrics(request: web.Request) -> web.Response:
    """GET /metrics: of all processes that share a folder with this one."""
    view_staleness.set(request.app[CHANGE_TRACKER].staleness(timestamps.wall_clock()))
    body = await request.app[METRICS_RENDERER].render()
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


async def problem(request: web.Request) -> web.Response:
    """GET /problems/{slug}: the meaning of a problem's type."""
    slug = request.match_info["slug"]
    text = PROBLEMS.get(slug)
    if text is None:
        raise Problem("not-found")
    language = negotiate_language(request_headers.joined(request.headers, "Accept-Language"))
    body = ProblemMeaning(f"/problems/{slug}", text.status, text.title.of(language), text.detail.of(language))
    headers = responses.JSON | {"Content-Language": language, "Vary": "Accept-Language"}
    return responses.respond(body, headers)


def _render_metrics() -> bytes:
    """Return the metrics as text; blocks while it reads the files of all processes."""
    if METRICS_FOLDER_VARIABLE not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
