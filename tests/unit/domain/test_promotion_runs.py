"""Ended promotions leave the stocks, and a PUT of one that has retired begins a new run."""

import msgspec
import pytest
from msgspec.structs import replace

from schemas.commands import CancelOrder, PromotionItem
from schemas.facts import CatalogChanged
from schemas.identity import order_id
from schemas.money import Money
from schemas.orders import LimitReached
from tests.support.domain.harness import NOW, POLICY, DomainHarness, menu_item, promotion

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


def offer(sku: str = "x", portions: int | None = 10, limit: int | None = None) -> PromotionItem:
    return PromotionItem(sku, Money(500), portions, limit)


def open_until(ends: int, portions: int | None = 10, limit: int | None = None) -> DomainHarness:
    """Return a restaurant with a promotion `p1` of its item."""
    domain = DomainHarness().open(x=50)
    domain.do(promotion(offer(portions=portions, limit=limit), ends=ends))
    return domain


def put_again(domain: DomainHarness, *, portions: int | None = 10, limit: int | None = None, id_: str = "p1"):
    now = domain.now
    return domain.do(promotion(offer(portions=portions, limit=limit), id_=id_, starts=now, ends=now + DAY))


def cancel(domain: DomainHarness, name: str) -> None:
    reply = domain.do(CancelOrder("r1", order_id("r1", name), "customer", f"cancel {name}", "c"))
    assert reply and reply.answer.outcome == "cancelled"


def test_an_ended_promotion_leaves_the_stock_with_the_next_one():
    """An hour after its end, so that late customers still learn that it is over."""
    domain = open_until(NOW + MINUTE)
    domain.now += MINUTE + HOUR
    put_again(domain, id_="p2")
    assert domain.stock("x").allotments.keys() == {"p2"}


def test_what_ended_less_than_an_hour_ago_stays():
    """Its portions are those of the run that may yet be extended."""
    domain = open_until(NOW + MINUTE)
    domain.place("a", ("x", 4))
    domain.now += MINUTE + HOUR - 1
    put_again(domain, id_="p2")
    put_again(domain)
    assert domain.stock("x").allotments["p1"].reserved == 4
    assert domain.place("b", ("x", 7)).answer.outcome == "out_of_stock"


def test_a_put_after_that_counts_from_zero():
    """A lunch promotion may have the same id every day."""
    domain = open_until(NOW + MINUTE)
    domain.place("a", ("x", 10))
    domain.now += DAY
    put_again(domain)
    assert domain.stock("x").allotments["p1"].reserved == 0
    assert domain.place("b", ("x", 10)).answer.outcome == "confirmed"
    assert domain.stock("x").reserved == 20


def test_the_limits_of_customers_begin_again_too():
    """Two a day, not two for good."""
    domain = open_until(NOW + MINUTE, limit=2)
    domain.place("a", ("x", 2), customer="ana")
    domain.now += DAY
    put_again(domain, limit=2)
    assert domain.place("b", ("x", 2), customer="ana").answer.outcome == "confirmed"
    answer = domain.place("c", ("x", 1), customer="ana").answer
    assert (answer.outcome, answer.limits) == ("limit_reached", [LimitReached("x", 2, 0)])


def test_a_late_cancellation_gives_the_new_run_nothing():
    """The portions are free again; they were not sold in this run, and its customer's count has nothing of them."""
    domain = open_until(NOW + MINUTE, limit=9)
    domain.place("a", ("x", 9), customer="ana")
    domain.now += DAY
    put_again(domain, portions=5, limit=9)
    domain.place("b", ("x", 5), customer="ana")
    cancel(domain, "a")
    stock = domain.stock("x")
    assert (stock.reserved, stock.allotments["p1"].reserved) == (5, 5)
    assert domain.place("c", ("x", 1), customer="bia").answer.outcome == "out_of_stock"


def test_a_repeated_put_changes_nothing():
    """Also after the promotion has retired."""
    domain = open_until(NOW + MINUTE)
    domain.now += DAY
    facts = len(domain.facts)
    reply = domain.do(promotion(offer(), ends=NOW + MINUTE))
    assert reply and (reply.answer.outcome, reply.answer.version) == ("replaced", 1)
    assert len(domain.facts) == facts


def test_each_stock_of_a_promotion_has_a_fact_of_its_own():
    """The stocks come first: a reader never sees the promotion without its portions."""
    domain = DomainHarness().open(x=50, y=50)
    before = len(domain.facts)
    domain.do(promotion(offer("x"), offer("y")))
    facts = [fact for fact in domain.facts[before:] if isinstance(fact, CatalogChanged)]
    assert [[stock.sku for stock in fact.stocks] for fact in facts] == [["x"], ["y"], []]
    assert [fact.promotion is not None for fact in facts] == [False, False, True]


def test_three_years_of_a_promotion_a_day_leave_no_trace():
    """F1: after 88 days the facts of 200 items were larger than Kafka takes; each order read all promotions ever."""
    domain = DomainHarness().open(**{f"i{n}": 50 for n in range(20)})
    sizes = []
    for day in range(3 * 365):
        items = [PromotionItem(f"i{n}", Money(500), 10) for n in range(20)]
        start, facts = domain.now, len(domain.facts)
        domain.do(promotion(*items, id_=f"day-{day}", starts=start, ends=start + 900_000))
        domain.place(f"order {day}", ("i0", 1))
        sizes.append(max(len(msgspec.json.encode(fact)) for fact in domain.facts[facts:]))
        domain.now += DAY
    assert max(sizes) < 1.1 * sizes[1]
    assert len(domain.stock("i0").allotments) == 1


@pytest.fixture
def bounded() -> DomainHarness:
    """A restaurant that may have two items and two promotions."""
    domain = DomainHarness(policy=replace(POLICY, menu_items=2, promotions=2))
    return domain.open(x=50, y=50)


def test_a_menu_has_so_many_items(bounded):
    """One more is refused with the limit; a PUT of one that is there is not."""
    answer = bounded.do(menu_item("z", 1)).answer
    assert (answer.outcome, answer.limit) == ("too_many_items", 2)
    assert bounded.do(menu_item("y", 7)).answer.outcome == "replaced"


def test_a_restaurant_has_so_many_promotions(bounded):
    """Those that are over for an hour no longer count."""
    bounded.do(promotion(offer(), id_="p1", ends=NOW + MINUTE))
    assert put_again(bounded, id_="p2").answer.outcome == "created"
    answer = put_again(bounded, id_="p3").answer
    assert (answer.outcome, answer.limit) == ("too_many_promotions", 2)
    assert put_again(bounded, id_="p2", portions=3).answer.outcome == "replaced"
    bounded.now += MINUTE + HOUR
    assert put_again(bounded, id_="p3").answer.outcome == "created"


def test_a_promotion_of_an_earlier_release_can_be_changed_past_the_limit(bounded):
    """Its restaurant may have more of them than there may be now; closing one must be possible."""
    for number in range(2):
        put_again(bounded, id_=f"p{number}")
    bounded.policy = replace(bounded.policy, promotions=1)
    assert put_again(bounded, id_="p0", portions=1).answer.outcome == "replaced"
    assert put_again(bounded, id_="p9").answer.outcome == "too_many_promotions"
