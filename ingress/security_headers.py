"""Headers that every answer has, so that no browser makes more of it than it is.

An answer is data: nothing in it is run, embedded or sent on. A page says so itself where it needs more
(`PAGE`); what a handler has set is left alone. There is no header of CORS: other origins read nothing.
"""

from aiohttp import web

#: Of answers that are data.
API: dict[str, str] = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

#: Of pages: they load scripts, styles and pictures of their own origin, and nothing inline.
PAGE: dict[str, str] = {
    **API,
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
}


async def add(_: web.Request, response: web.StreamResponse) -> None:
    """Add what the handler has not set, before an answer of whatever kind is sent."""
    headers = response.headers
    for name, value in API.items():
        headers.setdefault(name, value)
    headers.pop("Server", None)  # which versions run is nobody's business
