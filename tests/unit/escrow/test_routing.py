"""Which bucket decides an order, and when a bucket is open (streams/domain/escrow/README.md)."""

import pytest
from msgspec.structs import replace

from schemas.commands import CancelOrder, PromotionItem
from schemas.facts import OrderCreated
from schemas.money import Money
from streams.domain.decide import UnknownBucketError
from tables.registry import ESCROWS, ORDERS
from tests.escrow.harness import HOME, key_of, one_item
from tests.support.domain.harness import TTL, place, promotion


def test_a_key_with_another_customer_is_refused_in_any_bucket():
    """Keys are scoped to the restaurant, so the key chooses the bucket, not the customer (R1)."""
    harness = one_item()
    limit = promotion(PromotionItem("x", Money(500), 20, 2))
    harness.decide(limit)
    harness.settle()
    for number in range(4):
        key = key_of(number, 4)
        for name, caller in (("ana", b"a%d" % number), ("bia", b"b%d" % number)):
            harness.place_order(place(key, ("x", 1), customer=f"{name}{number}"), caller)
            harness.settle()
        assert harness.outcome(b"a%d" % number) == "confirmed"
        assert harness.outcome(b"b%d" % number) == "key_reused"


def test_a_customers_limit_holds_across_buckets():
    """Orders of an item with a limit are decided by the bucket of the customer's id (R3)."""
    harness = one_item()
    harness.decide(promotion(PromotionItem("x", Money(500), 20, 2)))
    harness.settle()
    for number in range(4):
        harness.place_order(place(key_of(number, 4), ("x", 1), customer="ana"), b"%d" % number)
        harness.settle()
    outcomes = [harness.outcome(b"%d" % n) for n in range(4)]
    assert sorted(outcomes) == ["confirmed", "confirmed", "limit_reached", "limit_reached"]


def test_an_idle_restaurant_is_decided_at_its_home():
    """Closed buckets forward orders, store where to, and have no portions."""
    harness = one_item(open_rate=50)
    order = place(key_of(3, 4), ("x", 1))
    harness.place_order(order, b"a")
    harness.settle()
    harness.place_order(order, b"again")
    harness.settle()
    assert harness.outcome(b"a") == harness.outcome(b"again") == "confirmed"
    assert harness.stock_of(HOME, "x").reserved == 1
    assert [harness.stock_of(b, "x").portions for b in harness.buckets[1:]] == [0, 0, 0]


@pytest.mark.parametrize("open_rate", [0, 50])
def test_an_expired_key_of_a_known_order_is_refused_in_any_bucket(open_rate):
    """By the bucket that has the order, or that forwarded it: the route of a key does not end with its time."""
    harness = one_item(open_rate=open_rate)
    for number in range(4):
        harness.place_order(place(key_of(number, 4), ("x", 1)), b"first%d" % number)
        harness.settle()
    harness.advance_time(TTL + 1)
    for number in range(4):
        harness.place_order(place(key_of(number, 4), ("x", 1)), b"again%d" % number)
        harness.settle()
        assert harness.outcome(b"first%d" % number) == "confirmed"
        assert harness.outcome(b"again%d" % number) == "key_reused"
    assert sum(isinstance(fact, OrderCreated) for fact in harness.facts) == 4


def test_a_bucket_opens_when_busy_and_closes_when_idle():
    """Portions that it has when it closes, or that are released later, go to the home."""
    harness = one_item(portions=4000, open_rate=50)
    for i in range(300):
        harness.now += 10
        harness.place_order(place(key_of(3, 4, nth=i), ("x", 1)), b"%d" % i)
        while harness.in_flight:
            harness.deliver(0)
    assert harness.escrow("r1#3").is_open
    assert harness.stock_of("r1#3", "x").reserved > 50
    for _ in range(40):
        harness.advance_time(1.1)
        while harness.in_flight:
            harness.deliver(0)
    assert not harness.escrow("r1#3").is_open
    assert harness.free("r1#3", "x") == 0
    sold_there = next(k for k, o in harness[ORDERS].items() if o.restaurant_id == "r1#3")
    order = harness[ORDERS][sold_there]
    harness.decide(CancelOrder("r1#3", order.order_id, "customer", "c", "c"))
    harness.settle()
    assert harness.free("r1#3", "x") == 0
    assert sum(harness.stock_of(b, "x").portions for b in harness.buckets) == 4000


def test_a_key_forwarded_by_a_closed_bucket_stays_routed():
    """One order per key, also if its bucket opens in the meantime."""
    harness = one_item(portions=4000, open_rate=50)
    early = place(key_of(3, 4), ("x", 1))
    harness.place_order(early, b"early")
    harness.settle()
    for i in range(1, 300):
        harness.now += 10
        harness.place_order(place(key_of(3, 4, nth=i), ("x", 1)), b"%d" % i)
        while harness.in_flight:
            harness.deliver(0)
    assert harness.escrow("r1#3").is_open
    harness.place_order(early, b"late")
    harness.settle()
    (late,) = harness.replies[b"late"]
    assert late.replayed
    assert late.answer == harness.replies[b"early"][0].answer


def test_a_restaurant_older_than_its_buckets_stays_home():
    """Its home has its keys and limits."""
    harness = one_item()
    harness[ESCROWS].clear()
    harness.place_order(place(key_of(3, 4), ("x", 1)), b"a")
    harness.settle()
    assert harness.stock_of(HOME, "x").reserved == 1


@pytest.mark.parametrize("count", [1, 2])
def test_a_worker_with_fewer_buckets_rejects_the_others(count: int):
    """Otherwise a key would have two writers; the fault campaign found it with different settings on one worker."""
    harness = one_item()
    harness.policy = replace(harness.policy, buckets=count)
    with pytest.raises(UnknownBucketError):
        harness.place_order(place(key_of(3, 4), ("x", 1)), b"a")
