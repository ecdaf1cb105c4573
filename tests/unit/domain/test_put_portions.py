"""Portions stay what was put: a number below what is reserved is not raised, so a release frees none of them."""

import msgspec
import pytest

from schemas.catalogue import Stock
from schemas.commands import AdvanceOrder, CancelOrder, PaymentResult, PromotionItem
from schemas.facts import StockReleased
from schemas.identity import order_id
from schemas.money import Money
from tests.support.domain.harness import RESERVATION, DomainHarness, menu_item, place, promotion


def cancel(domain: DomainHarness, key: str, by: str = "customer") -> None:
    """Cancel the order of a key."""
    reply = domain.do(CancelOrder("r1", order_id("r1", key), by, f"cancel {key}", "c"))
    assert reply and reply.answer.outcome == "cancelled"


@pytest.mark.parametrize("put, frees", [(0, 0), (1, 0), (3, 0), (4, 1), (6, 3)])
def test_a_cancellation_frees_only_what_the_last_put_leaves(put: int, frees: int):
    """10 offered, 2 and 3 ordered, then the restaurant says how many there are; the 2 are cancelled."""
    domain = DomainHarness().open(x=10)
    domain.place("a", ("x", 2))
    domain.place("b", ("x", 3))
    domain.do(menu_item("x", put))
    cancel(domain, "a")
    assert (domain.stock("x").portions, domain.stock("x").free) == (put, frees)
    assert domain.facts[-1].items[0].available == frees
    outcome = domain.place("c", ("x", 1)).answer.outcome
    assert outcome == ("confirmed" if frees else "out_of_stock")


def test_an_expired_payment_frees_nothing_after_zero():
    """Also a reservation that ends by itself, and a declined payment."""
    domain = DomainHarness().open(x=10)
    for key in ("a", "b"):
        domain.do(place(key, ("x", 2), method="pix"))
    domain.do(menu_item("x", 0))
    request = domain.payment_requests[0]
    domain.do(PaymentResult("r1", request.order_id, "authorise", "declined", request.payment_id))
    domain.advance_time(RESERVATION + 1)
    assert sum(isinstance(fact, StockReleased) for fact in domain.facts) == 2
    assert domain.place("c", ("x", 1)).answer.outcome == "out_of_stock"


def test_zero_portions_of_a_promotion_stay_zero():
    """The allotment keeps what was put, as the item does."""
    domain = DomainHarness().open(x=10)
    domain.do(promotion(PromotionItem("x", Money(500), 5)))
    domain.place("a", ("x", 2))
    domain.do(promotion(PromotionItem("x", Money(500), 0)))
    cancel(domain, "a")
    assert domain.stock("x").allotments["p1"].portions == 0
    assert domain.place("b", ("x", 1)).answer.outcome == "out_of_stock"


def test_wasted_portions_count_against_a_smaller_number():
    """Portions of an order that was cancelled in preparation are gone: 2 wasted of 3 leave 1."""
    domain = DomainHarness().open(x=10)
    domain.place("a", ("x", 2))
    domain.place("b", ("x", 2))
    domain.do(AdvanceOrder("r1", order_id("r1", "a"), "preparing"))
    domain.do(menu_item("x", 3))
    domain.advance_time(1801)  # the preparations take too long
    stock = domain.stock("x")
    assert (stock.reserved, stock.wasted, stock.free) == (0, 2, 1)


def test_more_portions_are_sold_again_after_zero():
    """Zero is the last word only until the next one."""
    domain = DomainHarness().open(x=10)
    domain.place("a", ("x", 2))
    domain.do(menu_item("x", 0))
    domain.do(menu_item("x", 3))
    assert domain.place("b", ("x", 1)).answer.outcome == "confirmed"
    assert domain.place("c", ("x", 1)).answer.outcome == "out_of_stock"


def test_unlimited_portions_that_become_zero_stay_zero():
    """What was reserved without a number is not free later."""
    domain = DomainHarness().open(x=None)
    domain.place("a", ("x", 2))
    domain.do(menu_item("x", 0))
    cancel(domain, "a")
    assert domain.place("b", ("x", 1)).answer.outcome == "out_of_stock"


def test_a_repeated_put_below_what_is_reserved_changes_nothing():
    """No fact, and the same version."""
    domain = DomainHarness().open(x=10)
    domain.place("a", ("x", 2))
    domain.do(menu_item("x", 1))
    facts = len(domain.facts)
    reply = domain.do(menu_item("x", 1))
    assert reply and reply.answer.outcome == "replaced"
    assert len(domain.facts) == facts


def test_a_stock_of_the_previous_release_is_read():
    """It had raised the number to what was reserved: its portions are then those."""
    raw = b'{"sku":"x","version":3,"portions":2,"reserved":2,"wasted":0,"allotments":{"p1":{"portions":2,"reserved":2}}}'
    stock = msgspec.json.decode(raw, type=Stock)
    assert (stock.free, stock.allotments["p1"].free) == (0, 0)
