"""What operators and readers of problems ask: health, metrics, the meaning of a slug."""

import asyncio
import time

from aiohttp import web

from ingress import answers, exposition, languages
from ingress.keys import HEALTH, WATCH
from ingress.problems import Problem
from ingress.texts import PROBLEMS
from schemas.metrics import view_staleness


async def live(request: web.Request) -> web.Response:
    """GET /health/live: the process answers."""
    return web.Response(body=answers.encode({"status": "live"}), headers=answers.JSON)


async def ready(request: web.Request) -> web.Response:
    """GET /health/ready: 200 when every part that is needed answers, else 503 and which do not."""
    parts = await request.app[HEALTH].findings()
    well = all(parts.values())
    body = {"status": "ready" if well else "not-ready", "parts": parts}
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
    body = {
        "type": f"/problems/{slug}",
        "status": text.status,
        "title": text.title.of(language),
        "detail": text.detail.of(language),
    }
    headers = answers.JSON | {"Content-Language": language, "Vary": "Accept-Language"}
    return web.Response(body=answers.encode(body), headers=headers)
