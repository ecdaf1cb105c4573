"""Examples of placing an order, each with the requirement it stands for."""

import pytest
from msgspec.structs import replace

from schemas.commands import PromotionItem
from schemas.facts import OrderConfirmed, OrderCreated, OrderFailed, StockReserved
from schemas.money import Money
from schemas.orders import Shortage
from schemas.replies import Answer
from tests.support.domain.harness import NOW, POLICY, TTL, DomainHarness, menu_item, place, promotion


def test_an_order_within_stock_is_confirmed():
    """Facts in order: created, reserved, confirmed; the order's version grows by one."""
    domain = DomainHarness().open(coxinha=5)
    answer = domain.place("k", ("coxinha", 2)).answer
    assert answer.outcome == "confirmed"
    created, reserved, confirmed = domain.facts[-3:]
    assert isinstance(created, OrderCreated) and created.version == 1
    assert isinstance(reserved, StockReserved)
    assert isinstance(confirmed, OrderConfirmed) and confirmed.version == 2
    assert confirmed.total == Money(2000)
    assert (reserved.items[0].available, reserved.items[0].version) == (3, 2)
    assert confirmed.eta.p50 < confirmed.eta.p90


def test_two_lines_of_one_item_count_together():
    """Medusa's defect: two lines naming the same item oversold."""
    domain = DomainHarness().open(coxinha=3)
    answer = domain.place("k", ("coxinha", 2), ("coxinha", 2)).answer
    assert answer.outcome == "out_of_stock"
    assert answer.order and answer.order.shortages == [Shortage("coxinha", 3)]
    assert domain.stock("coxinha").reserved == 0


def test_a_reservation_is_all_or_nothing():
    """One short line refuses the order, and nothing of the other lines is reserved."""
    domain = DomainHarness().open(coxinha=5, pastel=0)
    assert domain.place("k", ("coxinha", 1), ("pastel", 1)).answer.outcome == "out_of_stock"
    assert domain.stock("coxinha").reserved == 0
    assert isinstance(domain.facts[-1], OrderFailed)


def test_a_balance_of_zero_is_sold_out_and_not_missing():
    """Restate's defect: a balance of 0 read as "no limit"."""
    domain = DomainHarness().open(coxinha=0)
    assert domain.place("k", ("coxinha", 1)).answer.outcome == "out_of_stock"


def test_unlimited_items_are_never_short():
    """portions null: unlimited."""
    domain = DomainHarness().open(agua=None)
    assert domain.place("k", ("agua", 99)).answer.outcome == "confirmed"
    assert domain.facts[-2].items[0].available is None


def test_a_retry_gets_the_first_answer_and_changes_nothing():
    """One order per key."""
    domain = DomainHarness().open(coxinha=5)
    first = domain.place("k", ("coxinha", 2))
    before, facts = domain.snapshot(), len(domain.facts)
    second = domain.place("k", ("coxinha", 2))
    assert (second.answer, first.replayed, second.replayed) == (first.answer, False, True)
    assert (domain.tables, len(domain.facts)) == (before, facts)


def test_a_refusal_is_replayed_when_there_is_stock_again():
    """The same key always gets the same answer."""
    domain = DomainHarness().open(coxinha=0)
    first = domain.place("k", ("coxinha", 1))
    domain.do(menu_item("coxinha", 10))
    assert domain.place("k", ("coxinha", 1)).answer == first.answer


def test_a_key_reused_with_another_body_is_refused():
    """422 idempotency-key-reused; the first order stands."""
    domain = DomainHarness().open(coxinha=5)
    domain.place("k", ("coxinha", 2))
    assert domain.place("k", ("coxinha", 1)).answer.outcome == "key_reused"
    assert domain.stock("coxinha").reserved == 2


def test_keys_are_scoped_to_a_restaurant():
    """The same key at another restaurant is another order."""
    domain = DomainHarness().open("r1", coxinha=5).open("r2", coxinha=5)
    first = domain.place("k", ("coxinha", 1), restaurant="r1")
    second = domain.place("k", ("coxinha", 1), restaurant="r2")
    assert not second.replayed
    assert first.answer.order and second.answer.order
    assert first.answer.order.order_id != second.answer.order.order_id


