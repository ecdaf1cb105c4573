"""The home decides what counts an item's `cash_portions`, so that the buckets together keep to them."""

from msgspec.structs import replace

from schemas.commands import PromotionItem
from schemas.money import Money
from tables.registry import CASH_HOLDS, key
from tests.escrow.harness import HOME, EscrowHarness, key_of, one_item
from tests.support.domain.harness import place, promotion


def promoted(limit: int | None = None) -> EscrowHarness:
    """Return four buckets that know a promotion with two portions for cash orders."""
    harness = one_item()
    harness.decide(promotion(PromotionItem("x", Money(500), 12, limit, cash_portions=2)))
    harness.settle()
    return harness


def outcomes(harness: EscrowHarness, method: str, customer: str | None = None) -> list[str | None]:
    """Order one portion by a key of each bucket; return the outcomes, None for an order that waits for its payment."""
    callers = []
    for number in range(4):
        callers.append(f"{method}{number}".encode())
        order = place(key_of(number, 4), ("x", 1), method=method, customer=customer)
        harness.place_order(replace(order, client="one" if method == "cash" else ""), callers[-1])
        harness.settle()
    return [harness.outcome(caller) if caller in harness.replies else None for caller in callers]


def test_cash_orders_of_all_buckets_are_counted_at_the_home():
    """Whatever bucket their keys fall to."""
    harness = promoted()
    assert sorted(map(str, outcomes(harness, "cash"))) == ["cash_limit_reached"] * 2 + ["confirmed"] * 2
    assert {hold: record.count for hold, record in harness[CASH_HOLDS].items()} == {
        key(HOME, "promotion", "p1", "x"): 2,
        key(HOME, "address", "one"): 2,
    }


def test_orders_that_are_paid_stay_in_their_buckets():
    """They hold nothing without money."""
    harness = promoted()
    outcomes(harness, "pix")
    assert [harness.stock_of(bucket, "x").reserved for bucket in harness.buckets] == [1, 1, 1, 1]


def test_both_limits_of_an_item_are_counted_at_the_home():
    """A customer with a limit of one gets one, in cash or not."""
    harness = promoted(limit=1)
    assert outcomes(harness, "cash", "ana").count("confirmed") == 1
    assert [harness.stock_of(bucket, "x").reserved for bucket in harness.buckets] == [1, 0, 0, 0]
