"""Security headers of every response.

A response is data: a browser may not run, embed or forward it. A page needs more and sets its own policy, and `add`
keeps what a handler has set. There is no CORS header, so pages of other origins can read nothing.
"""

from aiohttp import web

#: Headers of responses that are data.
API: dict[str, str] = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


async def add(_: web.Request, response: web.StreamResponse) -> None:
    """Add the headers that the handler has not set; a signal handler of `on_response_prepare`."""
    headers = response.headers
    for name, value in API.items():
        headers.setdefault(name, value)
    headers.pop("Server", None)  # versions in use are not published
