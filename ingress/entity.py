"""An answer as bytes with the tag that names them, and whether the reader has them already."""

import hashlib
from collections.abc import Mapping
from email.utils import formatdate

from aiohttp import web

from ingress import security_headers

#: A page is little more than a second old when it is made of views that are kept; what a shared cache adds to
#: its age keeps it near the 3 s past which a page must say that it is degraded (README, decision 8).
CACHE_CONTROL = "public, max-age=0, s-maxage=1, stale-while-revalidate=1"


class Entity:
    """A JSON body and its ETag, and all that is sent of it within one second."""

    __slots__ = ("_not_modified", "_ok", "body", "etag", "headers", "second")

    def __init__(self, body: bytes, etag: str, second: int) -> None:
        """Take them, and the time in seconds since 1970."""
        self.body = body
        self.etag = etag
        self.second = second
        self.headers = {"ETag": etag, "Cache-Control": CACHE_CONTROL}
        dated = {"Date": formatdate(second, usegmt=True), **self.headers, **security_headers.API}
        typed = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        self._ok = 200, _head("200 OK", dated | typed) + body
        self._not_modified = 304, _head("304 Not Modified", dated)

    def wire(self, if_none_match: str | None) -> tuple[int, bytes]:
        """Return status and bytes, head and body: 200, or 304 to a reader who has it; the connection stays open."""
        return self._not_modified if self._is_had(if_none_match) else self._ok

    def respond(self, if_none_match: str | None) -> web.Response:
        """Return the same as aiohttp sends it."""
        if self._is_had(if_none_match):
            return web.Response(status=304, headers=self.headers)
        return web.Response(body=self.body, headers=self.headers | {"Content-Type": "application/json"})

    def _is_had(self, if_none_match: str | None) -> bool:
        if if_none_match is None:
            return False
        own = self.etag.removeprefix("W/")
        tags = (tag.strip() for tag in if_none_match.split(","))
        return any(tag == "*" or tag.removeprefix("W/") == own for tag in tags)


def _head(status: str, headers: Mapping[str, str]) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *(f"{n}: {v}" for n, v in headers.items()), "", ""]).encode()


def tag(content: bytes) -> str:
    """Return the ETag of a content: weak, since the age of the page is not part of it.

    Who has the page and is told 304 shows an age that is too great, and never one that is too small.
    """
    return f'W/"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'
