"""Deletion of restaurants, items and promotions: what is gone sells nothing, and what comes again has no past."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.commands import (
    AdvanceOrder,
    CancelOrder,
    Command,
    DeleteMenuItem,
    DeletePromotion,
    DeleteRestaurant,
    PaymentResult,
    PromotionItem,
    PutRestaurant,
)
from schemas.facts import CatalogChanged, StockReleased, StockReserved
from schemas.identity import order_id
from schemas.money import Money
from schemas.orders import FINAL
from streams.domain.decision import Decision
from tables.registry import (
    CATALOGUE_SIZES,
    CUSTOMER_USAGE,
    ITEMS,
    KITCHENS,
    ORDERS,
    PROMOTIONS,
    RESTAURANTS,
    STOCKS,
    TIMERS,
    key,
)
from tests.support.domain.harness import NOW, POLICY, DomainHarness, menu_item, place, promotion
from tests.unit.domain.test_laws import cancellations, items, orders, promotions, skus

DAY = 86_400
RESTAURANT = PutRestaurant("r1", "Cantina", 3, 600)


def outcome(domain: DomainHarness, command: Command) -> str:
    reply = domain.do(command)
    assert reply is not None
    return reply.answer.outcome


def delete_item(domain: DomainHarness, sku: str = "x") -> str:
    return outcome(domain, DeleteMenuItem("r1", sku))


def delete_promotion(domain: DomainHarness, id_: str = "p1") -> str:
    return outcome(domain, DeletePromotion("r1", id_))


def cancel(domain: DomainHarness, name: str) -> None:
    command = CancelOrder("r1", order_id("r1", name), "customer", f"cancel {name}", "c")
    assert outcome(domain, command) == "cancelled"


def offer(sku: str = "x", portions: int | None = 5, limit: int | None = None) -> PromotionItem:
    return PromotionItem(sku, Money(500), portions, limit)


def test_deleted_item_cannot_be_ordered():
    """It is no longer on the menu."""
    domain = DomainHarness().open(x=5, y=5)
    assert delete_item(domain) == "deleted"
    assert domain.place("a", ("x", 1), ("y", 1)).answer.outcome == "unknown_item"
    assert domain.place("b", ("y", 1)).answer.outcome == "confirmed"


@pytest.mark.parametrize(
    ("command", "outcomes"),
    [
        (DeleteMenuItem("r1", "x"), ["deleted", "unknown_item"]),
        (DeletePromotion("r1", "p1"), ["deleted", "unknown_promotion"]),
        (DeleteMenuItem("r9", "x"), ["unknown_restaurant"] * 2),
        (DeletePromotion("r9", "p1"), ["unknown_restaurant"] * 2),
        (DeleteRestaurant("r9"), ["unknown_restaurant"] * 2),
    ],
)
def test_second_deletion_finds_nothing(command: Command, outcomes: list[str]):
    domain = DomainHarness().open(x=5)
    domain.do(promotion(offer()))
    before = len(domain.facts)
    assert [outcome(domain, command) for _ in outcomes] == outcomes
    assert (len(domain.facts) > before) is ("deleted" in outcomes)


def test_order_of_a_deleted_item_goes_on():
    """It keeps its lines, and can be delivered."""
    domain = DomainHarness().open(x=5)
    domain.place("a", ("x", 2))
    delete_item(domain)
    for status in ("preparing", "out_for_delivery", "delivered"):
        assert outcome(domain, AdvanceOrder("r1", order_id("r1", "a"), status)) == "advanced"
    assert domain[ORDERS][key("r1", order_id("r1", "a"))].items[0].quantity == 2


def test_portions_of_a_deleted_item_go_nowhere():
    """Neither while there is none of its sku, nor into one that is put again."""
    domain = DomainHarness().open(x=5, y=5)
    domain.place("a", ("x", 2), ("y", 1))
    domain.place("b", ("x", 3))
    domain.now += 1
    delete_item(domain)
    cancel(domain, "a")
    released = domain.facts[-1]
    assert isinstance(released, StockReleased) and [item.sku for item in released.items] == ["y"]
    domain.do(menu_item("x", 5))
    domain.place("c", ("x", 5))
    cancel(domain, "b")
    assert domain.stock("x").reserved == 5
    assert domain.place("d", ("x", 1)).answer.outcome == "out_of_stock"


def test_declined_payment_of_a_deleted_item_is_answered():
    """The order fails as any other."""
    domain = DomainHarness().open(x=5)
    domain.do(place("a", ("x", 2), method="pix"))
    delete_item(domain)
    order = domain[ORDERS][key("r1", order_id("r1", "a"))]
    domain.do(PaymentResult("r1", order.order_id, "authorise", "declined", order.payment_id))
    assert domain[ORDERS][key("r1", order.order_id)].status == "cancelled"
    assert len(domain.deferred_replies) == 1


def test_promotions_lose_a_deleted_item():
    """One of its sku that is put later is in none of them, also on the menu page, which reads the promotion."""
    domain = DomainHarness().open(x=5, y=5)
    domain.do(promotion(offer("x", 5), offer("y", 5)))
    delete_item(domain)
    assert [item.sku for item in domain[PROMOTIONS][key("r1", "p1")].items] == ["y"]
    domain.do(menu_item("x", 5))
    assert domain.place("a", ("x", 1), expected=1000).answer.outcome == "confirmed"
    assert domain.place("b", ("y", 1), expected=500).answer.outcome == "confirmed"


def test_deletion_ends_an_open_promotion_at_once():
    """The price is the item's own, and what the promotion had reserved stays reserved."""
    domain = DomainHarness().open(x=10)
    domain.do(promotion(offer(portions=4)))
    domain.place("a", ("x", 3))
    assert delete_promotion(domain) == "deleted"
    assert domain.stock("x").allotments == {} and domain.stock("x").reserved == 3
    assert domain.place("b", ("x", 1), expected=500).answer.outcome == "price_changed"
    assert domain.place("c", ("x", 7), expected=1000).answer.outcome == "confirmed"


