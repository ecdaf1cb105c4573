"""An item falls to its next offer when its cheapest is sold out, and to what the last one says in the end."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import pricing
from schemas.catalogue import Allotment, Item, Promotion, Stock
from schemas.commands import CancelOrder, PromotionItem
from schemas.identity import order_id
from schemas.money import Money
from tests.support.domain.harness import NOW, DomainHarness, promotion


def offered(
    price: int, portions: int | None, when_sold_out: str = "sold_out", limit: int | None = None
) -> PromotionItem:
    """Return a promotion's offer of the item."""
    return PromotionItem("x", Money(price), portions, limit, when_sold_out)


def opened(*offers: PromotionItem, portions: int | None = 20) -> DomainHarness:
    """Return a restaurant with an item for 10.00 in open promotions p1, p2, ..."""
    domain = DomainHarness().open(x=portions)
    for number, offer in enumerate(offers, start=1):
        reply = domain.do(promotion(offer, id_=f"p{number}"))
        assert reply and reply.answer.outcome == "created"
    return domain


def buy(domain: DomainHarness, key: str, quantity: int, **options) -> tuple[str, int, str | None]:
    """Place an order; return the outcome, the unit price and the promotion."""
    answer = domain.place(key, ("x", quantity), **options).answer
    (line,) = answer.order.items
    return answer.outcome, line.unit_price.amount, line.promotion_id


def test_the_next_cheapest_applies_when_the_cheapest_is_sold_out():
    """Two at 4.00, then at 5.00."""
    domain = opened(offered(500, 10), offered(400, 2))
    assert buy(domain, "a", 2) == ("confirmed", 400, "p2")
    assert buy(domain, "b", 3) == ("confirmed", 500, "p1")
    assert (domain.stock("x").free, domain.stock("x").reserved) == (15, 5)


@pytest.mark.parametrize(
    "says, last", [("sold_out", ("out_of_stock", 500, "p1")), ("regular_price", ("confirmed", 1000, None))]
)
def test_the_last_offer_says_what_follows_its_end(says: str, last: tuple):
    """The first one's word counts only while it is the last."""
    other = "sold_out" if says == "regular_price" else "regular_price"
    domain = opened(offered(500, 1, says), offered(400, 1, other))
    assert buy(domain, "a", 1) == ("confirmed", 400, "p2")
    assert buy(domain, "b", 1) == ("confirmed", 500, "p1")
    assert buy(domain, "c", 1) == last


def test_sold_out_is_the_default():
    """As before: the item is sold out until the window ends."""
    domain = opened(PromotionItem("x", Money(500), 1))
    assert buy(domain, "a", 1)[0] == "confirmed"
    assert buy(domain, "b", 1)[0] == "out_of_stock"
    domain.now += 900_000
    assert buy(domain, "c", 1) == ("confirmed", 1000, None)


def test_an_order_of_more_than_is_left_is_a_shortage():
    """Never two prices in one order: 2 are left at 4.00, and 3 are refused."""
    domain = opened(offered(500, 10), offered(400, 2, "regular_price"))
    answer = domain.place("a", ("x", 3)).answer
    assert answer.outcome == "out_of_stock"
    assert [(s.sku, s.available) for s in answer.order.shortages] == [("x", 2)]


def test_a_cancellation_brings_the_cheaper_offer_back():
    """Its portions are left again."""
    domain = opened(offered(500, 10), offered(400, 2))
    buy(domain, "a", 2)
    domain.do(CancelOrder("r1", order_id("r1", "a"), "customer", "c", "c"))
    assert buy(domain, "b", 1) == ("confirmed", 400, "p2")


def test_the_price_of_a_sold_out_promotion_has_changed():
    """409 price-changed with what it costs now; an item of which nothing is left is out of stock."""
    domain = opened(offered(500, 1), offered(400, 1))
    buy(domain, "a", 1)
    assert buy(domain, "b", 1, expected=400) == ("price_changed", 500, "p1")
    assert buy(domain, "c", 1, expected=500)[0] == "confirmed"
    assert buy(domain, "d", 1, expected=500)[0] == "out_of_stock"
    assert buy(domain, "e", 1, expected=400)[0] == "out_of_stock"


def test_the_limit_of_the_offer_that_applies_holds():
    """A limit of the sold-out promotion asks for no customer, and leaves the next offer alone."""
    domain = opened(offered(500, 10), offered(400, 1, limit=1))
    assert buy(domain, "a", 1, customer="ana") == ("confirmed", 400, "p2")
    assert buy(domain, "b", 2, customer="ana") == ("confirmed", 500, "p1")
    assert buy(domain, "c", 1) == ("confirmed", 500, "p1")


def test_an_item_without_portions_is_sold_out_at_any_price():
    """No offer has more than the item."""
    domain = opened(offered(500, 3, "regular_price"), portions=3)
    assert buy(domain, "a", 3)[0] == "confirmed"
    assert buy(domain, "b", 1)[0] == "out_of_stock"


def test_equal_prices_apply_in_the_order_of_their_ids():
    """So that everybody who computes the offer names the same one."""
    domain = opened(offered(400, 1), offered(400, 1))
    assert [buy(domain, key, 1)[2] for key in "ab"] == ["p1", "p2"]


portions = st.one_of(st.none(), st.integers(0, 3))
allotments = st.lists(
    st.tuples(
        st.integers(0, 12), portions, st.integers(0, 4), st.sampled_from(["sold_out", "regular_price"])
    ),
    max_size=4,
)


@settings(max_examples=300)
@given(allotments, portions, st.integers(0, 4))
def test_no_offer_is_dearer_and_none_is_passed_over(offers, item_portions, reserved):
    """The offer costs at most the item's price, has what both pools have, and no cheaper one has portions left."""
    item = Item("x", "X", "", "geral", Money(10), 1)
    stock = Stock("x", 1, item_portions, reserved)
    promotions = []
    for number, (price, count, used, says) in enumerate(offers):
        stock.allotments[f"p{number}"] = Allotment(count, used)
        promotions.append(
            Promotion(f"p{number}", 0, NOW, [PromotionItem("x", Money(price), count, None, says)], 1)
        )
    offer = pricing.current_offer(item, stock, promotions, NOW - 1)
    assert offer.unit_price.amount < 10 if offer.promotion else offer.unit_price == item.price
    bounds = [stock.free]
    if offer.promotion:
        bounds.append(stock.allotments[offer.promotion.promotion_id].free)
    known = [bound for bound in bounds if bound is not None]
    assert offer.available == (min(known) if known else None)
    if offer.available != 0:
        for passed in promotions:
            cheaper = passed.items[0].promo_price.amount < offer.unit_price.amount
            assert not cheaper or stock.allotments[passed.promotion_id].free == 0
    assert pricing.current_offer(item, stock, promotions[::-1], NOW - 1) == offer
    index = pricing.index_open_promotions(promotions, NOW - 1)
    assert pricing.best_offer(item, stock, index.get("x", [])) == offer
