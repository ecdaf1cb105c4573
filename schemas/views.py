"""The views in Redis: keys, fields, and how a value carries its version (README, decision 5).

Every view is a hash. A field holds `version|JSON`; a write counts only when its version is
greater, so facts may come twice or in any order.

| key | field | holds |
|---|---|---|
| `menu:<restaurant>` | `restaurant`, `item:<sku>`, `stock:<sku>`, `promotion:<id>` | the state of that thing |
| | `stock:<sku>#<bucket>` | the same of another bucket than the home (README, Stock escrow) |
| | `partition` | the partition that decides for the restaurant |
| `order:<order>` | `order` | the order |
| | `s:<status>` | when it got that status |
| | `personal` | address, name and phone, sealed |
| `restaurants` | `<restaurant>` | its profile |
| `promotions` | `<restaurant>/<promotion>` | its window |

What is kept beside the views:

| key | holds |
|---|---|
| `views:positions` | a hash: `<topic>/<partition>` to the next offset to project |
| `views:watermarks` | a hash: `<partition>` to until when the views hold all, in ms since 1970 |
| `views:revision` | counts the changes of views that do not expire |
| `views:changes` | a sorted set: such a view's key, by the revision of its last change |
| `views:sequences` | a hash: `<restaurant>` to the number of its last change, for its feed |
| `views:line` | changes whenever numbers of changes may have been given twice (views set back, another writer) |
| `board:<restaurant>` | a sorted set: orders that its board may show, by until when, in seconds since 1970 |
| `feed:<restaurant>` | a sorted set: what has changed (a reference, below), by the number of its last change |

A reference is `o:<order>`, `s:<sku>` (its stock) or `menu` (an item, a promotion, the profile). A feed keeps the
newest 500 for a quarter of an hour (`egress/apply.lua`); `floor` in it has the number up to which others have gone.
Who follows feeds is woken by a message on the channel `views:wake`: a JSON list of restaurants.

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
SEQUENCES = "views:sequences"
LINE = "views:line"
WAKE = "views:wake"

CURRENT = "views:current"
CLOSING = "views:closing"

RESTAURANT = "restaurant"
PARTITION = "partition"
ITEM = "item:"
STOCK = "stock:"
PROMOTION = "promotion:"

ORDER = "order"
STATUS = "s:"
PERSONAL = "personal"
#: How long an order can be looked at after its last change.
ORDER_SECONDS = 7 * 86_400
#: How long an order that has ended stays on its restaurant's board.
BOARD_SECONDS = 15 * 60

#: References of what has changed, in a feed.
ORDER_REFERENCE = "o:"
STOCK_REFERENCE = "s:"
MENU_REFERENCE = "menu"
#: In a feed: up to which number changes are not held any more.
FLOOR = "floor"


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


def stock(sku: str, bucket: int = 0) -> str:
    """Return the field of an item's stock in one bucket; those of all buckets together are the item's."""
    return f"{STOCK}{sku}#{bucket}" if bucket else f"{STOCK}{sku}"


def board(restaurant_id: str) -> str:
    """Return the key of the orders that a restaurant's board may show."""
    return f"board:{restaurant_id}"


def feed(restaurant_id: str) -> str:
    """Return the key of a restaurant's numbered changes."""
    return f"feed:{restaurant_id}"


def pack(version: int, value: bytes) -> bytes:
    """Return what a field holds."""
    return b"%d|%b" % (version, value)


def unpack(stored: bytes) -> tuple[int, bytes]:
    """Return version and JSON of what a field holds."""
    version, _, value = stored.partition(b"|")
    return int(version), value