def test_promotion_that_is_put_again_begins_a_new_run():
    """Its portions and its customers' limits count from zero, and earlier orders give it nothing."""
    domain = DomainHarness().open(x=50)
    command = promotion(offer(portions=3, limit=3))
    domain.do(command)
    domain.place("a", ("x", 3), customer="ana")
    domain.now += 1
    delete_promotion(domain)
    domain.do(command)
    assert domain.place("b", ("x", 3), customer="ana").answer.outcome == "confirmed"
    cancel(domain, "a")
    stock = domain.stock("x")
    assert (stock.reserved, stock.allotments["p1"].reserved) == (3, 3)
    assert domain[CUSTOMER_USAGE][key("r1", "p1", "ana")].portions == {"x": 3}
    assert domain.place("c", ("x", 1), customer="bia").answer.outcome == "out_of_stock"


def test_deletion_and_put_in_one_millisecond_give_nothing_back():
    """An order of that millisecond is of the deleted run, or is taken for one."""
    domain = DomainHarness().open(x=3)
    domain.do(promotion(offer(portions=3)))
    domain.place("a", ("x", 3))
    delete_promotion(domain)
    delete_item(domain)
    domain.do(menu_item("x", 3))
    domain.do(promotion(offer(portions=3)))
    domain.place("b", ("x", 3))
    cancel(domain, "a")
    assert domain.stock("x").reserved == domain.stock("x").allotments["p1"].reserved == 3


def test_restaurant_needs_to_be_empty():
    """Its items and its promotions are deleted first; a promotion that has retired does not count."""
    domain = DomainHarness().open(x=5)
    domain.do(promotion(offer(portions=5)))
    assert outcome(domain, DeleteRestaurant("r1")) == "not_empty"
    delete_item(domain)
    assert outcome(domain, DeleteRestaurant("r1")) == "not_empty"
    domain.advance_time(900 + POLICY.promotion_retirement_seconds)
    assert outcome(domain, DeleteRestaurant("r1")) == "deleted"
    assert outcome(domain, DeleteRestaurant("r1")) == "unknown_restaurant"


@pytest.mark.parametrize("method", ["cash", "pix"])
def test_restaurant_needs_to_have_no_open_orders(method):
    """One whose payment is pending, one in the kitchen, and one on its way."""
    domain = DomainHarness().open(x=5)
    domain.do(place("a", ("x", 1), method=method))
    domain.place("refused", ("x", 9))
    delete_item(domain)
    order = domain[ORDERS][key("r1", order_id("r1", "a"))]
    for status in ("", "preparing", "out_for_delivery"):
        if status:
            outcome(domain, AdvanceOrder("r1", order.order_id, status))
        assert outcome(domain, DeleteRestaurant("r1")) == "open_orders"
        if method == "pix":
            domain.do(PaymentResult("r1", order.order_id, "authorise", "authorised", order.payment_id))
    outcome(domain, AdvanceOrder("r1", order.order_id, "delivered"))
    assert outcome(domain, DeleteRestaurant("r1")) == "deleted"


def test_restaurant_that_is_put_again_shares_nothing_with_the_first():
    """No webhook secret, no version, no items."""
    domain = DomainHarness()
    first = domain.do(RESTAURANT)
    domain.do(DeleteRestaurant("r1"))
    again = domain.do(RESTAURANT)
    assert first and again and again.answer.outcome == "created"
    assert again.answer.version > first.answer.version + 1
    # the secret before the current one is valid too
    assert again.answer.webhook_secret_version - 1 > first.answer.webhook_secret_version


