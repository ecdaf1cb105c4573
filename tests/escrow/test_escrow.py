"""Stock escrow by example (README, Stock escrow)."""

from unittest.mock import patch

import pytest
from msgspec.structs import replace

from schemas.commands import CancelOrder, Mirror, PromotionItem, PutRestaurant
from schemas.money import Money
from streams.domain.decide import UnknownBucketError
from streams.domain.escrow import asking
from tests.domain.world import menu_item, place, promotion
from tests.escrow.town import HOME, Town, key_of, offered, transfers


def town(count: int = 4, portions: int = 40, **options: int) -> Town:
    """A restaurant with one item, made when it had buckets, and known everywhere."""
    made = Town(count, **options)
    made.tell(PutRestaurant(HOME, "Cantina", 10, 1800))
    made.tell(menu_item("x", portions))
    made.settle()
    return made


def outcome(t: Town, asker: bytes) -> str:
    (reply,) = t.replies[asker]
    return reply.answer.outcome


def test_a_bucket_without_portions_asks_for_them_and_then_decides():
    t = town()
    t.ask_for(place(key_of(2, 4), ("x", 3)), b"a")
    assert b"a" not in t.replies
    t.settle()
    assert outcome(t, b"a") == "confirmed"
    assert t.stock_of("r1#2", "x").reserved == 3


def test_a_bucket_with_portions_decides_at_once():
    """Local escrow needs nobody else: that is what it is for."""
    t = town()
    t.ask_for(place(key_of(2, 4), ("x", 3)), b"a")
    t.settle()
    t.ask_for(place(key_of(2, 4, nth=1), ("x", 1)), b"b")
    assert outcome(t, b"b") == "confirmed"


def test_the_last_portions_of_all_buckets_come_together_for_one_order():
    """Nobody is told sold out while portions lie elsewhere."""
    t = town(portions=8)
    for number in range(4):
        t.ask_for(place(key_of(number, 4), ("x", 1)), b"%d" % number)
        t.settle()
    t.ask_for(place(key_of(1, 4, nth=1), ("x", 4)), b"all")
    t.settle()
    assert outcome(t, b"all") == "confirmed"
    assert sum(t.free(b, "x") for b in t.buckets) == 0


def test_sold_out_is_said_when_nobody_has_any():
    t = town(portions=2)
    t.ask_for(place(key_of(3, 4), ("x", 3)), b"a")
    t.settle()
    (reply,) = t.replies[b"a"]
    assert reply.answer.outcome == "out_of_stock"
    assert reply.answer.order.shortages[0].available == 2


def test_of_two_orders_for_the_same_last_portions_one_gets_them():
    """Each of two buckets has one portion and an order for two: who asked first is served."""
    t = town(count=2, portions=2)
    t.ask_for(place(key_of(1, 2), ("x", 1)), b"first")
    t.settle()
    t.tell(CancelOrder(t.facts[-1].restaurant_id, t.facts[-1].order_id, "customer", "c", "c"))
    assert [t.free(b, "x") for b in t.buckets] == [1, 1]
    t.ask_for(place(key_of(0, 2), ("x", 2)), b"a")
    t.now += 1
    t.ask_for(place(key_of(1, 2, nth=1), ("x", 2)), b"b")
    t.settle()
    assert [outcome(t, b"a"), outcome(t, b"b")] == ["confirmed", "out_of_stock"]


def test_an_ask_that_comes_twice_is_answered_with_the_same_transfer_which_counts_once():
    t = town()
    t.ask_for(place(key_of(2, 4), ("x", 3)), b"a")
    for _ in range(3):
        for index in range(len(t.under_way)):
            t.deliver(index, twice=True)
    t.settle()
    assert set(transfers(t)["in"].values()) == {1}
    assert sum(t.stock_of(b, "x").portions for b in t.buckets) == offered(t, "x") == 40


def test_an_order_with_several_items_takes_all_or_nothing_of_them():
    t = town(portions=4)
    t.tell(menu_item("y", 1))
    t.settle()
    t.ask_for(place(key_of(1, 4), ("x", 1), ("y", 2)), b"a")
    t.settle()
    assert outcome(t, b"a") == "out_of_stock"
    t.ask_for(place(key_of(2, 4), ("x", 4), ("y", 1)), b"b")
    t.settle()
    assert outcome(t, b"b") == "confirmed"


def test_a_key_that_comes_again_while_its_order_waits_gets_the_same_answer():
    t = town()
    order = place(key_of(2, 4), ("x", 3))
    t.ask_for(order, b"a")
    t.ask_for(order, b"b")
    t.settle()
    t.ask_for(order, b"c")
    first, second, third = (t.replies[k][0] for k in (b"a", b"b", b"c"))
    assert first.answer == second.answer == third.answer
    assert [first.replayed, second.replayed, third.replayed] == [False, True, True]


