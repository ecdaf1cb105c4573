"""A promotion is cheaper than its items, not over, and within their portions; what changes later does not make it dearer."""

import pytest

from schemas.commands import PromotionItem
from schemas.money import MAX_AMOUNT, Money
from schemas.replies import Answer, PromotionFault
from tests.support.domain.harness import NOW, DomainHarness, menu_item, promotion

ENDS_AT = PromotionFault("/ends_at", "over")


def put(domain: DomainHarness, *items: PromotionItem, **options: int) -> Answer:
    """Put a promotion; return the answer."""
    reply = domain.do(promotion(*items, **options))
    assert reply is not None
    return reply.answer


@pytest.mark.parametrize("price", [1000, 1001, 1500, MAX_AMOUNT])
def test_a_promotion_that_is_not_cheaper_is_refused(price: int):
    """The item costs 10.00; nothing is written."""
    domain = DomainHarness().open(x=10)
    before, facts = domain.snapshot(), len(domain.facts)
    answer = put(domain, PromotionItem("x", Money(price)))
    assert answer.outcome == "invalid_promotion"
    assert answer.faults == [PromotionFault("/items/0/promo_price", "not_cheaper", 1000)]
    assert (domain.tables, len(domain.facts)) == (before, facts)


def test_a_promotion_of_a_free_item_is_refused():
    """Nothing is cheaper than nothing; a promotion may give away what costs something."""
    domain = DomainHarness().open(x=10)
    domain.do(menu_item("y", 10, price=0))
    assert put(domain, PromotionItem("y", Money(0))).outcome == "invalid_promotion"
    assert put(domain, PromotionItem("x", Money(0))).outcome == "created"


@pytest.mark.parametrize("ends", [NOW - 86_400_000, NOW - 1, NOW])
def test_a_promotion_that_is_over_is_refused(ends: int):
    """One that ends now is never open."""
    answer = put(DomainHarness().open(x=10), PromotionItem("x", Money(500)), starts=0, ends=ends)
    assert answer.faults == [ENDS_AT]


@pytest.mark.parametrize("starts", [0, NOW - 1, NOW, NOW + 1])
def test_a_promotion_may_have_started_already(starts: int):
    """As long as it is still open, or will be."""
    domain = DomainHarness().open(x=10)
    assert put(domain, PromotionItem("x", Money(500)), starts=starts, ends=NOW + 2).outcome == "created"


@pytest.mark.parametrize("item, offered", [(10, 11), (0, 1), (10, 10_000_000)])
def test_more_portions_than_the_item_has_are_refused(item: int, offered: int):
    """The item's are all that it offers, sold ones included."""
    domain = DomainHarness().open(x=item)
    answer = put(domain, PromotionItem("x", Money(500), offered))
    assert answer.faults == [PromotionFault("/items/0/portions", "too_many_portions", item)]


@pytest.mark.parametrize("item, offered", [(10, 10), (10, None), (None, 10_000_000), (None, None), (0, 0)])
def test_portions_within_those_of_the_item_are_accepted(item: int | None, offered: int | None):
    """Null is no number of its own: the item's bound holds."""
    domain = DomainHarness().open(x=item)
    assert put(domain, PromotionItem("x", Money(500), offered)).outcome == "created"


def test_a_limit_above_the_portions_is_accepted():
    """It bounds nothing, and promises nothing: a customer gets what is left."""
    domain = DomainHarness().open(x=10)
    assert put(domain, PromotionItem("x", Money(500), 2, 5)).outcome == "created"
    assert domain.place("a", ("x", 3), customer="ana").answer.outcome == "out_of_stock"


def test_sold_portions_count_as_those_of_the_item():
    """10 offered, 4 sold: the promotion may still be of 10, of which 6 can be sold."""
    domain = DomainHarness().open(x=10)
    domain.place("a", ("x", 4))
    assert put(domain, PromotionItem("x", Money(500), 10)).outcome == "created"
    shortages = domain.place("b", ("x", 7)).answer.order.shortages
    assert [(s.sku, s.available) for s in shortages] == [("x", 6)]