def test_nothing_is_left_but_one_small_row():
    """It does not grow with what was deleted."""
    domain = DomainHarness().open(**{f"x{n}": 5 for n in range(20)})
    domain.do(promotion(*[offer(f"x{n}", 5) for n in range(20)]))
    for n in range(20):
        delete_item(domain, f"x{n}")
    delete_promotion(domain)
    domain.do(DeleteRestaurant("r1"))
    for table in (RESTAURANTS, ITEMS, STOCKS, PROMOTIONS, KITCHENS):
        assert not domain[table], table.name
    size = domain[CATALOGUE_SIZES]["r1"]
    assert (size.items, size.promotions) == (0, {})
    domain.advance_time(60 * DAY)
    assert not domain[TIMERS]


def test_deletion_makes_room_for_others():
    """The limits count what there is."""
    domain = DomainHarness(policy=replace(POLICY, menu_items=1, promotions=1)).open(x=5)
    domain.do(promotion(offer(portions=5)))
    assert outcome(domain, menu_item("y", 5)) == "too_many_items"
    assert outcome(domain, promotion(offer(portions=5), id_="p2")) == "too_many_promotions"
    delete_promotion(domain)
    assert outcome(domain, promotion(offer(portions=5), id_="p2")) == "created"
    delete_item(domain)
    assert outcome(domain, menu_item("y", 5)) == "created"


def test_ended_promotion_is_deleted_by_itself():
    """By the timer of its end, and not before; its stocks drop the allotment with the next PUT."""
    domain = DomainHarness().open(x=5)
    domain.do(promotion(offer(portions=5)))
    domain.advance_time(900)
    domain.advance_time(POLICY.promotion_retention_seconds - 1)
    assert domain[PROMOTIONS] and domain[TIMERS]
    domain.advance_time(1)
    assert not domain[PROMOTIONS] and not domain[TIMERS]
    assert isinstance(domain.facts[-1], CatalogChanged) and domain.facts[-1].deleted_promotion == "p1"
    domain.do(promotion(offer(portions=5), id_="p2", starts=domain.now, ends=domain.now + 1000))
    assert domain.stock("x").allotments.keys() == {"p2"}


def test_promotion_that_is_extended_is_kept_longer():
    """An earlier timer finds that it has not ended."""
    domain = DomainHarness().open(x=5)
    domain.do(promotion(offer(portions=5)))
    domain.do(promotion(offer(portions=5), ends=NOW + 40 * DAY * 1000))
    domain.advance_time(35 * DAY)
    assert domain[PROMOTIONS][key("r1", "p1")].phase == "open"
    domain.advance_time(5 * DAY)
    domain.advance_time(POLICY.promotion_retention_seconds)
    assert not domain[PROMOTIONS]


def test_retirement_comes_before_the_deletion():
    """A shorter retention waits for it: until then the run may be extended."""
    domain = DomainHarness(policy=replace(POLICY, promotion_retention_seconds=1)).open(x=5)
    domain.do(promotion(offer(portions=5)))
    domain.advance_time(900)
    domain.advance_time(POLICY.promotion_retirement_seconds - 1)
    assert domain[PROMOTIONS]
    domain.advance_time(1)
    assert not domain[PROMOTIONS]


def test_buckets_refuse_deletions():
    """The other buckets would keep it (escrow/README.md, Limits)."""
    domain = DomainHarness(policy=replace(POLICY, buckets=2)).open(x=5)
    for command in (DeleteMenuItem("r1", "x"), DeletePromotion("r1", "p"), DeleteRestaurant("r1")):
        assert outcome(domain, command) == "has_buckets"


deletions = st.one_of(
    st.builds(DeleteMenuItem, st.just("r1"), skus),
    st.builds(DeletePromotion, st.just("r1"), st.sampled_from(["p1", "p2"])),
    st.just(DeleteRestaurant("r1")),
)
histories = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 1, 700, 5_000_000]),
        st.one_of(
            orders,
            orders,
            orders,
            cancellations,
            items,
            items,
            promotions,
            deletions,
            deletions,
            st.just(RESTAURANT),
        ),
    ),
    max_size=40,
)


def play(history: list[tuple[int, Command]]) -> DomainHarness:
    domain = DomainHarness().open(coxinha=10, pastel=3, agua=None)
    domain.do(promotion(PromotionItem("coxinha", Money(400), 5), ends=NOW + 9_000_000))
    for elapsed, command in history:
        domain.advance_time(elapsed / 1000)
        domain.do(command)
    return domain


