"""The laws of buckets, at every moment and at the end; each planted bug must violate a law that it names."""

from collections import Counter
from itertools import pairwise

from schemas.facts import OrderConfirmed, OrderFailed, PortionsMoved, StockReserved
from schemas.timestamps import EpochMs
from streams.domain.escrow import borrowing
from streams.domain.escrow.sold_out import SOLD_OUT_MS
from tables.registry import ORDERS, PROMOTIONS, key
from tests.escrow.harness import HOME, EscrowHarness, allotted, offered, transfers


class LawViolation(AssertionError):
    """A law does not hold; `law` is its name."""

    def __init__(self, law: str, message: str) -> None:
        super().__init__(f"{law}: {message}")
        self.law = law


def expect(law: str, holds: bool, message: object = "") -> None:
    """Raise LawViolation unless it holds."""
    if not holds:
        raise LawViolation(law, str(message))


def check_portions(harness: EscrowHarness, skus: list[str], promotion_id: str | None = None) -> None:
    """Portions in all buckets and in flight are those that were put, and no bucket sells more than it has."""
    for sku in skus:
        stocks = {b: stock for b in harness.buckets if (stock := harness.stock_of(b, sku)) is not None}
        portions = {b: stock.portions for b, stock in stocks.items()}
        in_flight = harness.portions_in_flight(sku)
        expect(
            "portions-are-conserved",
            sum(portions.values()) + in_flight == offered(harness, sku),
            f"{sku}: {portions} and {in_flight} in flight of {offered(harness, sku)}",
        )
        for bucket, stock in stocks.items():
            if bucket == HOME:
                continue  # a PUT of fewer portions may leave it more reserved than it has
            for pool in (stock, *stock.allotments.values()):
                fits = pool.portions is None or pool.reserved + pool.wasted <= pool.portions
                expect("never-oversold", fits, f"{bucket} {sku}: {pool}")
        if promotion_id is not None:
            shares = {b: allotted(harness, b, sku, promotion_id) for b in harness.buckets}
            item = harness[PROMOTIONS][key(HOME, promotion_id)].item(sku)
            if item is not None and item.portions is not None:
                expect(
                    "portions-are-conserved",
                    sum(shares.values()) + harness.portions_in_flight(sku, promotion_id) == item.portions,
                    f"{sku} in {promotion_id}: {shares} of {item.portions}",
                )


def check_put(harness: EscrowHarness, sku: str, portions: int) -> None:
    """After a PUT all buckets together have that many portions, also if more are reserved or lent."""
    whole = offered(harness, sku)
    expect("a-put-is-the-whole-number", whole == portions, f"{sku}: {portions} put, {whole} offered")


def check_reservations(harness: EscrowHarness) -> None:
    """What an order reserves, and what a bucket lends, was free."""
    for fact in harness.facts:
        if isinstance(fact, StockReserved) or (isinstance(fact, PortionsMoved) and fact.direction == "out"):
            for item in fact.items:
                pools = [item.stock]
                if item.promotion_id is not None:
                    pools.append(item.stock.allotments[item.promotion_id])
                for pool in pools:
                    fits = pool.portions is None or pool.reserved + pool.wasted <= pool.portions
                    expect("never-oversold", fits, f"{fact.restaurant_id} {item.sku}: {pool}")


def check_transfers(harness: EscrowHarness) -> None:
    """Each transfer has one fact `out` and one `in`, and nothing comes in that did not go out."""
    counted = transfers(harness)
    for direction, count in counted.items():
        twice = [transfer for transfer, n in count.items() if n > 1]
        expect("each-transfer-once", not twice, f"{direction} twice: {twice}")
    unknown = counted["in"].keys() - counted["out"].keys()
    expect("each-transfer-once", not unknown, f"came in, never went out: {unknown}")


def check_settled(harness: EscrowHarness, callers: list[bytes]) -> None:
    """Nothing is in flight, no order waits, and every caller has one answer; replies may repeat it."""
    counted = transfers(harness)
    lost = counted["out"].keys() - counted["in"].keys()
    expect("no-transfer-is-lost", not lost, f"went out, never came in: {lost}")
    for bucket in harness.buckets:
        escrow = harness.escrow(bucket)
        expect(
            "no-order-waits-indefinitely",
            escrow.head == escrow.tail and escrow.round is None,
            f"{bucket}: {escrow}",
        )
        expect("no-order-waits-indefinitely", not escrow.claims, f"{bucket}: {escrow.claims}")
    for caller in callers:
        answers = [reply.answer for reply in harness.replies.get(caller, [])]
        same = bool(answers) and all(answer == answers[0] for answer in answers)
        expect("one-answer-each", same, f"{caller!r}: {answers}")


def check_keys(harness: EscrowHarness) -> None:
    """A key has one order, in one bucket, decided once."""
    deciders: dict[str, set[str]] = {}
    confirmed: Counter[str] = Counter()
    for fact in harness.facts:
        if isinstance(fact, OrderConfirmed | OrderFailed):
            deciders.setdefault(fact.idempotency_key_hash, set()).add(fact.restaurant_id)
            confirmed[fact.order_id] += isinstance(fact, OrderConfirmed)
    for key_hash, where in deciders.items():
        expect("one-order-per-key", len(where) == 1, f"{key_hash} was decided in {where}")
    for order_id, times in confirmed.items():
        expect("one-order-per-key", times <= 1, f"{order_id} was confirmed {times} times")


