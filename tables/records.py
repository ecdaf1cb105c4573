"""The records of the tables that are not facts or catalogue entries themselves."""

from typing import Literal

from msgspec import Struct, field

from schemas.codec import ReplyAddress
from schemas.commands import LendPortions, PlaceOrder, Want
from schemas.replies import Answer


class Kitchen(Struct, frozen=True, omit_defaults=True):
    """Orders that a restaurant has yet to hand over, and how long the latest took to prepare, in milliseconds."""

    open_orders: int = 0
    preparations: list[int] = []


class KeyEntry(Struct, frozen=True):
    """An idempotency key, and its answer; None while that is waited for (README, decision 2).

    `expires_at` is in milliseconds since 1970; from then on the key is as good as new.
    """

    request_fingerprint: str
    order_id: str
    answer: Answer | None
    expires_at: int


class Allowance(Struct, frozen=True):
    """How many of each sku one customer has had of one promotion."""

    taken: dict[str, int] = field(default_factory=dict)


class Waiting(Struct, frozen=True):
    """Who waits for the outcome of an order's payment; the first is who asked first."""

    askers: list[ReplyAddress]


class Timer(Struct, frozen=True):
    """Something is due; what it finds decides what it does, so one too many does no harm."""

    kind: Literal["reservation", "preparation", "key", "promotion", "escrow"]
    restaurant_id: str
    subject: str  # the order's id, the key's hash, the promotion's id
    due: int  # milliseconds since 1970


class Peer(Struct, frozen=True, omit_defaults=True):
    """What a bucket knows of one other: its own asks of it, one at a time, and its answers to that one's.

    `asked` and `heard` are numbers of its last ask and of the last one that was answered; `answer` is
    its last answer, told again when the same ask comes again; `gave` is the number of the last answer
    that had portions in it.
    """

    asked: int = 0
    asked_at: int = 0
    wants: list[Want] = []
    heard: int = 0
    answer: LendPortions | None = None
    gave: int = 0

    @property
    def is_awaited(self) -> bool:
        """Say whether an ask is under way."""
        return self.asked > self.heard


class Round(Struct, frozen=True):
    """All others are asked on behalf of the parked orders before `covers`; complete when nobody is missing.

    `unsent` are those that first have an older ask to answer, `awaited` those that have been asked.
    `doubtful`: one of them kept portions for others, or this bucket lent some of its own meanwhile.
    """

    covers: int
    started: int
    unsent: list[str]
    awaited: list[str]
    doubtful: bool = False
    lent: dict[str, dict[str, int]] = {}  # by lender, by borrower
    heard: dict[str, dict[str, int]] = {}  # by borrower, by lender


class Escrow(Struct, frozen=True, omit_defaults=True):
    """A bucket beside its stocks (README, Stock escrow).

    Parked orders have the numbers [head, tail); `claims` is what they want, by sku. `marks` is the
    number of free portions, by sku, below which more are asked for in good time.
    """

    fresh: bool = False  # the restaurant came into being when it had buckets: no key is kept elsewhere
    open: bool = False
    peers: dict[str, Peer] = {}
    round: Round | None = None
    head: int = 0
    tail: int = 0
    claims: dict[str, int] = {}
    marks: dict[str, int] = {}
    net: dict[str, int] = {}  # portions received less those given, by item and by allotment
    debts: dict[str, int] = {}  # portions that others are to give back, since fewer were put; by net's names
    tries: int = 0  # how often they are still asked for those
    window_at: int = 0
    arrived: int = 0  # orders in this window
    quiet: int = 0  # windows in a row that were quiet
    timer_at: int = 0


class Parked(Struct, frozen=True):
    """An order that waits for portions from other buckets."""

    command: PlaceOrder
    at: int
    rounds: int = 0


class Passed(Struct, frozen=True):
    """Where an order with this key was passed on to: whoever comes with the key again goes there too."""

    to: str
