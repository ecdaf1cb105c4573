"""An answer as bytes with the tag that names them, and whether the reader has them already."""

import hashlib

from aiohttp import web
from msgspec import Struct

#: A page is less than a second old when it is made of views that are kept; what a shared cache adds to its
#: age keeps it below the 3 s past which a page must say that it is degraded (README, decision 8).
CACHE_CONTROL = "public, max-age=0, s-maxage=1, stale-while-revalidate=1"


class Entity(Struct, frozen=True):
    """A JSON body and its ETag."""

    body: bytes
    etag: str


def tag(content: bytes) -> str:
    """Return the ETag of a content: weak, since the age of the page is not part of it.

    Who has the page and is told 304 shows an age that is too great, and never one that is too small.
    """
    return f'W/"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'


def respond(entity: Entity, if_none_match: str | None) -> web.Response:
    """Return 200 with the body, or 304 to a reader who has it."""
    headers = {"ETag": entity.etag, "Cache-Control": CACHE_CONTROL}
    if if_none_match is not None and _has(if_none_match, entity.etag):
        return web.Response(status=304, headers=headers)
    return web.Response(body=entity.body, headers=headers | {"Content-Type": "application/json"})


def _has(if_none_match: str, etag: str) -> bool:
    tags = (tag.strip() for tag in if_none_match.split(","))
    return any(tag == "*" or tag.removeprefix("W/") == etag.removeprefix("W/") for tag in tags)