@settings(max_examples=300, deadline=None)
@given(histories)
def test_nothing_is_sold_of_what_is_deleted(history):
    """A reservation is of an item and a promotion that exist, within the portions of its own stock."""
    existing: set[str] = set()
    for fact in play(history).facts:
        if isinstance(fact, CatalogChanged):
            existing |= {f"item {fact.item.sku}"} if fact.item else set()
            existing |= {f"promotion {fact.promotion.promotion_id}"} if fact.promotion else set()
            existing -= {f"item {fact.deleted_item}", f"promotion {fact.deleted_promotion}"}
        for item in fact.items if isinstance(fact, StockReserved) else []:
            assert f"item {item.sku}" in existing
            assert item.promotion_id is None or f"promotion {item.promotion_id}" in existing
            pool = item.stock.allotments[item.promotion_id] if item.promotion_id else item.stock
            assert pool.portions is None or pool.reserved + pool.wasted <= pool.portions


@settings(max_examples=300, deadline=None)
@given(histories)
def test_stocks_and_runs_count_the_orders_of_their_own_life(history):
    """So no portion of a deleted stock or run is given to a new one; equal, but for orders of one millisecond."""
    domain = play(history)
    lives: Counter[str] = Counter()
    taken: Counter[tuple[str, int]] = Counter()
    by_order: dict[str, list[tuple[tuple[str, int], int]]] = {}
    for fact in domain.facts:
        if isinstance(fact, CatalogChanged):
            lives[f"item {fact.deleted_item}"] += 1
            lives[f"promotion {fact.deleted_promotion}"] += 1
        if isinstance(fact, StockReserved):
            by_order[fact.order_id] = [
                ((name, lives[name.partition("/")[0]]), item.quantity)
                for item in fact.items
                for name in (f"item {item.sku}", f"promotion {item.promotion_id}/{item.sku}")
            ]
    for order in domain[ORDERS].values():
        if order.status != "cancelled":
            taken.update(dict(by_order[order.order_id]))
    for stock in domain[STOCKS].values():
        name = f"item {stock.sku}"
        assert stock.reserved >= taken[name, lives[name]]
        assert stock.reserved >= 0 and all(a.reserved >= 0 for a in stock.allotments.values())


@settings(max_examples=300, deadline=None)
@given(histories)
def test_versions_only_grow(history):
    """By one, and for a new thing past everything that was deleted: views compare nothing else."""
    last: dict[str, int] = {}
    deleted = 0

    def expect_next(name: str, version: int) -> None:
        assert version == last.get(name, deleted) + 1, name
        last[name] = version

    for fact in play(history).facts:
        if isinstance(fact, StockReserved | StockReleased):
            for item in fact.items:
                expect_next(f"stock {item.sku}", item.version)
        if not isinstance(fact, CatalogChanged):
            continue
        for stock in fact.stocks:
            expect_next(f"stock {stock.sku}", stock.version)
        for kind, entry, name in (
            ("restaurant", fact.restaurant, ""),
            ("item", fact.item, fact.item and fact.item.sku),
            ("promotion", fact.promotion, fact.promotion and fact.promotion.promotion_id),
        ):
            if entry is not None:
                expect_next(f"{kind} {name}", entry.version)
        if fact.is_deletion:
            names = [f"item {fact.deleted_item}", f"stock {fact.deleted_item}"]
            names += [f"promotion {fact.deleted_promotion}"]
            names += ["restaurant "] if fact.deleted_restaurant else []
            versions = [last.pop(name) for name in names if name in last]
            assert versions and fact.version > max(versions) and fact.version > deleted
            deleted = fact.version


@settings(max_examples=200, deadline=None)
@given(histories)
def test_counts_are_those_of_what_there_is(history):
    """Of items, of promotions that are not retired, and of open orders."""
    domain = play(history)
    size = domain[CATALOGUE_SIZES]["r1"]
    assert size.items == len(domain[ITEMS]) == len(domain[STOCKS])
    known = {name for name in size.promotions if key("r1", name) in domain[PROMOTIONS]}
    assert known == size.promotions.keys()
    open_orders = sum(order.status not in FINAL for order in domain[ORDERS].values())
    kitchen = domain[KITCHENS].get("r1")
    assert (kitchen.unfinished_orders if kitchen else 0) == open_orders
    assert domain[RESTAURANTS] or not (open_orders or size.items)


@settings(max_examples=100, deadline=None)
@given(histories)
def test_state_with_deletions_is_the_fold_of_the_facts(history):
    """Deletions included; only timers that have fired and keys of cancellations have no fact."""
    domain = play(history)
    replayed = DomainHarness()
    for fact in domain.facts:
        replayed.apply(Decision((fact,)))
    for table in (RESTAURANTS, ITEMS, STOCKS, PROMOTIONS, CATALOGUE_SIZES, KITCHENS, ORDERS):
        assert replayed[table] == domain[table], table.name
