"""An answer as bytes with the tag that names them, and whether the reader has them already."""

import hashlib
from collections.abc import Mapping
from email.utils import formatdate
from http import HTTPStatus

from aiohttp import web

#: A page is little more than a second old when it is made of views that are kept; what a shared cache adds to
#: its age keeps it near the 3 s past which a page must say that it is degraded (README, decision 8).
CACHE_CONTROL = "public, max-age=0, s-maxage=1, stale-while-revalidate=1"


class Wire(web.StreamResponse):
    """A whole answer, head and body, on a connection that stays open; one object answers any number of requests."""

    def __init__(self, status: HTTPStatus, headers: Mapping[str, str], body: bytes) -> None:
        """Take all of it."""
        super().__init__(status=status)
        lines = [f"HTTP/1.1 {status.value} {status.phrase}", *(f"{n}: {v}" for n, v in headers.items())]
        self._bytes = "\r\n".join([*lines, "", ""]).encode() + body

    @property
    def keep_alive(self) -> bool:
        """Say that the connection stays open."""
        return True

    async def prepare(self, request: web.BaseRequest) -> None:
        """Send everything."""
        await request.writer.write(self._bytes)
        await request.writer.drain()

    async def write_eof(self, data: bytes = b"") -> None:
        """Send nothing more."""


class Entity:
    """A JSON body and its ETag, and what is sent of it within one second."""

    __slots__ = ("body", "etag", "headers", "not_modified", "ok", "second")

    def __init__(self, body: bytes, etag: str, second: int) -> None:
        """Take them, and the time in seconds since 1970."""
        self.body = body
        self.etag = etag
        self.second = second
        self.headers = {"ETag": etag, "Cache-Control": CACHE_CONTROL}
        dated = {"Date": formatdate(second, usegmt=True), **self.headers}
        typed = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        self.ok = Wire(HTTPStatus.OK, dated | typed, body)
        self.not_modified = Wire(HTTPStatus.NOT_MODIFIED, dated, b"")

    def wire(self, if_none_match: str | None) -> Wire:
        """Return 200 with the body, or 304 to a reader who has it, for a connection that stays open."""
        return self.not_modified if self._is_had(if_none_match) else self.ok

    def respond(self, if_none_match: str | None) -> web.Response:
        """Return the same for any connection."""
        if self._is_had(if_none_match):
            return web.Response(status=304, headers=self.headers)
        return web.Response(body=self.body, headers=self.headers | {"Content-Type": "application/json"})

    def _is_had(self, if_none_match: str | None) -> bool:
        if if_none_match is None:
            return False
        own = self.etag.removeprefix("W/")
        tags = (tag.strip() for tag in if_none_match.split(","))
        return any(tag == "*" or tag.removeprefix("W/") == own for tag in tags)


def tag(content: bytes) -> str:
    """Return the ETag of a content: weak, since the age of the page is not part of it.

    Who has the page and is told 304 shows an age that is too great, and never one that is too small.
    """
    return f'W/"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'
