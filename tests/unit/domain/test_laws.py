"""Laws that hold for every history of commands."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from schemas.commands import (
    CancelOrder,
    Command,
    PlaceOrder,
    PromotionItem,
    PutMenuItem,
    PutPromotion,
    PutRestaurant,
    Tick,
)
from schemas.facts import (
    CatalogChanged,
    OrderCancelled,
    OrderConfirmed,
    OrderFailed,
    StockReleased,
    StockReserved,
)
from schemas.identity import order_id
from schemas.money import Money
from streams.domain.decision import Decision
from tests.support.domain.harness import NOW, DomainHarness, menu_item, place, promotion

SKUS = ["coxinha", "pastel", "agua"]
skus = st.sampled_from(SKUS)
portions = st.one_of(st.none(), st.integers(0, 12))
lines = st.lists(st.tuples(skus, st.integers(1, 6)), min_size=1, max_size=4)

keys = st.sampled_from([f"k{i}" for i in range(12)])
orders = st.builds(
    lambda key, ls, customer, expected: place(key, *ls, customer=customer, expected=expected),
    keys,
    lines,
    st.sampled_from([None, "ana", "bia"]),
    st.sampled_from([None, 1000, 500]),
)
cancellations = st.builds(
    lambda key: CancelOrder("r1", order_id("r1", key), "customer", f"cancel {key}", "c"), keys
)
items = st.builds(menu_item, skus, portions, price=st.sampled_from([1000, 600, 500]))
promotions = st.builds(
    lambda chosen, price, id_, count, limit, says, start: promotion(
        *[PromotionItem(s, Money(price), count, limit, says) for s in sorted(chosen)],
        id_=id_,
        starts=NOW + start,
        ends=NOW + start + 5000,
    ),
    st.sets(skus, min_size=1),
    st.sampled_from([400, 500, 600]),
    st.sampled_from(["p1", "p2"]),
    portions,
    st.one_of(st.none(), st.integers(1, 4)),
    st.sampled_from([UNSET, "sold_out", "regular_price"]),
    st.integers(-3000, 3000),
)
restaurants = st.just(PutRestaurant("r1", "Cantina", 3, 600))
commands = st.lists(
    st.tuples(
        st.integers(0, 1500),
        st.one_of(orders, orders, orders, cancellations, items, promotions, restaurants, st.just(Tick())),
    ),
    max_size=40,
)


def play(history: list[tuple[int, Command]]) -> DomainHarness:
    domain = DomainHarness().open(coxinha=10, pastel=3, agua=None)
    for elapsed, command in history:
        domain.now += elapsed
        domain.do(command)
    return domain


@settings(max_examples=300, deadline=None)
@given(commands)
def test_no_portion_is_sold_twice_at_any_prefix(history):
    """Every reservation fits into the item's portions, and into those of its promotion."""
    for fact in play(history).facts:
        for item in fact.items if isinstance(fact, StockReserved) else []:
            pools = [item.stock]
            if item.promotion_id is not None:
                pools.append(item.stock.allotments[item.promotion_id])
            for pool in pools:
                assert pool.portions is None or pool.reserved + pool.wasted <= pool.portions


@settings(max_examples=300, deadline=None)
@given(commands)
def test_portions_are_those_that_were_put_last(history):
    """No order, cancellation or other PUT changes what the restaurant has said; a refused PUT says nothing."""
    domain = DomainHarness().open(coxinha=10, pastel=3, agua=None)
    said: dict[tuple[str, str], int | None] = {("coxinha", ""): 10, ("pastel", ""): 3, ("agua", ""): None}
    for elapsed, command in history:
        domain.now += elapsed
        reply = domain.do(command)
        if isinstance(command, PutMenuItem):
            said[command.sku, ""] = command.portions
        elif isinstance(command, PutPromotion) and reply and reply.answer.outcome != "invalid_promotion":
            for item in command.items:
                said[item.sku, command.promotion_id] = item.portions
        for (sku, promotion_id), count in said.items():
            stock = domain.stock(sku)
            pool = stock.allotments.get(promotion_id) if promotion_id else stock
            assert pool is None or pool.portions == count


@settings(max_examples=300, deadline=None)
@given(commands)
def test_no_order_pays_more_than_the_regular_price(history):
    """And less in a promotion, at the time of the order."""
    prices: dict[str, int] = {}
    for fact in play(history).facts:
        if isinstance(fact, CatalogChanged) and fact.item is not None:
            prices[fact.item.sku] = fact.item.price.amount
        for line in fact.items if isinstance(fact, OrderConfirmed) else []:
            bound = prices[line.sku] - (line.promotion_id is not None)
            assert line.unit_price.amount <= bound


@settings(max_examples=300, deadline=None)
@given(commands)
def test_reserved_portions_are_those_of_confirmed_orders(history):
    """Conservation: the stock's count is the sum over confirmed orders that are not cancelled, item by item."""
    domain = play(history)
    sold = Counter()
    for fact in domain.facts:
        if isinstance(fact, OrderConfirmed | OrderCancelled):
            for line in fact.items:
                sold[line.sku] += line.quantity if isinstance(fact, OrderConfirmed) else -line.quantity
    for sku in SKUS:
        assert domain.stock(sku).reserved == sold[sku]


@settings(max_examples=200, deadline=None)
@given(commands)
def test_versions_grow_by_one_without_a_gap(history):
    """So a reader can detect a missing fact."""
    seen: Counter[str] = Counter()

    def expect_next(name: str, version: int) -> None:
        assert version == seen[name] + 1, name
        seen[name] = version

    for fact in play(history).facts:
        match fact:
            case StockReserved() | StockReleased():
                for item in fact.items:
                    expect_next(f"stock {item.sku}", item.version)
            case CatalogChanged():
                for stock in fact.stocks:
                    expect_next(f"stock {stock.sku}", stock.version)
                if (entry := fact.restaurant or fact.item or fact.promotion) is None:
                    assert fact.version == fact.stocks[0].version
                    continue
                name = (
                    f"{type(entry).__name__} {getattr(entry, 'sku', '')}{getattr(entry, 'promotion_id', '')}"
                )
                expect_next(name, entry.version)
            case _:
                expect_next(fact.order_id, fact.version)


@settings(max_examples=200, deadline=None)
@given(commands)
def test_one_order_per_key_and_a_retry_changes_nothing(history):
    """All orders of the history sent again give the same answers and no fact."""
    domain = play(history)
    placed = [c for _, c in history if isinstance(c, PlaceOrder)]
    first = [domain.do(c) for c in placed]
    facts = len(domain.facts)
    again = [domain.do(c) for c in placed]
    assert [r.answer for r in again] == [r.answer for r in first]
    assert len(domain.facts) == facts
    decided = [f.order_id for f in domain.facts if isinstance(f, OrderConfirmed | OrderFailed)]
    assert len(decided) == len(set(decided))


@settings(max_examples=100, deadline=None)
@given(commands)
def test_state_is_the_fold_of_the_facts(history):
    """A replay gives the same state, so every view can be rebuilt; only the keys of cancellations have no fact."""
    domain = play(history)
    replayed = DomainHarness()
    for fact in domain.facts:
        replayed.apply(Decision((fact,)))
    for rows in domain.tables.values():
        for cancellation in [name for name in rows if "cancel k" in name]:
            del rows[cancellation]
    assert replayed.tables == domain.tables


@settings(max_examples=100, deadline=None)
@given(commands)
def test_the_same_commands_always_give_the_same_facts(history):
    """Time, identifiers and chance are arguments (DECISIONS.md, time-is-an-input)."""
    assert play(history).facts == play(history).facts
