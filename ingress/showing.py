"""The pages: / and /painel/{restaurant_id}, and the files that they need."""

import hashlib

from aiohttp import web

from ingress import languages, site
from ingress.keys import MENUS
from ingress.problems import Problem, Unavailable

HTML = "text/html; charset=utf-8"
#: The service worker has to be at the root, for whose pages it works.
WORKER = "sw.js"


async def customer(request: web.Request) -> web.Response:
    """GET /: promotions that are open; with `?r=`, the menu of one restaurant."""
    return await _page(request, "customer", request.query.get("r", ""))


async def board(request: web.Request) -> web.Response:
    """GET /painel/{restaurant_id}: the restaurant's board; what it shows, the token opens."""
    return await _page(request, "board", request.match_info["restaurant_id"])


async def file(request: web.Request) -> web.Response:
    """GET /web/{version}/{name}: kept forever under its own version.

    Another version's (processes are replaced one by one) is ours too, but not to be kept.
    """
    files = site.load()
    own = request.match_info["version"] == files.version
    return _file(request, request.match_info["name"], site.FOREVER if own else site.REVALIDATE)


async def worker(request: web.Request) -> web.Response:
    """GET /sw.js."""
    return _file(request, WORKER, site.REVALIDATE)


def _file(request: web.Request, name: str, cache_control: str) -> web.Response:
    found = site.load().files.get(name)
    if found is None:
        raise Problem("not-found")
    headers = site.SECURITY | {
        "Content-Type": found.content_type,
        "Cache-Control": cache_control,
        "Vary": "Accept-Encoding",
    }
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        return web.Response(body=found.zipped, headers=headers | {"Content-Encoding": "gzip"})
    return web.Response(body=found.body, headers=headers)


async def _page(request: web.Request, page: str, restaurant_id: str) -> web.Response:
    language = languages.negotiate(request.headers.get("Accept-Language", ""))
    name, status = await _named(request, restaurant_id)
    body = site.load().page(page, language, restaurant_id, name)
    etag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    headers = site.SECURITY | {
        "Cache-Control": site.REVALIDATE,
        "Content-Language": language,
        "ETag": etag,
        "Vary": "Accept-Language",
    }
    if status == 200 and request.headers.get("If-None-Match") == etag:
        return web.Response(status=304, headers=headers)
    return web.Response(status=status, body=body, headers=headers | {"Content-Type": HTML})


async def _named(request: web.Request, restaurant_id: str) -> tuple[str, int]:
    """Return what a restaurant is called, and the status: a page is shown in any case, and says what is wrong."""
    if not restaurant_id:
        return "", 200
    try:
        return await request.app[MENUS].name(restaurant_id), 200
    except Unavailable:
        return restaurant_id, 200
    except Problem:
        return restaurant_id, 404
