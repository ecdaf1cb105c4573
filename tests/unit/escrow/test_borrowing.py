"""Transfers between buckets, and when an order is refused (streams/domain/escrow/README.md)."""

from unittest.mock import patch

from schemas.commands import CancelOrder
from streams.domain.escrow import borrowing
from tests.escrow.harness import EscrowHarness, key_of, offered, one_item, transfers
from tests.support.domain.harness import menu_item, place


def test_a_bucket_without_portions_requests_them():
    harness = one_item()
    harness.place_order(place(key_of(2, 4), ("x", 3)), b"a")
    assert b"a" not in harness.replies
    harness.settle()
    assert harness.outcome(b"a") == "confirmed"
    assert harness.stock_of("r1#2", "x").reserved == 3


def test_a_bucket_with_portions_decides_at_once():
    """Without a message to another bucket: the purpose of escrow."""
    harness = one_item()
    harness.place_order(place(key_of(2, 4), ("x", 3)), b"a")
    harness.settle()
    harness.place_order(place(key_of(2, 4, nth=1), ("x", 1)), b"b")
    assert harness.outcome(b"b") == "confirmed"


def test_the_last_portions_of_all_buckets_serve_one_order():
    """No order is refused while there are portions elsewhere."""
    harness = one_item(portions=8)
    for number in range(4):
        harness.place_order(place(key_of(number, 4), ("x", 1)), b"%d" % number)
        harness.settle()
    harness.place_order(place(key_of(1, 4, nth=1), ("x", 4)), b"all")
    harness.settle()
    assert harness.outcome(b"all") == "confirmed"
    assert sum(harness.free(b, "x") for b in harness.buckets) == 0


def test_an_order_is_refused_when_no_bucket_has_portions():
    harness = one_item(portions=2)
    harness.place_order(place(key_of(3, 4), ("x", 3)), b"a")
    harness.settle()
    (reply,) = harness.replies[b"a"]
    assert reply.answer.outcome == "out_of_stock"
    assert reply.answer.order.shortages[0].available == 2


def test_of_two_orders_for_the_last_portions_one_gets_them():
    """Each of two buckets has one portion and an order for two: the older order is served (L1)."""
    harness = one_item(count=2, portions=2)
    harness.place_order(place(key_of(1, 2), ("x", 1)), b"first")
    harness.settle()
    harness.decide(
        CancelOrder(harness.facts[-1].restaurant_id, harness.facts[-1].order_id, "customer", "c", "c")
    )
    assert [harness.free(b, "x") for b in harness.buckets] == [1, 1]
    harness.place_order(place(key_of(0, 2), ("x", 2)), b"a")
    harness.now += 1
    harness.place_order(place(key_of(1, 2, nth=1), ("x", 2)), b"b")
    harness.settle()
    assert [harness.outcome(b"a"), harness.outcome(b"b")] == ["confirmed", "out_of_stock"]


def test_a_repeated_request_gets_the_same_transfer():
    harness = one_item()
    harness.place_order(place(key_of(2, 4), ("x", 3)), b"a")
    for _ in range(3):
        for index in range(len(harness.in_flight)):
            harness.deliver(index, twice=True)
    harness.settle()
    assert set(transfers(harness)["in"].values()) == {1}
    assert sum(harness.stock_of(b, "x").portions for b in harness.buckets) == offered(harness, "x") == 40


def test_an_order_of_several_items_is_all_or_nothing():
    harness = one_item(portions=4)
    harness.decide(menu_item("y", 1))
    harness.settle()
    harness.place_order(place(key_of(1, 4), ("x", 1), ("y", 2)), b"a")
    harness.settle()
    assert harness.outcome(b"a") == "out_of_stock"
    harness.place_order(place(key_of(2, 4), ("x", 4), ("y", 1)), b"b")
    harness.settle()
    assert harness.outcome(b"b") == "confirmed"


def test_a_retry_of_a_waiting_order_gets_the_same_answer():
    harness = one_item()
    order = place(key_of(2, 4), ("x", 3))
    harness.place_order(order, b"a")
    harness.place_order(order, b"b")
    harness.settle()
    harness.place_order(order, b"c")
    first, second, third = (harness.replies[k][0] for k in (b"a", b"b", b"c"))
    assert first.answer == second.answer == third.answer
    assert [first.replayed, second.replayed, third.replayed] == [False, True, True]


def test_an_unreachable_bucket_is_not_waited_for():
    """During a network partition local portions are sold, others refused in time, and none oversold (S7)."""
    harness = one_item(count=2, portions=40)
    harness.place_order(place(key_of(1, 2), ("x", 3)), b"a")
    harness.settle()
    harness.place_order(place(key_of(1, 2, nth=1), ("x", 30)), b"partitioned")
    lost = list(harness.in_flight)
    harness.in_flight.clear()
    harness.advance_time(1.1)
    harness.in_flight.clear()
    assert harness.outcome(b"partitioned") == "out_of_stock"
    harness.place_order(place(key_of(1, 2, nth=2), ("x", 30)), b"at once")
    assert harness.outcome(b"at once") == "out_of_stock"
    harness.place_order(place(key_of(1, 2, nth=3), ("x", 2)), b"local")
    assert harness.outcome(b"local") == "confirmed"
    harness.in_flight.extend(lost)  # the partition heals
    harness.advance_time(1.1)
    harness.settle()
    assert sum(harness.stock_of(b, "x").portions for b in harness.buckets) == 40


def leave_a_transfer_in_flight(harness: EscrowHarness) -> None:
    """One portion is in flight from the home to the first bucket, which no longer needs it; no bucket has another one."""
    harness.place_order(place(key_of(3, 4), ("x", 1)), b"seed")
    harness.settle()
    harness.decide(CancelOrder("r1#3", harness.facts[-1].order_id, "customer", "c", "c"))
    assert [harness.free(b, "x") for b in harness.buckets] == [1, 0, 0, 1]
    harness.place_order(place(key_of(1, 4), ("x", 1)), b"first")
    harness.deliver_from(sender="r1#1")  # requests to all; two peers have a portion to lend
    harness.deliver_from(sender="r1#2")
    harness.deliver_from(sender="r1#3")
    assert harness.outcome(b"first") == "confirmed"
    assert harness.portions_in_flight("x") == 1
    harness.place_order(place(key_of(2, 4), ("x", 1)), b"second")
    harness.deliver_from(sender="r1#2")
    harness.deliver_from(sender="r1#1")
    harness.deliver_from(sender="r1#3")
    harness.deliver_last_from(sender="r1")


def test_a_portion_in_flight_between_two_is_not_sold_out():
    """Neither peer has it: one has lent it, the other has not received it yet (S4b)."""
    harness = one_item(portions=2)
    leave_a_transfer_in_flight(harness)
    assert b"second" not in harness.replies
    harness.settle()
    assert harness.outcome(b"second") == "confirmed"


def test_omitted_transfer_check_refuses_too_early():
    """A check that cannot fail is a defect."""
    harness = one_item(portions=2)
    with patch.object(borrowing, "_has_transfer_in_flight", lambda round_: False):
        leave_a_transfer_in_flight(harness)
    assert harness.outcome(b"second") == "out_of_stock"
