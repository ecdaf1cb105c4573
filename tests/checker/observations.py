"""The observations of outside clients: requests over HTTP, and records of a read_committed reader."""

import json
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct, field

KeyState = Literal["live", "over", "free", "unsure"]


class OrderAttempt(Struct, frozen=True):
    """One request to place an order, and its response; status 0: no response.

    `variant` is what the body says besides the lines. `key_is`: the key's time was over when the request was sent, of
    an order that was known; or not yet when it was answered; or that order had left the state; or none of these is certain.
    """

    restaurant_id: str
    key: str
    lines: list[tuple[str, int]]  # sku, quantity
    status: int
    body: bytes = b""
    replayed: bool = False
    order_id: str | None = None
    variant: str = ""
    key_is: KeyState = "live"


class Put(Struct, frozen=True):
    """The portions of an item, or of its promotion, that a restaurant put, and the version that it was answered."""

    restaurant_id: str
    sku: str
    promotion_id: str  # empty: the item itself
    portions: int | None
    version: int


class MenuRead(Struct, frozen=True):
    """One menu as a customer got it. Times are milliseconds since 1970."""

    restaurant_id: str
    asked_at: int
    answered_at: int
    as_of: int
    degraded: bool
    availability: dict[str, tuple[str, int | None]]  # sku -> state, count

    @classmethod
    def from_page(cls, restaurant_id: str, asked_at: int, answered_at: int, body: bytes) -> "MenuRead":
        """Return the read of this response body."""
        page = json.loads(body)
        return cls(
            restaurant_id,
            asked_at,
            answered_at,
            round(datetime.fromisoformat(page["as_of"]).timestamp() * 1000),
            page["degraded"],
            {i["sku"]: (i["availability"]["state"], i["availability"]["count"]) for i in page["items"]},
        )


class VisibilityDelay(Struct, frozen=True):
    """How long a written record was not readable for a read_committed reader."""

    topic: str
    partition: int
    seconds: float


class Recovery(Struct, frozen=True):
    """The seconds from the end of a fault until everything worked again; None if that did not happen in time."""

    fault: str
    seconds: float | None


class FollowedOrder(Struct, frozen=True):
    """The events that the page of an order received, over all its connections: ids and statuses."""

    order_id: str
    events: list[tuple[str, str]]


class WatchedBoard(Struct, frozen=True):
    """The orders on a restaurant's board at the end, with their statuses."""

    restaurant_id: str
    orders: dict[str, str]


class OrderRead(Struct, frozen=True):
    """One read of an order after it was answered with a status: the response, and the status that it shows."""

    order_id: str
    answered: str
    status: int  # 0: no response
    shown: str
    seconds: float = 0.0


class RevokedRead(Struct, frozen=True):
    """One attempt with a revoked token: its restaurant, and the status of the response."""

    restaurant: str
    status: int  # 0: no response


class InFlightPeak(Struct, frozen=True):
    """The most commands that one ingress process had written and that were not decided, by the topics."""

    process: str
    commands: int


class Fact(Struct, frozen=True):
    """One committed record of a fact topic."""

    topic: str
    partition: int
    offset: int
    event_id: str
    value: dict[str, Any]


class LedgerEntry(Struct, frozen=True):
    """One movement of money in the provider's own ledger."""

    payment_id: str
    kind: str  # authorised or refunded
    amount: int  # centavos
    reference: str
    returns: str = ""  # the reference of the authorisation that a refund named


class Observations(Struct):
    """All observations of one run."""

    calls: list[OrderAttempt] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    #: Accepted PUTs of items and promotions.
    puts: list[Put] = field(default_factory=list)
    #: Every command that gets a reply, by name.
    inputs: list[str] = field(default_factory=list)
    #: Commands that one bucket forwarded to another, once for each time.
    forwarded: list[str] = field(default_factory=list)
    #: The command of each reply, tick and dead letter.
    answered: list[str] = field(default_factory=list)
    #: Replies that came before their facts could be read.
    answers_ahead: int = 0
    #: The payment provider's, if there is one.
    ledger: list[LedgerEntry] | None = None
    dead_letters: int = 0
    #: Undecodable records that were sent.
    poisoned: int = 0
    #: After quiet: menu:<restaurant> -> field -> "version|json".
    views: dict[str, dict[str, str]] | None = None
    #: After quiet: order id -> "version|json".
    order_views: dict[str, str] | None = None
    #: When they were read, in milliseconds since 1970.
    order_views_read_at: int = 0
    reads: list[MenuRead] = field(default_factory=list)
    #: Reads without a menu: restaurant and status.
    failed_reads: list[tuple[str, int]] = field(default_factory=list)
    visibility_delays: list[VisibilityDelay] = field(default_factory=list)
    recoveries: list[Recovery] = field(default_factory=list)
    order_reads: list[OrderRead] = field(default_factory=list)
    refusal_reads: list[OrderRead] = field(default_factory=list)
    revoked_reads: list[RevokedRead] = field(default_factory=list)
    in_flight_peaks: list[InFlightPeak] = field(default_factory=list)
    #: What a process may have in flight.
    #: Restaurants and keys that were accepted or not answered, and not used again: their order may have left the state.
    abandoned: set[tuple[str, str]] = set()
    max_in_flight: int = 0
    #: Cash orders that one `customer` and one `address` may have open at a restaurant.
    cash_limits: dict[str, int] = field(default_factory=dict)
    #: From a promotion's end until it leaves the stocks.
    promotion_retirement_ms: int = 3_600_000
    followed: list[FollowedOrder] = field(default_factory=list)
    boards: list[WatchedBoard] = field(default_factory=list)

    def of(self, *topics: str) -> list[Fact]:
        """Return the facts of these topics, each partition in its order."""
        return [f for f in self.facts if f.topic in topics]


class Finding(Struct):
    """The result of one invariant: the number of observations checked, and a message for each violation."""

    checked: int = 0
    violations: list[str] = field(default_factory=list)

    def expect(self, holds: bool, message: str) -> None:
        """Count one observation; keep the message if it violates the invariant."""
        self.checked += 1
        if not holds:
            self.violations.append(message)
