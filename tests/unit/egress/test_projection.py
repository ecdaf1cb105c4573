"""The projection: laws over any history."""

import asyncio
from collections.abc import Sequence

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from egress.projections.projection import project
from schemas import view_keys
from schemas.catalogue import Stock
from schemas.facts import CatalogChanged, Fact, StockReserved
from schemas.orders import Order
from tests.support.egress.dict_store import DictStore, Hashes
from tests.support.egress.stories import PARTITION, SEALED, Story, stories


def shown(facts: Sequence[Fact]) -> Hashes:
    """Return the views that these facts make, in this order."""
    store = DictStore()

    async def show() -> None:
        for fact in facts:
            await store.apply(project(fact, PARTITION), [])

    asyncio.run(show())
    return store.hashes


def shuffled(story: Story, data: st.DataObject) -> list[Fact]:
    """Return the story's facts in any order of their topics, some of them again; those of catalogues keep theirs."""
    in_order = iter(fact for fact in story.facts if isinstance(fact, CatalogChanged))
    facts = [
        next(in_order) if isinstance(fact, CatalogChanged) else fact
        for fact in data.draw(st.permutations(story.facts))
    ]
    for fact in data.draw(st.lists(st.sampled_from(story.facts))) if story.facts else []:
        facts.insert(data.draw(st.integers(facts.index(fact) + 1, len(facts))), fact)
    return facts


@settings(deadline=None)
@given(stories, st.data())
def test_order_and_repetition_do_not_matter(story: Story, data: st.DataObject) -> None:
    """Duplicates, replays and reordering across topics cannot make a view wrong."""
    assert shown(shuffled(story, data)) == shown(story.facts)


@settings(deadline=None)
@given(stories, st.data())
def test_replay_changes_nothing(story: Story, data: st.DataObject) -> None:
    """A projector that stopped after a write begins before it."""
    start = data.draw(st.integers(0, len(story.facts)))
    assert shown(story.facts + story.facts[start:]) == shown(story.facts)


@settings(deadline=None)
@given(stories)
def test_stock_is_the_last_stock(story: Story) -> None:
    """The view shows what was left after the last decision."""
    stored = shown(story.facts).get(view_keys.menu("r1"), {}).get(view_keys.STOCK + "coxinha")
    if story.stock.version == 0:
        assert stored is None
    else:
        assert stored is not None
        version, value = view_keys.unpack(stored)
        assert version == story.stock.version and msgspec.json.decode(value, type=Stock) == story.stock


@settings(deadline=None)
@given(stories)
def test_order_has_its_state_and_history(story: Story) -> None:
    """Contract: history; every status change, from the first, none twice; refund; reason."""
    hashes = shown(story.facts)
    for order_id, order in story.orders.items():
        fields = hashes[view_keys.order(order_id)]
        fields.pop(view_keys.PERSONAL)
        assert msgspec.json.decode(view_keys.unpack(fields.pop(view_keys.ORDER))[1], type=Order) == order
        history = {
            name.removeprefix(view_keys.STATUS): msgspec.json.decode(view_keys.unpack(stored)[1])
            for name, stored in fields.items()
        }
        assert history == story.histories[order_id]


def test_refund_keeps_the_time_of_cancellation() -> None:
    """The refund comes later, and changes no status."""
    story = Story()
    story.order(True, ("cancelled", "refunded"))
    fields = shown(story.facts)[view_keys.order("o1")]
    order = msgspec.json.decode(view_keys.unpack(fields[view_keys.ORDER])[1], type=Order)
    assert order.refund is not None and order.refund.status == "refunded"
    cancelled_at = msgspec.json.decode(view_keys.unpack(fields[view_keys.STATUS + "cancelled"])[1])
    assert cancelled_at < order.updated_at


def test_released_portions_are_free() -> None:
    """The menu shows released portions as free."""
    story = Story()
    story.put_item()
    story.order(True, ("cancelled",))
    version, value = view_keys.unpack(shown(story.facts)[view_keys.menu("r1")][view_keys.STOCK + "coxinha"])
    assert (version, msgspec.json.decode(value, type=Stock).free) == (3, 101)


def test_restaurant_is_listed_with_its_partition() -> None:
    """The age of a menu is that of the partition that decides its orders."""
    story = Story()
    story.put_restaurant()
    story.put_promotion()
    hashes = shown(story.facts)
    assert hashes[view_keys.menu("r1")][view_keys.PARTITION] == b"1|5"
    assert list(hashes[view_keys.RESTAURANTS]) == ["r1"] and list(hashes[view_keys.PROMOTIONS]) == ["r1/p1"]


@settings(deadline=None)
@given(stories, st.data())
def test_batches_make_the_views_of_single_facts(story: Story, data: st.DataObject) -> None:
    """Of the writes of one batch to one field the newest counts, a deletion included."""
    facts, store = shuffled(story, data), DictStore()

    async def show() -> None:
        rest = facts
        while rest:
            size = data.draw(st.integers(1, len(rest)))
            await store.apply([w for fact in rest[:size] for w in project(fact, PARTITION)], [])
            rest = rest[size:]

    asyncio.run(show())
    assert store.hashes == shown(story.facts)


@settings(deadline=None)
@given(stories)
def test_deleted_things_leave_the_views(story: Story) -> None:
    """The menu, the list of restaurants and the windows of promotions hold what there is, and nothing else."""
    hashes = shown(story.facts)
    menu = hashes.get(view_keys.menu("r1"), {})
    assert (view_keys.ITEM + "coxinha" in menu) is ("item" in story.versions)
    assert (view_keys.STOCK + "coxinha" in menu) is bool(story.stock.version)
    assert (view_keys.PROMOTION + "p1" in menu) is ("promotion" in story.versions)
    assert ("r1/p1" in hashes.get(view_keys.PROMOTIONS, {})) is ("promotion" in story.versions)
    assert (view_keys.RESTAURANT in menu) is ("restaurant" in story.versions)
    assert (view_keys.PARTITION in menu) is ("restaurant" in story.versions)
    assert ("r1" in hashes.get(view_keys.RESTAURANTS, {})) is ("restaurant" in story.versions)


def test_late_reservation_of_a_deleted_item_stays_hidden() -> None:
    """It is a fact of another topic, and may be read minutes later."""
    story = Story()
    story.put_item()
    story.order(True)
    story.delete("item")
    story.put_promotion()
    late = [fact for fact in story.facts if isinstance(fact, StockReserved)]
    in_time = [fact for fact in story.facts if fact not in late]
    assert shown(in_time + late) == shown(story.facts)


def test_personal_data_stays_sealed() -> None:
    """Views keep personal data sealed, as topics do; only ingress opens it."""
    story = Story()
    story.order(True, ("preparing", "cancelled"))
    fields = shown(story.facts)[view_keys.order("o1")]
    version, value = view_keys.unpack(fields[view_keys.PERSONAL])
    assert (version, msgspec.json.decode(value, type=bytes)) == (1, SEALED)
