"""What holds for buckets at every moment, and at the end; each law has the name by which a planted bug is caught."""

from collections import Counter

from schemas.facts import OrderConfirmed, OrderFailed
from streams.domain.escrow import asking
from tests.escrow.town import HOME, Town, allotted, offered, transfers


class Broken(AssertionError):
    """A law does not hold; `law` is its name."""

    def __init__(self, law: str, message: str) -> None:
        super().__init__(f"{law}: {message}")
        self.law = law


def expect(law: str, holds: bool, message: object = "") -> None:
    """Raise Broken unless it holds."""
    if not holds:
        raise Broken(law, str(message))


def at_every_moment(town: Town, skus: list[str], promotion_id: str | None = None) -> None:
    """Conservation: portions in all buckets and under way are those that were put; nobody sells what it has not."""
    for sku in skus:
        stocks = {b: stock for b in town.buckets if (stock := town.stock_of(b, sku)) is not None}
        held = {b: stock.portions for b, stock in stocks.items()}
        flying = town.flying(sku)
        expect(
            "portions-are-conserved",
            sum(held.values()) + flying == offered(town, sku),
            f"{sku}: {held} and {flying} under way of {offered(town, sku)}",
        )
        for bucket, stock in stocks.items():
            expect("never-oversold", stock.free >= 0, f"{bucket} {sku}: {stock}")
            for id_, allotment in stock.allotments.items():
                expect("never-oversold", (allotment.free or 0) >= 0, f"{bucket} {sku} {id_}: {allotment}")
        if promotion_id is not None:
            shares = {b: allotted(town, b, sku, promotion_id) for b in town.buckets}
            item = next((i for i in town.promotions[f"r1\x1f{promotion_id}"].items if i.sku == sku), None)
            if item is not None and item.portions is not None:
                expect(
                    "portions-are-conserved",
                    sum(shares.values()) + town.flying(sku, promotion_id) == item.portions,
                    f"{sku} in {promotion_id}: {shares} of {item.portions}",
                )


def what_is_put_is_the_whole(town: Town, sku: str, portions: int) -> None:
    """After a PUT there are so many portions in all buckets together; more only where more is taken or lent."""
    whole = offered(town, sku)
    holds = whole == portions or (whole > portions and town.free(HOME, sku) == 0)
    expect("what-is-put-is-the-whole", holds, f"{sku}: {portions} put, {whole} offered")


def transfers_count_once(town: Town) -> None:
    """Each transfer is told once as out, and once as in; nothing comes in that did not go out."""
    told = transfers(town)
    for direction, counted in told.items():
        twice = [name for name, n in counted.items() if n > 1]
        expect("each-transfer-once", not twice, f"{direction} twice: {twice}")
    unknown = told["in"].keys() - told["out"].keys()
    expect("each-transfer-once", not unknown, f"came in, never went out: {unknown}")


def after_quiet(town: Town, askers: list[bytes]) -> None:
    """Nothing is under way, nobody waits, and each who asked has one answer (twice, where it was passed on twice)."""
    told = transfers(town)
    lost = told["out"].keys() - told["in"].keys()
    expect("no-transfer-is-lost", not lost, f"went out, never came in: {lost}")
    for bucket in town.buckets:
        escrow = town.escrow(bucket)
        expect(
            "nobody-waits-for-ever",
            escrow.head == escrow.tail and escrow.round is None,
            f"{bucket}: {escrow}",
        )
        expect("nobody-waits-for-ever", not escrow.claims, f"{bucket}: {escrow.claims}")
    for asker in askers:
        answers = [reply.answer for reply in town.replies.get(asker, [])]
        same = bool(answers) and all(answer == answers[0] for answer in answers)
        expect("one-answer-each", same, f"{asker!r}: {answers}")


def one_order_per_key(town: Town) -> None:
    """A key has one order, in one bucket, decided once."""
    where: dict[str, set[str]] = {}
    decided: Counter[str] = Counter()
    for fact in town.facts:
        if isinstance(fact, OrderConfirmed | OrderFailed):
            where.setdefault(fact.idempotency_key_hash, set()).add(fact.restaurant_id)
            decided[fact.order_id] += isinstance(fact, OrderConfirmed)
    for key, places in where.items():
        expect("one-order-per-key", len(places) == 1, f"{key} was decided in {places}")
    for order_id, times in decided.items():
        expect("one-order-per-key", times <= 1, f"{order_id} was confirmed {times} times")


class Lows:
    """The least that each bucket had free while an order was waited for: what lay there all that time."""

    def __init__(self, town: Town, skus: list[str]) -> None:
        self._town = town
        self._skus = skus
        self._since: dict[str, int] = {}
        self._low: dict[str, dict[tuple[str, str], int]] = {}
        self._seen = len(town.facts)
        self.refused = 0

    def asked(self, order_id: str) -> None:
        """An order is on its way."""
        if order_id not in self._since:
            self._since[order_id] = self._town.now
            self._low[order_id] = self._free()

    def look(self) -> None:
        """Judge the refusals since the last look; to be called after every step."""
        free = self._free()
        for low in self._low.values():
            for where, count in free.items():
                low[where] = min(low[where], count)
        for fact in self._town.facts[self._seen :]:
            if isinstance(fact, OrderFailed) and fact.reason == "out_of_stock":
                self._judge(fact)
        self._seen = len(self._town.facts)

    def _judge(self, fact: OrderFailed) -> None:
        low = self._low.get(fact.order_id)
        if low is None or self._town.now - self._since[fact.order_id] >= asking.SILENT_MS:
            return
        peers = self._town.escrow(fact.restaurant_id).peers.values()
        if any(p.is_awaited and self._town.now - p.asked_at >= asking.SILENT_MS for p in peers):
            return  # somebody could not be reached
        self.refused += 1
        wanted: Counter[str] = Counter()
        for line in fact.items:
            wanted[line.sku] += line.quantity
        lay = {sku: sum(n for (_, s), n in low.items() if s == sku) for sku in wanted}
        expect(
            "nobody-is-refused-what-lies-elsewhere",
            any(lay[sku] < n for sku, n in wanted.items()),
            f"{fact.order_id} wanted {dict(wanted)}; all the time {low} was free",
        )

    def _free(self) -> dict[tuple[str, str], int]:
        return {(b, s): self._town.free(b, s) for b in self._town.buckets for s in self._skus}


def limits_hold(town: Town, sku: str, promotion_id: str, limit: int) -> None:
    """Nobody has more of a promotion's item than one customer may, whichever buckets her keys fall to."""
    taken: Counter[str] = Counter()
    for order in town.orders.values():
        if order.status not in ("cancelled", "pending"):
            for line in order.items:
                if line.sku == sku and line.promotion_id == promotion_id:
                    taken[order.customer_id or ""] += line.quantity
    expect("limits-hold", max(taken.values(), default=0) <= limit, taken)


def closed_buckets_are_empty(town: Town, skus: list[str]) -> None:
    """No portion is stranded: what a bucket that is closed had is at the home."""
    for bucket in town.buckets[1:]:
        if not town.escrow(bucket).open:
            left = {sku: town.free(bucket, sku) for sku in skus}
            expect("nothing-is-stranded", not any(left.values()), f"{bucket} is closed and has {left}")
