"""Around every request: whatever happens becomes an answer, and is counted and timed."""

import logging
import time
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Any

from aiohttp import web

from ingress.problems import Problem, render
from schemas import metrics

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

#: The problem that tells of what the router or the reading of a body found wrong.
_BY_STATUS = {404: "not-found", 405: "method-not-allowed", 413: "payload-too-large"}
#: In metrics, the route and the method of requests that no route takes.
UNMATCHED = "unmatched"


@web.middleware
async def front(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer the request; count it and time it."""
    started = time.perf_counter()
    response = await _answer(request, handler)
    resource = request.match_info.route.resource
    route, method = (resource.canonical, request.method) if resource else (UNMATCHED, UNMATCHED)
    count(route, method, response.status, started)
    return response


def count(route: str, method: str, status: int, started: float) -> None:
    """Count a request, and the time since it started by the performance counter."""
    requests, duration = _series(route, method, status)
    requests.inc()
    duration.observe(time.perf_counter() - started)


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Problem as problem:
        return _render(problem, request)
    except web.HTTPException as error:
        slug = _BY_STATUS.get(error.status)
        if slug is None:
            raise
        headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
        return _render(Problem(slug, headers=headers), request)
    except (ConnectionError, web.RequestPayloadError):
        raise  # the client left, or sent what is no body; nobody to tell, or aiohttp does
    except Exception:
        log.exception("%s %s failed", request.method, request.path)
        return _render(Problem("internal-error"), request)


def _render(problem: Problem, request: web.Request) -> web.Response:
    return render(problem, request.headers.get("Accept-Language", ""))


@lru_cache(maxsize=1024)
def _series(route: str, method: str, status: int) -> tuple[Any, Any]:
    labels = (route, method, str(status))
    return metrics.http_requests.labels(*labels), metrics.http_duration.labels(*labels)