@pytest.mark.parametrize("portions", [1, 9])
@pytest.mark.parametrize("again", [1, 2])
def test_an_expired_key_of_a_known_order_is_refused(portions, again):
    """422 for the same body and another, of an order that stands and of one that was refused; nothing is written."""
    domain = DomainHarness(policy=replace(POLICY, refusal_retention_seconds=2 * TTL)).open(coxinha=5)
    domain.place("k", ("coxinha", portions))
    domain.now += TTL * 1000 - 1
    assert domain.place("k", ("coxinha", portions)).replayed
    domain.advance_time(0.001)
    before = domain.snapshot()
    reply = domain.place("k", ("coxinha", again))
    assert (reply.replayed, reply.answer) == (False, Answer("key_reused"))
    assert domain.tables == before


@pytest.mark.parametrize(
    "restaurant, sku, outcome", [("nope", "coxinha", "unknown_restaurant"), ("r1", "nope", "unknown_item")]
)
def test_an_unknown_restaurant_or_item_writes_nothing(restaurant, sku, outcome):
    """404, no fact, and the key stays new."""
    domain = DomainHarness().open(coxinha=5)
    before = domain.snapshot()
    assert domain.place("k", (sku, 1), restaurant=restaurant).answer.outcome == outcome
    assert domain.tables == before


class TestInAPromotion:
    """Windows, prices and limits are checked when the order is decided."""

    def domain(self, **options) -> DomainHarness:
        domain = DomainHarness().open(coxinha=20)
        domain.do(promotion(PromotionItem("coxinha", Money(500), 10, **options)))
        return domain

    def test_the_promotional_price_holds_and_both_counts_go_down(self):
        """A promotion's portions lie within the item's own."""
        domain = self.domain()
        answer = domain.place("k", ("coxinha", 4), expected=500).answer
        assert answer.order and answer.order.total == Money(2000)
        stock = domain.stock("coxinha")
        assert (stock.free, stock.allotments["p1"].free) == (16, 6)

    def test_its_portions_bound_what_is_sold_while_it_is_open(self):
        """An order gets no price of two: 11 are refused though 20 are on the menu."""
        domain = self.domain()
        answer = domain.place("k", ("coxinha", 11)).answer
        assert answer.outcome == "out_of_stock"
        assert answer.order and answer.order.shortages == [Shortage("coxinha", 10)]

    @pytest.mark.parametrize(
        "now, outcome",
        [
            (NOW - 1001, "promotion_closed"),
            (NOW - 1000, "confirmed"),
            (NOW + 899_999, "confirmed"),
            (NOW + 900_000, "promotion_closed"),
        ],
    )
    def test_the_window_is_closed_at_its_start_and_open_at_its_end(self, now, outcome):
        """[starts_at, ends_at): outside, the promotional price is refused as promotion-closed."""
        domain = self.domain()
        domain.now = now
        assert domain.place("k", ("coxinha", 1), expected=500).answer.outcome == outcome

    def test_a_price_other_than_the_one_shown_is_refused(self):
        """price-changed names the items, with today's price in the order's lines."""
        answer = self.domain().place("k", ("coxinha", 1), expected=1000).answer
        assert (answer.outcome, answer.skus) == ("price_changed", ["coxinha"])
        assert answer.order and answer.order.items[0].unit_price == Money(500)

    def test_a_limit_per_customer_counts_over_orders_and_lines(self):
        """limit-reached past it; another customer still may."""
        domain = self.domain(per_customer_limit=3)
        assert (
            domain.place("k1", ("coxinha", 1), ("coxinha", 1), customer="ana").answer.outcome == "confirmed"
        )
        assert domain.place("k2", ("coxinha", 2), customer="ana").answer.outcome == "limit_reached"
        assert domain.place("k3", ("coxinha", 1), customer="ana").answer.outcome == "confirmed"
        assert domain.place("k4", ("coxinha", 3), customer="bia").answer.outcome == "confirmed"

    def test_an_item_with_a_limit_needs_a_customer(self):
        """403 customer-required, and nothing is written."""
        domain = self.domain(per_customer_limit=3)
        before = domain.snapshot()
        assert domain.place("k", ("coxinha", 1)).answer.outcome == "customer_required"
        assert domain.tables == before

    def test_the_cheaper_of_two_open_promotions_governs_alone(self):
        """Medusa's and Vendure's defect: one item in two promotions oversold."""
        domain = self.domain()
        domain.do(promotion(PromotionItem("coxinha", Money(400), 3), id_="p2"))
        assert domain.place("k1", ("coxinha", 3)).answer.outcome == "confirmed"
        assert domain.place("k2", ("coxinha", 11)).answer.outcome == "out_of_stock"
        stock = domain.stock("coxinha")
        assert (stock.allotments["p1"].reserved, stock.allotments["p2"].reserved) == (0, 3)


