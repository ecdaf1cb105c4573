"""What operators and readers of problems ask: health, metrics, the meaning of a slug."""

import asyncio
import time
from typing import Literal

from aiohttp import web
from msgspec import Struct

from ingress import answers, exposition, languages
from ingress.keys import HEALTH, WATCH
from ingress.problems import Problem
from ingress.texts import PROBLEMS
from schemas.metrics import view_staleness


class Live(Struct, frozen=True):
    """The body of GET /health/live."""

    status: Literal["live"] = "live"


class Ready(Struct, frozen=True):
    """The body of GET /health/ready: which of the parts that are needed answer."""

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
    return web.Response(body=answers.encode(Live()), headers=answers.JSON)


async def ready(request: web.Request) -> web.Response:
    """GET /health/ready: 200 when every part that is needed answers, else 503 and which do not."""
    parts = await request.app[HEALTH].findings()
    well = all(parts.values())
    body = Ready("ready" if well else "not-ready", parts)
    return web.Response(status=200 if well else 503, body=answers.encode(body), headers=answers.JSON)


async def metrics(request: web.Request) -> web.Response:
    """GET /metrics: of all processes that run beside this one."""
    view_staleness.set(request.app[WATCH].staleness(time.time_ns() // 1_000_000))
    return web.Response(
        body=await asyncio.to_thread(exposition.render), headers={"Content-Type": exposition.CONTENT_TYPE}
    )


async def problem(request: web.Request) -> web.Response:
    """GET /problems/{slug}: what a problem's type means."""
    slug = request.match_info["slug"]
    text = PROBLEMS.get(slug)
    if text is None:
        raise Problem("not-found")
    language = languages.negotiate(request.headers.get("Accept-Language", ""))
    body = ProblemMeaning(f"/problems/{slug}", text.status, text.title.of(language), text.detail.of(language))
    headers = answers.JSON | {"Content-Language": language, "Vary": "Accept-Language"}
    return web.Response(body=answers.encode(body), headers=headers)