def test_the_same_key_with_another_customer_is_refused_wherever_the_order_is():
    """Keys are scoped to the restaurant, so a key's bucket is by the key, not by the customer."""
    t = town()
    limit = promotion(PromotionItem("x", Money(500), 20, 2))
    t.tell(limit)
    t.settle()
    for number in range(4):
        key = key_of(number, 4)
        for name, asker in (("ana", b"a%d" % number), ("bia", b"b%d" % number)):
            t.ask_for(place(key, ("x", 1), customer=f"{name}{number}"), asker)
            t.settle()
        assert outcome(t, b"a%d" % number) == "confirmed"
        assert outcome(t, b"b%d" % number) == "key_reused"


def test_a_customers_limit_holds_across_the_buckets_of_her_keys():
    """Orders of an item with a limit are decided where the customer's id falls."""
    t = town()
    t.tell(promotion(PromotionItem("x", Money(500), 20, 2)))
    t.settle()
    for number in range(4):
        t.ask_for(place(key_of(number, 4), ("x", 1), customer="ana"), b"%d" % number)
        t.settle()
    outcomes = [outcome(t, b"%d" % n) for n in range(4)]
    assert sorted(outcomes) == ["confirmed", "confirmed", "limit_reached", "limit_reached"]


def test_a_restaurant_that_is_cold_is_decided_at_its_home():
    """Closed buckets pass orders on, remember where to, and hold no portions."""
    t = town(open_rate=50)
    order = place(key_of(3, 4), ("x", 1))
    t.ask_for(order, b"a")
    t.settle()
    t.ask_for(order, b"again")
    t.settle()
    assert outcome(t, b"a") == outcome(t, b"again") == "confirmed"
    assert t.stock_of(HOME, "x").reserved == 1
    assert [t.stock_of(b, "x").portions for b in t.buckets[1:]] == [0, 0, 0]


def test_a_bucket_opens_when_it_is_hot_and_closes_when_it_is_not():
    """And what it holds when it closes, or is given back later, goes home."""
    t = town(portions=4000, open_rate=50)
    for i in range(300):
        t.now += 10
        t.ask_for(place(key_of(3, 4, nth=i), ("x", 1)), b"%d" % i)
        while t.under_way:
            t.deliver(0)
    assert t.escrow("r1#3").open
    assert t.stock_of("r1#3", "x").reserved > 50
    for _ in range(40):
        t.pass_time(1.1)
        while t.under_way:
            t.deliver(0)
    assert not t.escrow("r1#3").open
    assert t.free("r1#3", "x") == 0
    sold_there = next(k for k, o in t.orders.items() if o.restaurant_id == "r1#3")
    order = t.orders[sold_there]
    t.tell(CancelOrder("r1#3", order.order_id, "customer", "c", "c"))
    t.settle()
    assert t.free("r1#3", "x") == 0
    assert sum(t.stock_of(b, "x").portions for b in t.buckets) == 4000


def test_a_key_decided_while_its_bucket_was_closed_is_known_when_it_is_open():
    """One order per key, whatever opens and closes."""
    t = town(portions=4000, open_rate=50)
    early = place(key_of(3, 4), ("x", 1))
    t.ask_for(early, b"early")
    t.settle()
    for i in range(1, 300):
        t.now += 10
        t.ask_for(place(key_of(3, 4, nth=i), ("x", 1)), b"%d" % i)
        while t.under_way:
            t.deliver(0)
    assert t.escrow("r1#3").open
    t.ask_for(early, b"late")
    t.settle()
    (late,) = t.replies[b"late"]
    assert late.replayed
    assert late.answer == t.replies[b"early"][0].answer


def test_a_restaurant_from_before_the_buckets_is_left_to_its_home():
    """Its keys and limits are there."""
    t = town()
    t.tables["escrows"].clear()
    t.ask_for(place(key_of(3, 4), ("x", 1)), b"a")
    t.settle()
    assert t.stock_of(HOME, "x").reserved == 1


def test_portions_put_anew_are_the_whole_number_whatever_others_hold():
    """PUT is absolute: saying the same twice adds nothing."""
    t = town()
    t.ask_for(place(key_of(2, 4), ("x", 3)), b"a")
    t.settle()
    t.tell(menu_item("x", 40))
    assert sum(t.stock_of(b, "x").portions for b in t.buckets) == 40
    t.tell(menu_item("x", 50))
    assert sum(t.stock_of(b, "x").portions for b in t.buckets) == 50


