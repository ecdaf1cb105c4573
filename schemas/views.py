"""The views in Redis: keys, fields, and how a value carries its version (README, decision 5).

Every view is a hash. A field holds `version|JSON`; a write counts only when its version is
greater, so facts may come twice or in any order.

| key | field | holds |
|---|---|---|
| `menu:<restaurant>` | `restaurant`, `item:<sku>`, `stock:<sku>`, `promotion:<id>` | the state of that thing |
| | `partition` | the partition that decides for the restaurant |
| `order:<order>` | `order` | the order |
| | `s:<status>` | when it got that status |
| `restaurants` | `<restaurant>` | its profile |
| `promotions` | `<restaurant>/<promotion>` | its window |

What is kept beside the views:

| key | holds |
|---|---|
| `views:positions` | a hash: `<topic>/<partition>` to the next offset to project |
| `views:watermarks` | a hash: `<partition>` to until when the views hold all, in ms since 1970 |
| `views:revision` | counts the changes of views that do not expire |
| `views:changes` | a sorted set: such a view's key, by the revision of its last change |

All of these belong to a generation, whose name stands before each key (`views-1f0c92aa:menu:r1`). A rebuild
makes a new generation beside the current one, and switches the pointer:

| key | holds |
|---|---|
| `views:current` | the generation that is read and grown |
| `views:closing` | the generation that takes no more writes, for the moment of a switch |
"""

from msgspec import Struct

RESTAURANTS = "restaurants"
PROMOTIONS = "promotions"
POSITIONS = "views:positions"
WATERMARKS = "views:watermarks"
REVISION = "views:revision"
CHANGES = "views:changes"

CURRENT = "views:current"
CLOSING = "views:closing"

RESTAURANT = "restaurant"
PARTITION = "partition"
ITEM = "item:"
STOCK = "stock:"
PROMOTION = "promotion:"

ORDER = "order"
STATUS = "s:"
#: How long an order can be looked at after its last change.
ORDER_SECONDS = 7 * 86_400


class Window(Struct, frozen=True):
    """When a promotion is open, [starts_at, ends_at) in milliseconds since 1970."""

    starts_at: int
    ends_at: int


def inside(generation: str, key: str) -> str:
    """Return a key of a generation."""
    return f"{generation}:{key}"


def menu(restaurant_id: str) -> str:
    """Return the key of a restaurant's menu."""
    return f"menu:{restaurant_id}"


def order(order_id: str) -> str:
    """Return the key of an order."""
    return f"order:{order_id}"


def pack(version: int, value: bytes) -> bytes:
    """Return what a field holds."""
    return b"%d|%b" % (version, value)


def unpack(stored: bytes) -> tuple[int, bytes]:
    """Return version and JSON of what a field holds."""
    version, _, value = stored.partition(b"|")
    return int(version), value
