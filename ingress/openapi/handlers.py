"""GET /openapi.json and GET /docs."""

from collections.abc import Sequence
from functools import lru_cache

from aiohttp import web

from ingress.http import request_headers
from ingress.http.content_negotiation import negotiate_language
from ingress.openapi import document, html_page
from ingress.openapi.route import Route
from schemas.languages import Language

_CACHE_CONTROL = "public, max-age=300"


class ApiDescription:
    """The OpenAPI document and the HTML page of a table of routes; each is rendered once in each language."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = routes
        self.json = lru_cache(maxsize=2)(self._json)
        self.html = lru_cache(maxsize=2)(self._html)

    def _json(self, language: Language) -> bytes:
        return document.to_text(document.build(self._routes, language)).encode()

    def _html(self, language: Language) -> bytes:
        return html_page.render(document.build(self._routes, language), language).encode()


API_DESCRIPTION = web.AppKey("api_description", ApiDescription)


async def openapi(request: web.Request) -> web.Response:
    """GET /openapi.json."""
    language = negotiate_language(request_headers.joined(request.headers, "Accept-Language"))
    headers = _headers(language) | {"Content-Type": "application/json"}
    return web.Response(body=request.app[API_DESCRIPTION].json(language), headers=headers)


async def docs(request: web.Request) -> web.Response:
    """GET /docs; `?lang=en` or `?lang=pt-BR` takes precedence over the Accept-Language header."""
    preferred = request.query.get("lang", "") or request_headers.joined(request.headers, "Accept-Language")
    language = negotiate_language(preferred)
    headers = _headers(language) | html_page.SECURITY_HEADERS | {"Content-Type": "text/html; charset=utf-8"}
    return web.Response(body=request.app[API_DESCRIPTION].html(language), headers=headers)


def _headers(language: Language) -> dict[str, str]:
    return {"Content-Language": language, "Vary": "Accept-Language", "Cache-Control": _CACHE_CONTROL}
