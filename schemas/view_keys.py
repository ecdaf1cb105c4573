"""Keys and fields of the views in Redis, and the version that each value carries.

Every view is a hash. A field holds `version|JSON`. A write takes effect only if its version is greater, so facts of
different topics may come in any order, and all of them twice (DECISIONS.md, facts-carry-state). A field that is deleted
leaves nothing but its version among the deletions; one that is not there is written only by a greater version.

| key | field | holds |
|---|---|---|
| `menu:<restaurant>` | `restaurant`, `item:<sku>`, `stock:<sku>`, `promotion:<id>` | its state |
| | `stock:<sku>#<bucket>` | the stock in another bucket than the home (DECISIONS.md, stock-escrow) |
| | `partition` | the partition that decides its commands |
| `order:<order>` | `order` | the order |
| | `s:<status>` | the time of that status |
| | `personal` | address, name and phone, sealed |
| `restaurants` | `<restaurant>` | its profile |
| `promotions` | `<restaurant>/<promotion>` | its window |

Other keys:

| key | holds |
|---|---|
| `views:positions` | a hash: the next offset to project, by `<topic>/<partition>` |
| `views:watermarks` | a hash: the time until which the views are complete, in ms since 1970, by `<partition>` |
| `views:revision` | the number of changes of views that do not expire |
| `views:changes` | a sorted set: the keys of these views, by the revision of their last change |
| `views:sequences` | a hash: the number of the last change in a feed, by `<restaurant>` |
| `views:deletions` | a hash: the version of the latest deletion of anything of a restaurant, by `<restaurant>` |
| `views:line` | the run of their writer; it changes when numbers of changes may repeat (restored views, another writer) |
| `board:<restaurant>` | a sorted set: the orders on its board, by the end of their time there, in s since 1970 |
| `feed:<restaurant>` | a sorted set: references of what changed, by the number of the last change |

A reference is `o:<order>`, `s:<sku>` (its stock) or `menu` (an item, a promotion or the profile). A feed keeps its
newest 500 references for a quarter of an hour. Its member `floor` has the number up to which references were
removed. Each change publishes the restaurants concerned, a JSON list, on the channel `views:wake`.

All of these belong to a generation, whose name precedes each key (`views-1f0c92aa:menu:r1`). A rebuild fills a
new generation and switches the pointer:

| key | holds |
|---|---|
| `views:current` | the generation that is read and written |
| `views:closing` | the generation that rejects writes while readers switch to another |

One key belongs to no generation. Ingress writes it:

| key | field | holds |
|---|---|---|
| `answered:<order>` | the order's version, or `refused` | the order as it was answered, for a minute or ten |
"""

from msgspec import Struct

from schemas.timestamps import EpochMs

RESTAURANTS = "restaurants"
PROMOTIONS = "promotions"
POSITIONS = "views:positions"
WATERMARKS = "views:watermarks"
REVISION = "views:revision"
CHANGES = "views:changes"
SEQUENCES = "views:sequences"
DELETIONS = "views:deletions"
WRITER_RUN = "views:line"
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
#: How long an order can be read after its last change.
ORDER_TTL_SECONDS = 7 * 86_400
#: The same for a refused order without a refund: clients can make any number of them.
REFUSED_ORDER_TTL_SECONDS = 15 * 60
#: How long an answer about an order can be read: longer than the views are ever behind, or order pages are unavailable.
ANSWERED_TTL_SECONDS = 60
#: How long the refusal of an order that left no facts can be read.
REFUSED_TTL_SECONDS = 600
#: The field of such a refusal.
REFUSED = "refused"
#: How long an ended order stays on its restaurant's board.
BOARD_TTL_SECONDS = 15 * 60

#: Prefixes of references in a feed, and the one of a menu.
ORDER_REFERENCE = "o:"
STOCK_REFERENCE = "s:"
MENU_REFERENCE = "menu"
#: The member of a feed whose number ends those that were removed.
FLOOR = "floor"


class Window(Struct, frozen=True):
    """The window of a promotion, [starts_at, ends_at) in milliseconds since 1970."""

    starts_at: EpochMs
    ends_at: EpochMs


def inside(generation: str, key: str) -> str:
    """Return the full name of a key in a generation."""
    return f"{generation}:{key}"


def menu(restaurant_id: str) -> str:
    """Return the key of a restaurant's menu."""
    return f"menu:{restaurant_id}"


def order(order_id: str) -> str:
    """Return the key of an order."""
    return f"order:{order_id}"


def answered(order_id: str) -> str:
    """Return the key of an order as it was answered; it belongs to no generation."""
    return f"answered:{order_id}"


def stock(sku: str, bucket: int = 0) -> str:
    """Return the field of an item's stock in one bucket; the item's stock is the sum of all buckets."""
    return f"{STOCK}{sku}#{bucket}" if bucket else f"{STOCK}{sku}"


def board(restaurant_id: str) -> str:
    """Return the key of the orders on a restaurant's board."""
    return f"board:{restaurant_id}"


def feed(restaurant_id: str) -> str:
    """Return the key of a restaurant's numbered changes."""
    return f"feed:{restaurant_id}"


def unpack(stored: bytes) -> tuple[int, bytes]:
    """Return version and JSON of a field's value."""
    version, _, value = stored.partition(b"|")
    return int(version), value
