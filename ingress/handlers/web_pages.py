"""The HTML pages / and /painel/{restaurant_id}, and their files."""

import hashlib

from aiohttp import web

from ingress.handlers.app_keys import MENUS
from ingress.http import request_headers
from ingress.http.content_negotiation import negotiate_language, prefers_html
from ingress.http.problems import Problem, Unavailable
from ingress.web import assets
from schemas.languages import Language

HTML = "text/html; charset=utf-8"
#: The service worker must be at the root, because it serves the pages below its own path.
WORKER = "sw.js"


async def customer(request: web.Request) -> web.Response:
    """GET /: the open promotions; with `?r=`, the menu of one restaurant."""
    return await _page(request, "customer", request.query.get("r", ""))


async def board(request: web.Request) -> web.Response:
    """GET /painel/{restaurant_id}: the restaurant's board, which asks for the token itself."""
    return await _page(request, "board", request.match_info["restaurant_id"])


async def file(request: web.Request) -> web.Response:
    """GET /web/{version}/{name}: cached for a year under its own version.

    While processes are replaced one by one, pages name files of another version. They get ours, without caching.
    """
    files = assets.load()
    is_current = request.match_info["version"] == files.version
    return _file(request, request.match_info["name"], assets.IMMUTABLE if is_current else assets.REVALIDATE)


async def worker(request: web.Request) -> web.Response:
    """GET /sw.js."""
    return _file(request, WORKER, assets.REVALIDATE)


def not_found(request: web.Request) -> web.Response | None:
    """Return the page for an address without a route, or None if the client does not prefer HTML to JSON."""
    if request.method not in ("GET", "HEAD") or not prefers_html(
        request_headers.joined(request.headers, "Accept")
    ):
        return None
    language = negotiate_language(request_headers.joined(request.headers, "Accept-Language"))
    headers = _page_headers(language, "Accept, Accept-Language") | {"Content-Type": HTML}
    return web.Response(status=404, body=assets.load().page("missing", language, "", ""), headers=headers)


def _file(request: web.Request, name: str, cache_control: str) -> web.Response:
    found = assets.load().files.get(name)
    if found is None:
        raise Problem("not-found")
    headers = assets.SECURITY_HEADERS | {
        "Content-Type": found.content_type,
        "Cache-Control": cache_control,
        "Vary": "Accept-Encoding",
    }
    if "gzip" in request_headers.joined(request.headers, "Accept-Encoding"):
        return web.Response(body=found.gzipped, headers=headers | {"Content-Encoding": "gzip"})
    return web.Response(body=found.body, headers=headers)


async def _page(request: web.Request, page: str, restaurant_id: str) -> web.Response:
    language = negotiate_language(request_headers.joined(request.headers, "Accept-Language"))
    name, status = await _name_and_status(request, restaurant_id)
    body = assets.load().page(page, language, restaurant_id, name)
    etag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    headers = _page_headers(language, "Accept-Language") | {"ETag": etag}
    known = request_headers.joined(request.headers, "If-None-Match").split(",")
    if status == 200 and etag in map(str.strip, known):
        return web.Response(status=304, headers=headers)
    return web.Response(status=status, body=body, headers=headers | {"Content-Type": HTML})


def _page_headers(language: Language, vary: str) -> dict[str, str]:
    headers = {"Cache-Control": assets.REVALIDATE, "Content-Language": language, "Vary": vary}
    return assets.SECURITY_HEADERS | headers


async def _name_and_status(request: web.Request, restaurant_id: str) -> tuple[str, int]:
    """Return the restaurant's name and the status of its page; the page itself says when something is wrong."""
    if not restaurant_id:
        return "", 200
    try:
        return await request.app[MENUS].restaurant_name(restaurant_id), 200
    except Unavailable:
        return restaurant_id, 200
    except Problem:
        return restaurant_id, 404
