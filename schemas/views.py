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
| `views:positions` | `<topic>/<partition>` | no JSON: the next offset to project |
| `views:watermarks` | `<partition>` | no JSON, no version: until when the views hold all, in ms since 1970 |
"""

from msgspec import Struct

RESTAURANTS = "restaurants"
PROMOTIONS = "promotions"
POSITIONS = "views:positions"
WATERMARKS = "views:watermarks"

RESTAURANT = "restaurant"
PARTITION = "partition"
ITEM = "item:"
STOCK = "stock:"
PROMOTION = "promotion:"

ORDER = "order"
STATUS = "s:"
#: How long an order can be looked at.
ORDER_SECONDS = 7 * 86_400


class Window(Struct, frozen=True):
    """When a promotion is open, [starts_at, ends_at) in milliseconds since 1970."""

    starts_at: int
    ends_at: int


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