class RefusalCheck:
    """No order is refused for lack of portions if enough were free in the buckets all the time that it waited.

    Records the minimum that each bucket had free since each order was sent. What a home has reserved beyond a PUT of
    fewer portions is not free elsewhere.
    """

    def __init__(self, harness: EscrowHarness, skus: list[str]) -> None:
        self._harness = harness
        self._skus = skus
        self._sent_at: dict[str, int] = {}
        self._min_free: dict[str, dict[tuple[str, str], int]] = {}
        self._checked_facts = len(harness.facts)
        self.refused = 0

    def record_order(self, order_id: str) -> None:
        """Record that an order is sent."""
        if order_id not in self._sent_at:
            self._sent_at[order_id] = self._harness.now
            self._min_free[order_id] = self._free()

    def check(self) -> None:
        """Check the refusals since the last call; call it after every step."""
        free = self._free()
        for minimum in self._min_free.values():
            for pool, count in free.items():
                minimum[pool] = min(minimum[pool], count)
        for fact in self._harness.facts[self._checked_facts :]:
            if isinstance(fact, OrderFailed) and fact.reason == "out_of_stock":
                self._check(fact)
        self._checked_facts = len(self._harness.facts)

    def _check(self, fact: OrderFailed) -> None:
        minimum, now = self._min_free.get(fact.order_id), self._harness.now
        if minimum is None or now - self._sent_at[fact.order_id] >= borrowing.PEER_TIMEOUT_MS:
            return
        peers = self._harness.escrow(fact.restaurant_id).peers.values()
        if any(p.has_open_request and now - p.requested_at >= borrowing.PEER_TIMEOUT_MS for p in peers):
            return  # a peer was unreachable
        self.refused += 1
        needed: Counter[str] = Counter()
        for line in fact.items:
            needed[line.sku] += line.quantity
        elsewhere = {sku: sum(n for (_, s), n in minimum.items() if s == sku) for sku in needed}
        expect(
            "no-refusal-with-portions-elsewhere",
            any(elsewhere[sku] < n for sku, n in needed.items()),
            f"{fact.order_id} needed {dict(needed)}; all the time {minimum} was free",
        )

    def _free(self) -> dict[tuple[str, str], int]:
        return {
            (b, sku): 0 if sku in self._harness.escrow(b).run_out else self._harness.balance(b, sku)
            for b in self._harness.buckets
            for sku in self._skus
        }


class NextOfferCheck:
    """No order takes another offer while portions of the cheapest promotion were free in the buckets all the time.

    A bucket relies on what a round has shown for `SOLD_OUT_MS`, so that time counts, too.
    """

    def __init__(self, harness: EscrowHarness, sku: str, promotion_id: str) -> None:
        self._harness = harness
        self._sku = sku
        self._promotion_id = promotion_id
        self._sent_at: dict[str, int] = {}
        self._free: list[tuple[int, dict[str, int]]] = [(harness.now, self._free_now())]
        self._checked_facts = len(harness.facts)
        self.next_offers = 0

    def record_order(self, order_id: str) -> None:
        """Record that an order is sent."""
        self._sent_at.setdefault(order_id, self._harness.now)

    def check(self) -> None:
        """Check the orders that were decided since the last call; call it after every step."""
        self._free.append((self._harness.now, self._free_now()))
        for fact in self._harness.facts[self._checked_facts :]:
            if isinstance(fact, StockReserved):
                for item in fact.items:
                    if (item.sku, item.promotion_id) not in [(self._sku, self._promotion_id)]:
                        self._check(fact, item.sku)
        self._checked_facts = len(self._harness.facts)

    def _check(self, fact: StockReserved, sku: str) -> None:
        promotion = self._harness[PROMOTIONS][key(HOME, self._promotion_id)]
        sent_at, now = self._sent_at.get(fact.order_id), self._harness.now
        if sku != self._sku or not promotion.is_open(EpochMs(now)) or sent_at is None:
            return
        if now - sent_at >= borrowing.PEER_TIMEOUT_MS:
            return  # a peer was unreachable
        since = sent_at - SOLD_OUT_MS
        first = max(index for index, (at, _) in enumerate(self._free) if index == 0 or at <= since)
        times = [at for at, _ in self._free[first:]]
        if any(later - at >= borrowing.PEER_TIMEOUT_MS for at, later in pairwise(times)):
            return  # a round may have ended without a peer
        self.next_offers += 1
        minimum = {b: min(free[b] for _, free in self._free[first:]) for b in self._harness.buckets}
        expect(
            "no-next-offer-with-portions-elsewhere",
            not any(minimum.values()),
            f"{fact.order_id}: all the time {minimum} of {self._promotion_id} was free",
        )

    def _free_now(self) -> dict[str, int]:
        free = {}
        for bucket in self._harness.buckets:
            stock = self._harness.stock_of(bucket, self._sku)
            allotment = stock.allotments.get(self._promotion_id) if stock else None
            is_offered = stock and allotment and self._sku not in self._harness.escrow(bucket).run_out
            free[bucket] = min(stock.free or 0, allotment.free or 0) if is_offered else 0
        return free


def check_limits(harness: EscrowHarness, sku: str, promotion_id: str, limit: int) -> None:
    """No customer has more of a promotion's item than the limit, whichever buckets the keys fall to."""
    portions: Counter[str] = Counter()
    for order in harness[ORDERS].values():
        if order.status not in ("cancelled", "pending"):
            for line in order.items:
                if line.sku == sku and line.promotion_id == promotion_id:
                    portions[order.customer_id or ""] += line.quantity
    expect("limits-hold", max(portions.values(), default=0) <= limit, portions)


def check_closed_buckets(harness: EscrowHarness, skus: list[str]) -> None:
    """No portion is stranded: those of a closed bucket are at the home."""
    for bucket in harness.buckets[1:]:
        if not harness.escrow(bucket).is_open:
            left = {sku: harness.free(bucket, sku) for sku in skus}
            expect("nothing-is-stranded", not any(left.values()), f"{bucket} is closed and has {left}")
