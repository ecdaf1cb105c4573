"""An answer as bytes with the tag that names them, and whether the reader has them already."""

import hashlib

from aiohttp import web
from msgspec import Struct

CACHE_CONTROL = "public, max-age=0, s-maxage=1, stale-while-revalidate=2"


class Entity(Struct, frozen=True):
    """A JSON body and its ETag."""

    body: bytes
    etag: str


def of(body: bytes) -> Entity:
    """Return the body with its tag."""
    return Entity(body, f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"')


def respond(entity: Entity, if_none_match: str | None) -> web.Response:
    """Return 200 with the body, or 304 to a reader who has it."""
    headers = {"ETag": entity.etag, "Cache-Control": CACHE_CONTROL}
    if if_none_match is not None and _has(if_none_match, entity.etag):
        return web.Response(status=304, headers=headers)
    return web.Response(body=entity.body, headers=headers | {"Content-Type": "application/json"})


def _has(if_none_match: str, etag: str) -> bool:
    tags = (tag.strip() for tag in if_none_match.split(","))
    return any(tag == "*" or tag.removeprefix("W/") == etag for tag in tags)
