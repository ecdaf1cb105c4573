"""GET /openapi.json and /docs: the HTTP side described, for programs and for people."""

from aiohttp import web

from ingress import languages
from ingress.openapi import document, page
from ingress.texts import Language

_CACHED = "public, max-age=300"


async def openapi(request: web.Request) -> web.Response:
    """GET /openapi.json."""
    language = languages.negotiate(request.headers.get("Accept-Language", ""))
    headers = _headers(language) | {"Content-Type": "application/json"}
    return web.Response(body=document.text(language).encode(), headers=headers)


async def docs(request: web.Request) -> web.Response:
    """GET /docs; `?lang=en` or `?lang=pt-BR` stands above what the browser asks for."""
    asked = request.query.get("lang") or request.headers.get("Accept-Language", "")
    language = languages.negotiate(asked)
    headers = _headers(language) | page.SECURITY | {"Content-Type": "text/html; charset=utf-8"}
    return web.Response(body=page.html(language).encode(), headers=headers)


def _headers(language: Language) -> dict[str, str]:
    return {"Content-Language": language, "Vary": "Accept-Language", "Cache-Control": _CACHED}
