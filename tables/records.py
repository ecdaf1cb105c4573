"""Records of the tables that are not catalogue entries or orders. Times are instants, in milliseconds since 1970."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType, field

from schemas.codec import ReplyAddress
from schemas.commands import LendPortions, PlaceOrder, PortionRequest
from schemas.replies import Answer
from schemas.timestamps import EpochMs, Milliseconds


class Kitchen(Struct, frozen=True, omit_defaults=True):
    """A restaurant's queue: orders in it, how long the latest preparations took, and what is left of deleted orders."""

    open_orders: int = 0
    preparations: list[Milliseconds] = []
    deleted_version: int = 0  # the greatest version of an order that is no longer stored
    unfinished_orders: int = 0  # neither delivered nor cancelled, those that wait for their payment included


class IdempotencyRecord(Struct, frozen=True):
    """What is stored under an idempotency key (DECISIONS.md, dedup-in-the-stream).

    `answer` is None until the outcome is known; until then the key does not expire.
    """

    request_fingerprint: str
    order_id: str
    answer: Answer | None
    expires_at: EpochMs

    def has_expired(self, now: EpochMs) -> bool:
        """Return True if the answer is no longer replayed."""
        return self.answer is not None and self.expires_at <= now


class CustomerUsage(Struct, frozen=True):
    """Portions of one promotion that one customer has reserved, by sku, in the run that began at `counted_from`."""

    portions: dict[str, int] = field(default_factory=dict)
    counted_from: EpochMs = EpochMs(0)


class CatalogueSize(Struct, frozen=True):
    """What a restaurant has of that it may have only so many: items, and promotions with their ends.

    It also divides what is put from what was deleted before under the same id (DECISIONS.md, deleted-without-a-trace).
    """

    items: int = 0
    promotions: dict[str, EpochMs] = {}  # by id; retired ones leave with the next PUT of a promotion
    deleted_version: int = 0  # of the latest deletion: what is new begins with the next version
    deleted_at: EpochMs = EpochMs(0)  # all orders of what was deleted were placed by then


class CashHold(Struct, frozen=True):
    """Open cash orders of one customer or address, or portions of one promotion's item that open cash orders hold."""

    count: int


class PendingReplies(Struct, frozen=True):
    """The callers that wait for the outcome of an order, in the order of their requests."""

    addresses: list[ReplyAddress]


class OwedRefund(Struct, frozen=True):
    """A refund that the payment provider has not answered yet: of the payment with this id, unset as in the order."""

    payment_id: str | UnsetType = UNSET


class Timer(Struct, frozen=True):
    """A deadline. What it does depends on the state that it finds, so a superfluous timer does no harm.

    The deadlines of an order are of the life with `payment_id`; unset: the order's id.
    """

    kind: Literal["reservation", "preparation", "retention", "key", "usage", "promotion", "escrow"]
    restaurant_id: str
    subject: str  # the order's id, the key's hash, the promotion's id, its id and the customer's
    due: EpochMs
    payment_id: str | UnsetType = UNSET


class PeerBucket(Struct, frozen=True, omit_defaults=True):
    """What a bucket knows of one other bucket: its own requests to it, one at a time, and its responses to that one's.

    Requests to one peer are numbered from 1. A bucket is the borrower of its requests, and the lender of its responses.
    """

    last_request: int = 0  # number of our latest request
    requested_at: EpochMs = EpochMs(0)
    requested: list[PortionRequest] = []  # its contents, to send it again
    last_received: int = 0  # number of our latest request that has a response
    last_response: LendPortions | None = None  # to the peer's latest request, to send it again
    last_lent: int = 0  # number of our latest response with portions

    @property
    def has_open_request(self) -> bool:
        """True if our latest request has no response yet."""
        return self.last_request > self.last_received


class BorrowingRound(Struct, frozen=True):
    """One round of requests to all peers, for the waiting orders with numbers below `covers`.

    It is complete when `unsent` and `awaited` are empty (escrow/README.md, S2).
    """

    covers: int
    started_at: EpochMs
    unsent: list[str]  # peers that first have to answer an older request
    awaited: list[str]  # peers that have this round's request
    #: A peer kept portions for other orders, or this bucket lent some of its own.
    is_inconclusive: bool = False
    lent: dict[str, dict[str, int]] = {}  # by lender: its last_lent, by borrower
    received: dict[str, dict[str, int]] = {}  # by borrower: its last_received, by lender
    pools: list[str] = []  # pools of promotions of which every peer has lent less than is missing


class EscrowState(Struct, frozen=True, omit_defaults=True):
    """A bucket, next to its stocks (escrow/README.md).

    Waiting orders have the numbers [head, tail). Portions are counted by pool name (`pools.pool_name`).
    """

    created_with_buckets: bool = False  # the restaurant was created with buckets: its home has no older keys
    is_open: bool = False
    peers: dict[str, PeerBucket] = {}
    round: BorrowingRound | None = None
    head: int = 0
    tail: int = 0
    claims: dict[str, int] = {}  # portions that the waiting orders need, by sku
    low_water_marks: dict[str, int] = {}  # free portions below which the bucket requests more, by sku
    net_received: dict[str, int] = {}  # portions received less portions lent
    shortfalls: dict[str, int] = {}  # lent portions that are no longer offered, and are recalled
    run_out: dict[str, EpochMs] = {}  # when the PUT of 0 portions came, by pool
    sold_out_until: dict[str, EpochMs] = {}  # pools of promotions that no bucket has portions of (README, N2)
    recall_attempts_left: int = 0
    window_started_at: EpochMs = EpochMs(0)
    arrivals: int = 0  # orders in this window
    idle_windows: int = 0  # consecutive windows below the idle rate
    timer_due: EpochMs = EpochMs(0)


class WaitlistedOrder(Struct, frozen=True):
    """An order that waits for portions of other buckets, and for how many rounds it has."""

    command: PlaceOrder
    since: EpochMs
    rounds: int = 0


class RoutedKey(Struct, frozen=True):
    """The bucket that an order with this key was forwarded to: a retry goes there too."""

    bucket: str
