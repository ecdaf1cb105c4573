"""A JSON response that is rendered once and sent many times, with its ETag and conditional requests (RFC 9110)."""

import hashlib
from collections.abc import Sequence
from email.utils import formatdate

from aiohttp import web

from ingress.http import security_headers
from ingress.http.raw_response import encode_response

#: A page is little more than a second old when Redis answers. A shared cache may add two seconds, so the page
#: stays near the 3 s after which it must be marked degraded.
CACHE_CONTROL = "public, max-age=0, s-maxage=1, stale-while-revalidate=1"


class CachedResponse:
    """A JSON body with its ETag, as the bytes of both responses that are sent for it within one second.

    The body is held once, as the end of the whole response.
    """

    __slots__ = ("_body_start", "_not_modified", "_ok", "etag", "headers", "second")

    def __init__(self, parts: Sequence[bytes | memoryview], etag: str, second: int) -> None:
        """Args:
        parts: the JSON document, in pieces.
        etag: the tag of its content.
        second: the time of the Date header, in seconds since 1970.
        """
        self.etag = etag
        self.second = second
        self.headers = {"ETag": etag, "Cache-Control": CACHE_CONTROL}
        common = {"Date": formatdate(second, usegmt=True), **self.headers, **security_headers.API}
        content = {"Content-Type": "application/json", "Content-Length": str(sum(map(len, parts)))}
        head = encode_response("200 OK", common | content)
        self._body_start = len(head)
        self._ok = 200, b"".join((head, *parts))
        self._not_modified = 304, encode_response("304 Not Modified", common)

    @property
    def body(self) -> bytes:
        """A copy of the JSON document."""
        return self._ok[1][self._body_start :]

    def body_start(self, length: int) -> memoryview:
        """Return the first bytes of the JSON document, which this response holds."""
        return memoryview(self._ok[1])[self._body_start : self._body_start + length]

    def to_bytes(self, if_none_match: str | None) -> tuple[int, bytes]:
        """Return status and bytes of a whole response: 304 if the client has this content, else 200."""
        return self._not_modified if self._matches_etag(if_none_match) else self._ok

    def respond(self, if_none_match: str | None) -> web.Response:
        """Return the same response for aiohttp."""
        if self._matches_etag(if_none_match):
            return web.Response(status=304, headers=self.headers)
        return web.Response(body=self.body, headers=self.headers | {"Content-Type": "application/json"})

    def _matches_etag(self, if_none_match: str | None) -> bool:
        if if_none_match is None:
            return False
        own = self.etag.removeprefix("W/")
        tags = (tag.strip() for tag in if_none_match.split(","))
        return any(tag == "*" or tag.removeprefix("W/") == own for tag in tags)


def etag_of(content: bytes) -> str:
    """Return a weak ETag of a content without its age.

    A client that gets 304 keeps showing the age of its copy, which is too great and never too small.
    """
    return f'W/"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'
