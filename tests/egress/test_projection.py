"""The projection: laws over any history."""

import asyncio
from collections.abc import Sequence

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from egress.projection import project
from egress.redis_store import RedisStore
from schemas import views
from schemas.catalogue import Stock
from schemas.facts import Fact
from schemas.orders import Order
from tests.egress.conftest import read_all
from tests.egress.dict_store import DictStore, Hashes
from tests.egress.stories import LIVES, PARTITION, SEALED, Story, stories


def shown(facts: Sequence[Fact]) -> Hashes:
    """Return the views that these facts make, in this order."""
    store = DictStore()

    async def show() -> None:
        for fact in facts:
            await store.apply(project(fact, PARTITION), [])

    asyncio.run(show())
    return store.hashes


def shuffled(story: Story, data: st.DataObject) -> list[Fact]:
    """Return the story's facts in any order, some of them more than once."""
    again = data.draw(st.lists(st.sampled_from(story.facts))) if story.facts else []
    return data.draw(st.permutations(story.facts + again))


@settings(deadline=None)
@given(stories, st.data())
def test_order_and_repetition_of_facts_do_not_matter(story: Story, data: st.DataObject) -> None:
    """Design, decision 5: duplicates, replays and reordering across topics cannot make a view wrong."""
    assert shown(shuffled(story, data)) == shown(story.facts)


@settings(deadline=None)
@given(stories, st.data())
def test_facts_that_are_projected_on_top_of_themselves_change_nothing(
    story: Story, data: st.DataObject
) -> None:
    """A projector that stopped between the write and anything else begins earlier."""
    start = data.draw(st.integers(0, len(story.facts)))
    assert shown(story.facts + story.facts[start:]) == shown(story.facts)


@settings(deadline=None)
@given(stories)
def test_the_view_of_a_stock_is_the_last_stock(story: Story) -> None:
    """Whatever is shown as left is what was left after the last decision."""
    held = shown(story.facts).get(views.menu("r1"), {}).get(views.STOCK + "coxinha")
    if story.stock.version == 0:
        assert held is None
    else:
        assert held is not None
        version, value = views.unpack(held)
        assert version == story.stock.version and msgspec.json.decode(value, type=Stock) == story.stock


@settings(deadline=None)
@given(stories)
def test_every_order_shows_its_last_state_and_each_status_once(story: Story) -> None:
    """Contract: history; every status change, from the first, none twice; refund; reason."""
    hashes = shown(story.facts)
    for order_id, order in story.orders.items():
        fields = hashes[views.order(order_id)]
        fields.pop(views.PERSONAL)
        assert msgspec.json.decode(views.unpack(fields.pop(views.ORDER))[1], type=Order) == order
        history = {
            name.removeprefix(views.STATUS): msgspec.json.decode(views.unpack(stored)[1])
            for name, stored in fields.items()
        }
        assert history == story.histories[order_id]


def test_a_refund_does_not_move_the_time_of_the_cancellation() -> None:
    """The refund comes later, and is no change of status."""
    story = Story()
    story.order(True, ("cancelled", "refunded"))
    fields = shown(story.facts)[views.order("o1")]
    order = msgspec.json.decode(views.unpack(fields[views.ORDER])[1], type=Order)
    assert order.refund is not None and order.refund.status == "refunded"
    cancelled_at = msgspec.json.decode(views.unpack(fields[views.STATUS + "cancelled"])[1])
    assert cancelled_at < order.updated_at


def test_released_portions_are_shown_as_free() -> None:
    """Released portions become free again at once, and are seen in the menu."""
    story = Story()
    story.put_item()
    story.order(True, ("cancelled",))
    version, value = views.unpack(shown(story.facts)[views.menu("r1")][views.STOCK + "coxinha"])
    assert (version, msgspec.json.decode(value, type=Stock).free) == (3, 101)


def test_a_restaurant_is_listed_and_knows_its_partition() -> None:
    """The age of a menu is that of the partition that decides for it."""
    story = Story()
    story.put_restaurant()
    story.put_promotion()
    hashes = shown(story.facts)
    assert hashes[views.menu("r1")][views.PARTITION] == b"1|5"
    assert list(hashes[views.RESTAURANTS]) == ["r1"] and list(hashes[views.PROMOTIONS]) == ["r1/p1"]


def test_what_is_sealed_is_shown_sealed_beside_the_order() -> None:
    """README, decision 13: views hold personal data as topics do, and only ingress opens it."""
    story = Story()
    story.order(True, ("preparing", "cancelled"))
    fields = shown(story.facts)[views.order("o1")]
    version, value = views.unpack(fields[views.PERSONAL])
    assert (version, msgspec.json.decode(value, type=bytes)) == (1, SEALED)


async def test_redis_shows_what_the_model_shows(redis: Redis) -> None:
    """The laws are shown with the model; this ties the model to the real thing, facts backwards and twice."""
    story = Story()
    for step in range(20):
        story.put_restaurant()
        story.put_item()
        story.put_promotion()
        story.order(step % 3 != 0, LIVES[step % len(LIVES)])
    store, model = RedisStore(redis), DictStore()
    await store.positions([])
    for fact in story.facts[::-1] + story.facts:
        await store.apply(project(fact, PARTITION), [])
        await model.apply(project(fact, PARTITION), [])
    held = await read_all(redis)
    held.pop(views.SEQUENCES, None)  # the model has no feeds
    assert held == model.hashes
    batch = [write for fact in story.facts for write in project(fact, PARTITION)]
    await redis.flushdb()
    await store.positions([])
    await store.apply(batch, [])
    held = await read_all(redis)
    held.pop(views.SEQUENCES, None)  # the model has no feeds
    assert held == model.hashes


async def test_a_board_lists_the_same_orders_whatever_the_order_of_facts(redis: Redis) -> None:
    """A rebuild reads topic after topic: its boards are those that have grown."""
    story = Story()
    for life in LIVES * 3:
        story.order(True, life)
        story.order(False)
    boards = []
    grown, rebuilt = RedisStore(redis), RedisStore(redis, "views-rebuilt")
    await grown.positions([])
    for store, facts in ((grown, story.facts), (rebuilt, story.facts[::-1] + story.facts[::3])):
        for fact in facts:
            await store.apply(project(fact, PARTITION), [])
        boards.append(await redis.zrange(store._key(views.board("r1")), 0, -1, withscores=True))
    assert boards[0] == boards[1] and len(boards[0]) == len(LIVES) * 3