@pytest.mark.parametrize("count", [1, 2])
def test_a_worker_that_knows_of_fewer_buckets_decides_nothing_for_the_others(count: int):
    """Else a key would have two writers: what the campaign caught when one worker had other settings."""
    t = town()
    t.policy = replace(t.policy, buckets=count)
    with pytest.raises(UnknownBucketError):
        t.ask_for(place(key_of(3, 4), ("x", 1)), b"a")


def test_fewer_portions_are_called_back_from_where_they_were_lent():
    """PUT is absolute: what others have and nobody has taken is not offered any more."""
    t = town(portions=40)
    t.ask_for(place(key_of(2, 4), ("x", 3)), b"a")
    t.settle()
    assert t.free("r1#2", "x") > 0
    t.tell(menu_item("x", 2))
    t.settle()
    assert sum(t.stock_of(b, "x").portions for b in t.buckets) == 3  # what is taken
    assert sum(t.free(b, "x") for b in t.buckets) == 0


def test_a_smaller_promotion_is_called_back_too():
    t = town(portions=40)
    t.tell(promotion(PromotionItem("x", Money(500), 30, None)))
    t.settle()
    t.ask_for(place(key_of(2, 4), ("x", 3)), b"a")
    t.settle()
    t.tell(promotion(PromotionItem("x", Money(500), 4, None)))
    t.settle()
    assert sum(t.stock_of(b, "x").allotments["p1"].portions for b in t.buckets) == 4
    assert sum(t.stock_of(b, "x").portions for b in t.buckets) == 40


def test_an_order_of_an_item_that_is_not_known_here_yet_is_the_homes_to_decide():
    """Also while others wait: a bucket parks nothing that it could not ask for."""
    t = town(portions=40)
    t.ask_for(place(key_of(2, 4), ("x", 1)), b"waits")
    t.tell(menu_item("new", 5))
    mirrors = [letter for letter in t.under_way if isinstance(letter.onward.command, Mirror)]
    for letter in mirrors:
        t.under_way.remove(letter)  # late
    t.ask_for(place(key_of(2, 4, nth=1), ("x", 1), ("new", 1)), b"a")
    t.settle()
    assert outcome(t, b"waits") == outcome(t, b"a") == "confirmed"
    assert t.stock_of(HOME, "new").reserved == 1


def test_who_cannot_be_reached_is_not_waited_for():
    """A cut: what is here is sold, what is missing is refused within bounds, and nothing is oversold."""
    t = town(count=2, portions=40)
    t.ask_for(place(key_of(1, 2), ("x", 3)), b"a")
    t.settle()
    t.ask_for(place(key_of(1, 2, nth=1), ("x", 30)), b"cut")
    lost = list(t.under_way)
    t.under_way.clear()
    t.pass_time(1.1)
    t.under_way.clear()
    assert outcome(t, b"cut") == "out_of_stock"
    t.ask_for(place(key_of(1, 2, nth=2), ("x", 30)), b"at once")
    assert outcome(t, b"at once") == "out_of_stock"
    t.ask_for(place(key_of(1, 2, nth=3), ("x", 2)), b"local")
    assert outcome(t, b"local") == "confirmed"
    t.under_way.extend(lost)  # it heals
    t.pass_time(1.1)
    t.settle()
    assert sum(t.stock_of(b, "x").portions for b in t.buckets) == 40


def between_two(t: Town) -> None:
    """One portion is on its way from the home to the first bucket, which needs it no more; nobody else has any."""
    t.ask_for(place(key_of(3, 4), ("x", 1)), b"seed")
    t.settle()
    t.tell(CancelOrder("r1#3", t.facts[-1].order_id, "customer", "c", "c"))
    assert [t.free(b, "x") for b in t.buckets] == [1, 0, 0, 1]
    t.ask_for(place(key_of(1, 4), ("x", 1)), b"first")
    t.deliver_all(sender="r1#1")  # all are asked, and two have a portion to give
    t.deliver_all(sender="r1#2")
    t.deliver_all(sender="r1#3")
    assert outcome(t, b"first") == "confirmed"
    assert t.flying("x") == 1
    t.ask_for(place(key_of(2, 4), ("x", 1)), b"second")
    t.deliver_all(sender="r1#2")
    t.deliver_all(sender="r1#1")
    t.deliver_all(sender="r1#3")
    t.deliver_last(sender="r1")


def test_what_is_on_its_way_between_two_others_is_not_sold_out():
    """Who is asked has none: one has given it away, the other has not got it yet."""
    t = town(portions=2)
    between_two(t)
    assert b"second" not in t.replies
    t.settle()
    assert outcome(t, b"second") == "confirmed"


def test_without_a_look_at_what_is_on_its_way_it_would_be():
    """A check that cannot fail is a defect."""
    t = town(portions=2)
    with patch.object(asking, "_under_way", lambda desk, round_: False):
        between_two(t)
    assert outcome(t, b"second") == "out_of_stock"
