"""Examples of placing an order, each with the requirement it stands for."""

import pytest
from msgspec.structs import replace

from schemas.commands import PromotionItem
from schemas.facts import OrderConfirmed, OrderCreated, OrderFailed, StockReserved
from schemas.money import Money
from schemas.orders import Shortage
from tests.domain.world import NOW, TTL, World, menu_item, place, promotion


def test_an_order_within_stock_is_confirmed_and_its_facts_come_in_order():
    """created, reserved, confirmed; the order's version grows by one."""
    world = World().open(coxinha=5)
    answer = world.order("k", ("coxinha", 2)).answer
    assert answer.outcome == "confirmed"
    created, reserved, confirmed = world.facts[-3:]
    assert isinstance(created, OrderCreated) and created.version == 1
    assert isinstance(reserved, StockReserved)
    assert isinstance(confirmed, OrderConfirmed) and confirmed.version == 2
    assert confirmed.total == Money(2000)
    assert (reserved.items[0].available, reserved.items[0].version) == (3, 2)
    assert confirmed.eta.p50 < confirmed.eta.p90


def test_two_lines_of_one_item_count_together():
    """Medusa's defect: two lines naming the same item oversold."""
    world = World().open(coxinha=3)
    answer = world.order("k", ("coxinha", 2), ("coxinha", 2)).answer
    assert answer.outcome == "out_of_stock"
    assert answer.order and answer.order.shortages == [Shortage("coxinha", 3)]
    assert world.stock("coxinha").reserved == 0


def test_a_reservation_is_all_or_nothing():
    """One short line refuses the order, and nothing of the others is taken."""
    world = World().open(coxinha=5, pastel=0)
    assert world.order("k", ("coxinha", 1), ("pastel", 1)).answer.outcome == "out_of_stock"
    assert world.stock("coxinha").reserved == 0
    assert isinstance(world.facts[-1], OrderFailed)


def test_a_balance_of_zero_is_sold_out_and_not_missing():
    """Restate's defect: a balance of 0 read as "no limit"."""
    world = World().open(coxinha=0)
    assert world.order("k", ("coxinha", 1)).answer.outcome == "out_of_stock"


def test_unlimited_items_are_never_short():
    """portions null: unlimited."""
    world = World().open(agua=None)
    assert world.order("k", ("agua", 99)).answer.outcome == "confirmed"
    assert world.facts[-2].items[0].available is None


def test_the_same_key_and_body_gets_the_first_answer_and_changes_nothing():
    """One order per key."""
    world = World().open(coxinha=5)
    first = world.order("k", ("coxinha", 2))
    before, facts = world.snapshot(), len(world.facts)
    second = world.order("k", ("coxinha", 2))
    assert (second.answer, first.replayed, second.replayed) == (first.answer, False, True)
    assert (world.tables, len(world.facts)) == (before, facts)


def test_a_refusal_is_replayed_too_even_when_there_is_stock_again():
    """The same key always gets the same answer."""
    world = World().open(coxinha=0)
    first = world.order("k", ("coxinha", 1))
    world.do(menu_item("coxinha", 10))
    assert world.order("k", ("coxinha", 1)).answer == first.answer


def test_a_key_reused_with_another_body_is_refused():
    """422 idempotency-key-reused; the first order stands."""
    world = World().open(coxinha=5)
    world.order("k", ("coxinha", 2))
    assert world.order("k", ("coxinha", 1)).answer.outcome == "key_reused"
    assert world.stock("coxinha").reserved == 2


def test_keys_are_scoped_to_a_restaurant():
    """The same key at another restaurant is another order."""
    world = World().open("r1", coxinha=5).open("r2", coxinha=5)
    first = world.order("k", ("coxinha", 1), restaurant="r1")
    second = world.order("k", ("coxinha", 1), restaurant="r2")
    assert not second.replayed
    assert first.answer.order and second.answer.order
    assert first.answer.order.order_id != second.answer.order.order_id


def test_an_expired_key_makes_a_new_order_whose_versions_go_on():
    """Order ids come from the key, so a reader of facts must not see a version twice."""
    world = World().open(coxinha=5)
    world.order("k", ("coxinha", 1))
    world.now += TTL * 1000 - 1
    assert world.order("k", ("coxinha", 1)).replayed
    world.now += 1
    again = world.order("k", ("coxinha", 1))
    assert (again.replayed, again.answer.outcome) == (False, "confirmed")
    assert [f.version for f in world.facts if isinstance(f, OrderConfirmed)] == [2, 4]
    assert world.stock("coxinha").reserved == 2


@pytest.mark.parametrize(
    "restaurant, sku, outcome", [("nope", "coxinha", "unknown_restaurant"), ("r1", "nope", "unknown_item")]
)
def test_what_is_not_there_is_refused_and_nothing_is_written(restaurant, sku, outcome):
    """404, no fact, and the key stays free."""
    world = World().open(coxinha=5)
    before = world.snapshot()
    assert world.order("k", (sku, 1), restaurant=restaurant).answer.outcome == outcome
    assert world.tables == before


