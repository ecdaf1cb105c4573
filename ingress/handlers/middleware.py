"""Middlewares: problems, traces and metrics of every request, and shedding of the first routes under load."""

import logging
from collections.abc import Set
from http import HTTPStatus

from aiohttp import HttpVersion10, HttpVersion11, web
from aiohttp.typedefs import Handler, Middleware
from opentelemetry.trace import SpanKind

from ingress.commands.admission import Pressure
from ingress.handlers import web_pages
from ingress.handlers.access import authorize
from ingress.handlers.app_keys import COMMANDS
from ingress.http import problems, request_headers, request_metrics
from ingress.http.problems import Overloaded, Problem
from schemas import metrics, timestamps
from schemas.telemetry import tracing

log = logging.getLogger(__name__)

#: When a response that stays open was started, by time.monotonic: its request is timed until then.
STREAM_STARTED_AT = web.RequestKey("stream_started_at", float)
#: Route and method, in metrics, of a request without a route.
UNMATCHED = "unmatched"

#: The problems for what aiohttp raises when it routes a request or reads its body.
_SLUG_BY_STATUS = {404: "not-found", 405: "method-not-allowed", 413: "payload-too-large"}
_rejected_pages = metrics.requests_rejected.labels("overload_page")


@web.middleware
async def error_and_metrics(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn errors into problems; trace, count and time the request."""
    started = timestamps.monotonic_clock()
    route, method = _route_and_method(request)
    parent = request_headers.caller_traceparent(request.headers) if tracing.is_enabled() else None
    attributes = {"http.request.method": method, "http.route": route}
    with tracing.span(f"{method} {route}", parent, SpanKind.SERVER, attributes) as span:
        response = await _respond(request, handler)
        span.set_attribute("http.response.status_code", response.status)
    request_metrics.record(route, method, response.status, started, request.get(STREAM_STARTED_AT))
    return response


def shed_first(paths: Set[str]) -> Middleware:
    """Return a middleware that rejects requests of these routes before everything else when load rises."""

    @web.middleware
    async def shed(request: web.Request, handler: Handler) -> web.StreamResponse:
        resource = request.match_info.route.resource
        if (
            resource is not None
            and resource.canonical in paths
            and request.app[COMMANDS].pressure >= Pressure.PAGES
        ):
            _rejected_pages.inc()
            raise Overloaded()
        return await handler(request)

    return shed


def _route_and_method(request: web.Request) -> tuple[str, str]:
    """Return the route as it is declared, which names no order and no restaurant, and the method."""
    resource = request.match_info.route.resource
    return (resource.canonical, request.method) if resource else (UNMATCHED, UNMATCHED)


async def _respond(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request._version not in (HttpVersion10, HttpVersion11):
        request._version = (
            HttpVersion11  # aiohttp answers in the request's version, which `version` would remember
        )
        response = _problem_response(Problem("http-version-not-supported"), request)
        response.force_close()
        return response
    try:
        await authorize(request)
        if request.body_exists:
            request_headers.require_identity(request.headers)
        return await handler(request)
    except Problem as problem:
        return _problem_response(problem, request)
    except web.HTTPException as error:
        error.__traceback__ = (
            None  # the route keeps the error: a cycle, which would hold a body until a full collection
        )
        slug = _SLUG_BY_STATUS.get(error.status)
        if slug is None:
            raise
        headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
        if error.status == HTTPStatus.NOT_FOUND:
            if (page := web_pages.not_found(request)) is not None:
                return page
            headers = {"Vary": "Accept, Accept-Language"}
        return _problem_response(Problem(slug, headers=headers), request)
    except ConnectionError:
        raise  # the client is gone
    except web.RequestPayloadError:
        response = _problem_response(Problem("malformed-message"), request)
        response.force_close()  # the start of the next request is unknown
        return response
    except Exception:
        route, method = _route_and_method(request)
        log.exception("request failed", extra={"route": f"{method} {route}"})
        return _problem_response(Problem("internal-error"), request)


def _problem_response(problem: Problem, request: web.Request) -> web.Response:
    return problems.respond(problem, request_headers.joined(request.headers, "Accept-Language"))
