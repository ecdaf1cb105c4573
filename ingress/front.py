"""Around every request: whatever happens becomes an answer, and is counted and timed."""

import logging
import time
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Any

from aiohttp import web

from ingress import access, request_headers
from ingress.problems import Problem, render
from schemas import metrics
from schemas.telemetry import tracing

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

#: The problem that tells of what the router or the reading of a body found wrong.
_BY_STATUS = {404: "not-found", 405: "method-not-allowed", 413: "payload-too-large"}
#: When the first of an answer was sent that goes on for as long as the client listens: so long its request took.
OPENED_AT = web.RequestKey("opened_at", float)
#: In metrics, the route and the method of requests that no route takes.
UNMATCHED = "unmatched"


@web.middleware
async def front(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer the request; count it and time it."""
    started = time.perf_counter()
    route, method = _pattern(request)
    given = request_headers.given_traceparent(request.headers) if tracing.enabled() else None
    about = {"http__request__method": method, "http__route": route}
    with tracing.span(f"{method} {route}", given, "server", **about) as span:
        response = await _answer(request, handler)
        span.set(http__response__status_code=response.status)
    count(route, method, response.status, started, request.get(OPENED_AT))
    return response


def _pattern(request: web.Request) -> tuple[str, str]:
    """Return the route as it is declared, which names nobody, and the method."""
    resource = request.match_info.route.resource
    return (resource.canonical, request.method) if resource else (UNMATCHED, UNMATCHED)


def count(route: str, method: str, status: int, started: float, ended: float | None = None) -> None:
    """Count a request, and its time by the performance counter; `ended` None: now."""
    requests, duration = _series(route, method, status)
    requests.inc()
    duration.observe((time.perf_counter() if ended is None else ended) - started)


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        access.check(request)
        return await handler(request)
    except Problem as problem:
        return _render(problem, request)
    except web.HTTPException as error:
        slug = _BY_STATUS.get(error.status)
        if slug is None:
            raise
        headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
        return _render(Problem(slug, headers=headers), request)
    except ConnectionError:
        raise  # the client left: nobody to tell
    except web.RequestPayloadError:
        response = _render(Problem("malformed-message"), request)
        response.force_close()  # where the next request begins, nobody knows
        return response
    except Exception:
        log.exception("a request failed", extra={"route": " ".join(reversed(_pattern(request)))})
        return _render(Problem("internal-error"), request)


def _render(problem: Problem, request: web.Request) -> web.Response:
    return render(problem, request.headers.get("Accept-Language", ""))


@lru_cache(maxsize=1024)
def _series(route: str, method: str, status: int) -> tuple[Any, Any]:
    labels = (route, method, str(status))
    return metrics.http_requests.labels(*labels), metrics.http_duration.labels(*labels)
