"""Every key in Redis: what holds it, who makes it grow, and what ends it. README.md has the table.

`<generation>:` precedes the keys of the views (view_keys.py). A test fills Redis and finds a row for each key.
"""

from msgspec import Struct


class RedisKey(Struct, frozen=True):
    """A kind of keys. `pattern` is a glob; `grows_with`: by whose requests; `expires`: each such key has a TTL."""

    pattern: str
    writer: str
    grows_with: str
    kept: str
    expires: bool = False


def verification(verification_id: str) -> str:
    """Return the key of a code that was sent."""
    return f"verification:{verification_id}"


def codes_of(whom: str) -> str:
    """Return the key of a count of codes."""
    return f"codes:{whom}"


def code_pause(phone: str) -> str:
    """Return the key that exists while no further code goes to a phone, given by its digest."""
    return f"codes:pause:{phone}"


REDIS_KEYS = [
    RedisKey(
        "views-*:menu:*", "egress", "restaurants: items, promotions and buckets", "until they are deleted"
    ),
    RedisKey(
        "views-*:order:*",
        "egress",
        "anonymous clients: one for each order",
        "7 d after its last change; 15 min if refused",
        expires=True,
    ),
    RedisKey(
        "views-*:restaurants",
        "egress",
        "the administrator: a field for each restaurant",
        "until it is deleted",
    ),
    RedisKey(
        "views-*:promotions", "egress", "restaurants: a field for each promotion", "until it is deleted"
    ),
    RedisKey(
        "views-*:views:deletions", "egress", "the administrator: a field for each restaurant", "indefinitely"
    ),
    RedisKey("views-*:views:positions", "egress", "no one: a field for each partition", "indefinitely"),
    RedisKey("views-*:views:watermarks", "egress", "no one: a field for each partition", "indefinitely"),
    RedisKey("views-*:views:revision", "egress", "no one: a number", "indefinitely"),
    RedisKey(
        "views-*:views:changes", "egress", "the administrator: a member for each restaurant", "indefinitely"
    ),
    RedisKey(
        "views-*:views:sequences", "egress", "the administrator: a field for each restaurant", "indefinitely"
    ),
    RedisKey("views-*:views:line", "egress", "no one: a name", "indefinitely"),
    RedisKey(
        "views-*:board:*",
        "egress",
        "anonymous clients: a member for each confirmed or pending order",
        "15 min after the end of the order",
        expires=True,
    ),
    RedisKey(
        "views-*:feed:*", "egress", "no one: the newest 500 references", "15 min after the last", expires=True
    ),
    RedisKey(
        "answered:*",
        "ingress",
        "anonymous clients: one for each order that was answered",
        "1 min; 10 min if it was refused without facts",
        expires=True,
    ),
    RedisKey(
        "verification:*",
        "ingress",
        "anonymous clients, within PROMO_VERIFICATION_CODES_PER_DAY: one for each code",
        "10 min",
        expires=True,
    ),
    RedisKey(
        "codes:*",
        "ingress",
        "anonymous clients, within PROMO_VERIFICATION_CODES_PER_DAY: for each code a phone's, an address's and one of both",
        "1 d after the first code; a phone's pause 30 s",
        expires=True,
    ),
    RedisKey("views:current", "egress", "no one: a name", "indefinitely"),
    RedisKey("views:closing", "egress (`make rebuild`)", "no one: a name", "10 s", expires=True),
    RedisKey(
        "deliveries:*",
        "egress",
        "anonymous clients: one for each webhook and push of their orders",
        "1 h after the end of its retries",
        expires=True,
    ),
    RedisKey("webhooks:log:*", "egress", "no one: the last 200 attempts", "7 d after the last", expires=True),
    RedisKey("webhooks:off", "egress", "restaurants: a field for each", "until its webhook is enabled"),
]