class TestInAPromotion:
    """Windows, prices and limits are checked when the order is decided."""

    def world(self, **options) -> World:
        world = World().open(coxinha=20)
        world.do(promotion(PromotionItem("coxinha", Money(500), 10, **options)))
        return world

    def test_the_promotional_price_holds_and_both_counts_go_down(self):
        """A promotion's portions lie within the item's own."""
        world = self.world()
        answer = world.order("k", ("coxinha", 4), expected=500).answer
        assert answer.order and answer.order.total == Money(2000)
        stock = world.stock("coxinha")
        assert (stock.free, stock.allotments["p1"].free) == (16, 6)

    def test_its_portions_bound_what_is_sold_while_it_is_open(self):
        """Nobody is sold the regular price under a promotion that has run out."""
        world = self.world()
        answer = world.order("k", ("coxinha", 11)).answer
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
        world = self.world()
        world.now = now
        assert world.order("k", ("coxinha", 1), expected=500).answer.outcome == outcome

    def test_another_price_than_the_one_shown_is_refused(self):
        """price-changed names the items, with today's price in the order's lines."""
        answer = self.world().order("k", ("coxinha", 1), expected=1000).answer
        assert (answer.outcome, answer.skus) == ("price_changed", ["coxinha"])
        assert answer.order and answer.order.items[0].unit_price == Money(500)

    def test_a_limit_per_customer_counts_over_orders_and_lines(self):
        """limit-reached past it; another customer still may."""
        world = self.world(per_customer_limit=3)
        assert world.order("k1", ("coxinha", 1), ("coxinha", 1), customer="ana").answer.outcome == "confirmed"
        assert world.order("k2", ("coxinha", 2), customer="ana").answer.outcome == "limit_reached"
        assert world.order("k3", ("coxinha", 1), customer="ana").answer.outcome == "confirmed"
        assert world.order("k4", ("coxinha", 3), customer="bia").answer.outcome == "confirmed"

    def test_a_limit_needs_to_know_the_customer(self):
        """400 customer-required, and nothing is written."""
        world = self.world(per_customer_limit=3)
        before = world.snapshot()
        assert world.order("k", ("coxinha", 1)).answer.outcome == "customer_required"
        assert world.tables == before

    def test_of_two_open_promotions_the_cheaper_governs_alone(self):
        """Medusa's and Vendure's defect: one item in two promotions oversold."""
        world = self.world()
        world.do(promotion(PromotionItem("coxinha", Money(400), 3), id_="p2"))
        assert world.order("k1", ("coxinha", 3)).answer.outcome == "confirmed"
        assert world.order("k2", ("coxinha", 1)).answer.outcome == "out_of_stock"
        stock = world.stock("coxinha")
        assert (stock.allotments["p1"].reserved, stock.allotments["p2"].reserved) == (0, 3)


class TestTheCatalogue:
    """What is put replaces what was; stock is never invented."""

    def test_putting_the_same_again_is_no_change(self):
        """A repeated PUT adds no portion and makes no fact."""
        world = World().open(coxinha=5)
        facts = len(world.facts)
        reply = world.do(menu_item("coxinha", 5))
        assert reply and (reply.answer.outcome, reply.answer.version) == ("replaced", 1)
        assert len(world.facts) == facts

    def test_portions_are_the_whole_number_offered(self):
        """5 offered, 3 sold, 7 offered: 4 free."""
        world = World().open(coxinha=5)
        world.order("k", ("coxinha", 3))
        world.do(menu_item("coxinha", 7))
        assert world.stock("coxinha").free == 4

    def test_fewer_than_are_sold_cannot_be_offered(self):
        """sold <= portions holds at every time."""
        world = World().open(coxinha=5)
        world.order("k", ("coxinha", 3))
        world.do(menu_item("coxinha", 1))
        assert (world.stock("coxinha").portions, world.stock("coxinha").free) == (3, 0)

    def test_an_item_taken_out_of_a_promotion_and_put_back_keeps_its_count(self):
        """Putting a promotion twice does not sell its portions twice."""
        world = World().open(coxinha=20, pastel=20)
        both = [PromotionItem("coxinha", Money(500), 4), PromotionItem("pastel", Money(500), 4)]
        world.do(promotion(*both))
        world.order("k", ("coxinha", 3))
        world.do(promotion(both[1]))
        assert world.order("k2", ("coxinha", 1)).answer.order.total == Money(1000)
        world.do(promotion(*both))
        assert world.order("k3", ("coxinha", 2)).answer.outcome == "out_of_stock"

    def test_a_promotion_of_an_unknown_item_is_refused(self):
        """404 unknown-item names it."""
        reply = World().open(coxinha=1).do(promotion(PromotionItem("nope", Money(1), 1)))
        assert reply and (reply.answer.outcome, reply.answer.skus) == ("unknown_item", ["nope"])


def test_a_retry_of_a_forgotten_order_gets_its_answer_and_makes_no_order_once_the_key_has_expired():
    """README, decision 13: what is forgotten cannot be sealed again, so it can be replayed and never placed."""
    world = World().open(coxinha=10)
    placed = replace(place("k1", ("coxinha", 1)), request_fingerprint="plain.personal")
    first = world.do(placed)
    forgotten = replace(placed, request_fingerprint="plain.", personal=None, forgotten=True)
    again = world.do(forgotten)
    assert first and again and again.replayed and again.answer == first.answer
    other = world.do(replace(forgotten, request_fingerprint="other."))
    assert other and other.answer.outcome == "key_reused"
    world.pass_time(TTL + 1)
    late = world.do(forgotten)
    assert late and late.answer.outcome == "key_reused" and not late.replayed
