"""PUTs of a restaurant with buckets (streams/domain/escrow/README.md)."""

from schemas.commands import PromotionItem, ReplicateCatalogue
from schemas.money import Money
from tests.escrow.harness import HOME, key_of, one_item
from tests.support.domain.harness import menu_item, place, promotion


def test_a_put_is_the_whole_number_of_all_buckets():
    """A repeated PUT adds nothing."""
    harness = one_item()
    harness.place_order(place(key_of(2, 4), ("x", 3)), b"a")
    harness.settle()
    harness.decide(menu_item("x", 40))
    assert sum(harness.stock_of(b, "x").portions for b in harness.buckets) == 40
    harness.decide(menu_item("x", 50))
    assert sum(harness.stock_of(b, "x").portions for b in harness.buckets) == 50


def test_a_put_of_fewer_portions_recalls_lent_ones():
    """What other buckets have free is not offered any more."""
    harness = one_item(portions=40)
    harness.place_order(place(key_of(2, 4), ("x", 3)), b"a")
    harness.settle()
    assert harness.free("r1#2", "x") > 0
    harness.decide(menu_item("x", 2))
    harness.settle()
    assert sum(harness.stock_of(b, "x").portions for b in harness.buckets) == 2
    assert sum(harness.free(b, "x") for b in harness.buckets) == 0


def test_a_smaller_promotion_recalls_lent_portions():
    harness = one_item(portions=40)
    harness.decide(promotion(PromotionItem("x", Money(500), 30, None)))
    harness.settle()
    harness.place_order(place(key_of(2, 4), ("x", 3)), b"a")
    harness.settle()
    harness.decide(promotion(PromotionItem("x", Money(500), 4, None)))
    harness.settle()
    assert sum(harness.stock_of(b, "x").allotments["p1"].portions for b in harness.buckets) == 4
    assert sum(harness.stock_of(b, "x").portions for b in harness.buckets) == 40


def test_an_order_of_a_new_item_is_decided_at_the_home():
    """Also while other orders wait: no order waits for an item that its bucket does not know."""
    harness = one_item(portions=40)
    harness.place_order(place(key_of(2, 4), ("x", 1)), b"waits")
    harness.decide(menu_item("new", 5))
    replications = [
        sent for sent in harness.in_flight if isinstance(sent.forwarded.command, ReplicateCatalogue)
    ]
    for sent in replications:
        harness.in_flight.remove(sent)  # late
    harness.place_order(place(key_of(2, 4, nth=1), ("x", 1), ("new", 1)), b"a")
    harness.settle()
    assert harness.outcome(b"waits") == harness.outcome(b"a") == "confirmed"
    assert harness.stock_of(HOME, "new").reserved == 1