class TestTheCatalogue:
    """A PUT replaces the entry, and creates no portion that was not offered."""

    def test_a_repeated_put_changes_nothing(self):
        """A repeated PUT adds no portion and makes no fact."""
        domain = DomainHarness().open(coxinha=5)
        facts = len(domain.facts)
        reply = domain.do(menu_item("coxinha", 5))
        assert reply and (reply.answer.outcome, reply.answer.version) == ("replaced", 1)
        assert len(domain.facts) == facts

    def test_portions_are_the_whole_number_offered(self):
        """5 offered, 3 sold, 7 offered: 4 free."""
        domain = DomainHarness().open(coxinha=5)
        domain.place("k", ("coxinha", 3))
        domain.do(menu_item("coxinha", 7))
        assert domain.stock("coxinha").free == 4

    def test_an_item_back_in_a_promotion_keeps_its_count(self):
        """Putting a promotion twice does not sell its portions twice."""
        domain = DomainHarness().open(coxinha=20, pastel=20)
        both = [PromotionItem("coxinha", Money(500), 4), PromotionItem("pastel", Money(500), 4)]
        domain.do(promotion(*both))
        domain.place("k", ("coxinha", 3))
        domain.do(promotion(both[1]))
        assert domain.place("k2", ("coxinha", 1)).answer.order.total == Money(1000)
        domain.do(promotion(*both))
        assert domain.place("k3", ("coxinha", 2)).answer.outcome == "out_of_stock"

    def test_a_promotion_of_an_unknown_item_is_refused(self):
        """404 unknown-item names it."""
        reply = DomainHarness().open(coxinha=1).do(promotion(PromotionItem("nope", Money(1), 1)))
        assert reply and (reply.answer.outcome, reply.answer.skus) == ("unknown_item", ["nope"])


def test_a_retry_across_the_turn_of_the_month_is_a_replay():
    """Its fingerprint is keyed by the month, so it names that of the month before too; another body has neither."""
    domain = DomainHarness().open(coxinha=10)
    placed = replace(place("k1", ("coxinha", 1)), request_fingerprint="plain.january")
    first = domain.do(placed)
    retry = replace(placed, request_fingerprint="plain.february", earlier_fingerprint="plain.january")
    again = domain.do(retry)
    assert first and again and again.replayed and again.answer == first.answer
    for other in ("plain.other", None):
        refused = domain.do(replace(retry, earlier_fingerprint=other))
        assert refused and refused.answer.outcome == "key_reused"


def test_an_erased_order_is_replayed_but_never_placed_again():
    """DECISIONS.md, seal-personal-data: personal data that was erased cannot be sealed again."""
    domain = DomainHarness().open(coxinha=10)
    placed = replace(place("k1", ("coxinha", 1)), request_fingerprint="plain.personal")
    first = domain.do(placed)
    forgotten = replace(placed, request_fingerprint="plain.", personal=None, forgotten=True)
    again = domain.do(forgotten)
    assert first and again and again.replayed and again.answer == first.answer
    other = domain.do(replace(forgotten, request_fingerprint="other."))
    assert other and other.answer.outcome == "key_reused"
    domain.advance_time(TTL + 1)
    late = domain.do(forgotten)
    assert late and late.answer.outcome == "key_reused" and not late.replayed