def test_every_fault_is_named_up_to_twenty():
    """A problem lists no more."""
    skus = [f"x{i}" for i in range(30)]
    domain = DomainHarness().open(**dict.fromkeys(skus, 1))
    answer = put(domain, *[PromotionItem(sku, Money(1000), 2) for sku in skus], ends=NOW)
    assert answer.faults[:3] == [
        ENDS_AT,
        PromotionFault("/items/0/promo_price", "not_cheaper", 1000),
        PromotionFault("/items/0/portions", "too_many_portions", 1),
    ]
    assert len(answer.faults) == 20


def test_a_promotion_put_again_as_it_was_stays():
    """A retry after the end, a higher price or fewer portions is no mistake of its own."""
    domain = DomainHarness().open(x=10)
    created = put(domain, PromotionItem("x", Money(500), 10))
    domain.do(menu_item("x", 2, price=400))
    facts = len(domain.facts)
    again = put(domain, PromotionItem("x", Money(500), 10))
    assert (created.outcome, again.outcome, again.version, len(domain.facts)) == (
        "created",
        "replaced",
        1,
        facts,
    )


def test_a_promotion_that_is_over_cannot_be_changed_in_the_past():
    """It can be given a new window."""
    domain = DomainHarness().open(x=10)
    put(domain, PromotionItem("x", Money(500)))
    domain.advance_time(1_000)
    assert put(domain, PromotionItem("x", Money(500))).outcome == "replaced"
    assert put(domain, PromotionItem("x", Money(400))).faults == [ENDS_AT]
    assert put(domain, PromotionItem("x", Money(500)), ends=NOW + 950_000).faults == [ENDS_AT]
    assert put(domain, PromotionItem("x", Money(400)), ends=domain.now + 1).outcome == "replaced"


@pytest.mark.parametrize("price", [500, 499, 0])
def test_a_price_lowered_to_a_promotions_or_below_is_what_is_paid(price: int):
    """An offer that is no cheaper does not apply: not its price, not its portions, not its limit."""
    domain = DomainHarness().open(x=10)
    put(domain, PromotionItem("x", Money(500), 1, 1))
    domain.do(menu_item("x", 10, price=price))
    order = domain.place("a", ("x", 3)).answer.order
    assert order and (order.items[0].unit_price, order.items[0].promotion_id) == (Money(price), None)


def test_portions_lowered_below_a_promotions_bound_it():
    """What the item has left is all that any offer of it has."""
    domain = DomainHarness().open(x=10)
    put(domain, PromotionItem("x", Money(500), 8))
    domain.do(menu_item("x", 2))
    assert domain.place("a", ("x", 3)).answer.outcome == "out_of_stock"
    assert domain.place("b", ("x", 2)).answer.outcome == "confirmed"


def test_an_unknown_item_is_named_before_other_faults():
    """404, as before."""
    answer = put(DomainHarness().open(x=10), PromotionItem("nope", Money(5000)), ends=NOW)
    assert (answer.outcome, answer.skus) == ("unknown_item", ["nope"])


def test_an_order_that_costs_nothing_asks_for_no_payment():
    """A provider refuses an amount of zero; there is nothing to authorise, and nothing to refund."""
    domain = DomainHarness().open(x=10)
    put(domain, PromotionItem("x", Money(0), 5))
    answer = domain.place("a", ("x", 2), method="pix").answer
    assert answer.outcome == "confirmed" and answer.order and not answer.order.paid
    assert domain.payment_requests == []
    domain.advance_time(200)
    assert domain.stock("x").reserved == 2


def test_the_largest_order_has_an_exact_total():
    """50 lines of 99 at R$ 1,000,000.00 each: below 2**53, so every JSON reader has it to the centavo."""
    domain = DomainHarness().open()
    domain.do(menu_item("x", None, price=MAX_AMOUNT))
    order = domain.place("a", *[("x", 99)] * 50).answer.order
    assert order and order.total == Money(50 * 99 * MAX_AMOUNT) and order.total.amount < 2**53
