"""The contract of a store of views, of the one in memory and the one in Redis alike; then what only Redis has."""

import json
import time
from typing import Any

import pytest

from egress.kafka.records import OffsetRange, Partition
from egress.projections import generations
from egress.projections.ports import ViewsLost, ViewStoreUnavailable
from egress.projections.projection import ViewWrite, project
from egress.projections.redis_store import RedisViewStore
from egress.projections.watermarks import PendingWatermark
from schemas import view_keys
from tests.integration.egress.conftest import RedisCase, StoreCase
from tests.support.egress.stories import PARTITION, Story

P = Partition("order.confirmed", 3)
Q = Partition("order.failed", 3)


def write(version: int, value: bytes = b'"x"', field: str = "f", key: str = "k") -> ViewWrite:
    return ViewWrite(key, field, version, value)


async def test_no_position_before_begin(case: StoreCase) -> None:
    """A projection that has not begun differs from one at offset 0."""
    assert await case.store.positions([P, Q]) == {}
    await case.store.begin({P: 0})
    assert await case.store.positions([P, Q]) == {P: 0}


async def test_begin_twice(case: StoreCase) -> None:
    """Two processes may find the views empty at once."""
    await case.store.begin({P: 7})
    await case.store.begin({P: 0, Q: 1})
    assert await case.store.positions([P, Q]) == {P: 7, Q: 1}


async def test_greater_version_wins(case: StoreCase) -> None:
    """Versions are numbers, so 10 is more than 9."""
    for version, value in [
        (2, b'"2"'),
        (2, b'"again"'),
        (1, b'"1"'),
        (9, b'"9"'),
        (10, b'"10"'),
        (9, b'"old"'),
    ]:
        await case.store.apply([write(version, value)], [])
    assert (await case.hashes())["k"] == {"f": b'10|"10"'}


async def test_newest_write_of_a_batch_wins(case: StoreCase) -> None:
    """Facts of one batch may come from several topics in any order."""
    await case.store.apply(
        [write(1), write(3, b'"3"'), write(2), write(1, field="g"), write(1, b"{}", key="m")], []
    )
    hashes = await case.hashes()
    assert hashes["k"] == {"f": b'3|"3"', "g": b'1|"x"'} and hashes["m"] == {"f": b"1|{}"}


async def test_positions_move_with_writes(case: StoreCase) -> None:
    """The position is kept with the views that it belongs to."""
    await case.store.begin({P: 5, Q: 0})
    await case.store.apply([write(1)], [OffsetRange(P, 5, 9), OffsetRange(Q, 0, 1)])
    assert await case.store.positions([P, Q]) == {P: 9, Q: 1}


async def test_positions_never_move_back(case: StoreCase) -> None:
    """A process that does not yet know that it lost its partition may write what the views have already."""
    await case.store.begin({P: 9})
    await case.store.apply([write(1)], [OffsetRange(P, 2, 4)])
    assert await case.store.positions([P]) == {P: 9}


@pytest.mark.parametrize("begun", [None, 4])
async def test_batch_beyond_the_position_is_rejected(case: StoreCase, begun: int | None) -> None:
    """Views that were emptied or set back have a gap before this batch, which a later position would hide."""
    await case.store.begin({Q: 0} if begun is None else {Q: 0, P: begun})
    with pytest.raises(ViewsLost):
        await case.store.apply([write(1)], [OffsetRange(Q, 0, 1), OffsetRange(P, 5, 9)])
    assert "k" not in await case.hashes()
    assert await case.store.positions([P, Q]) == ({Q: 0} if begun is None else {Q: 0, P: begun})


async def test_empty_range_checks_the_position(case: StoreCase) -> None:
    """An idle projector notices in this way that the views are lost."""
    await case.store.begin({P: 5})
    await case.store.apply([], [OffsetRange(P, 5, 5)])
    with pytest.raises(ViewsLost):
        await case.store.apply([], [OffsetRange(P, 6, 6)])


async def test_watermark_needs_its_ends_and_never_falls(case: StoreCase) -> None:
    """Contract: reads say how old they are. They must never look younger."""
    await case.store.begin({P: 5, Q: 2})
    await case.store.publish_watermark(3, PendingWatermark(1000, {P: 5, Q: 1}))
    await case.store.publish_watermark(3, PendingWatermark(900, {P: 5}))
    with pytest.raises(ViewsLost):
        await case.store.publish_watermark(3, PendingWatermark(2000, {P: 6}))
    assert (await case.hashes())[view_keys.WATERMARKS] == {"3": b"1000"}


async def test_views_expire(redis_case: RedisCase) -> None:
    """The latest expiry of a key counts, in whatever order it is written. Menus have none."""
    now = int(time.time())
    for seconds in (100, 50):
        await redis_case.store.apply([ViewWrite("o", f"f{seconds}", 1, b"1", now + seconds), write(1)], [])
    assert 50 < await redis_case.redis.ttl(await redis_case.key("o")) <= 100
    assert await redis_case.redis.ttl(await redis_case.key("k")) == -1
    await redis_case.store.apply([ViewWrite("old", "f", 1, b"1", now - 1)], [])
    assert "old" not in await redis_case.hashes()


@pytest.mark.parametrize("batches", [[[0], [1]], [[1], [0]], [[0, 1]], [[0], [1], [0]]])
async def test_refused_order_is_kept_for_minutes(redis_case: RedisCase, batches: list[list[int]]) -> None:
    """Anonymous clients can make any number of them, a kilobyte each; in whatever order their facts come."""
    story = Story()
    story.order(False)
    facts = [project(fact, PARTITION) for fact in story.facts]
    for batch in batches:
        await redis_case.store.apply([write for number in batch for write in facts[number]], [])
    ttl = await redis_case.redis.ttl(await redis_case.key(view_keys.order("o1")))
    assert 0 < ttl <= view_keys.REFUSED_ORDER_TTL_SECONDS


@pytest.mark.parametrize("life", [(), ("cancelled",), ("cancelled", "refunded")])
async def test_confirmed_order_is_kept_for_days(redis_case: RedisCase, life: tuple[str, ...]) -> None:
    """Also if it is cancelled later."""
    story = Story()
    story.order(True, life)
    await redis_case.store.apply([write for fact in story.facts for write in project(fact, PARTITION)], [])
    ttl = await redis_case.redis.ttl(await redis_case.key(view_keys.order("o1")))
    assert ttl > view_keys.ORDER_TTL_SECONDS / 2


async def test_changes_have_revisions(redis_case: RedisCase) -> None:
    """Ingress asks which menus have changed since a revision. An old version is no change."""
    await redis_case.store.apply([write(2, key="a"), write(1, key="b")], [])
    await redis_case.store.apply(
        [write(1, key="a"), write(2, key="b"), ViewWrite("o", "f", 1, b"1", 2**33)], []
    )
    changes = await redis_case.redis.zrange(await redis_case.key(view_keys.CHANGES), 0, -1, withscores=True)
    assert dict(changes) == {b"a": 1.0, b"b": 2.0}
    assert await redis_case.redis.get(await redis_case.key(view_keys.REVISION)) == b"2"


async def test_generations_switch(redis_case: RedisCase) -> None:
    """After a rebuild the old generation rejects writes; the projector goes on from the positions of the new one."""
    await redis_case.store.begin({P: 5})
    old = await generations.current(redis_case.redis)
    rebuilt = RedisViewStore(redis_case.redis, "views-new")
    await rebuilt.begin({P: 3})
    await rebuilt.apply([write(1, key="new")], [])
    assert not await generations.switch(redis_case.redis, old, "views-new")  # not closed
    await generations.close(redis_case.redis, old)
    with pytest.raises(ViewStoreUnavailable, match="closed"):
        await redis_case.store.apply([write(1)], [OffsetRange(P, 5, 6)])
    assert await generations.switch(redis_case.redis, old, "views-new")
    with pytest.raises(ViewsLost):
        await redis_case.store.apply([write(1)], [OffsetRange(P, 5, 6)])
    with pytest.raises(ViewsLost):
        await redis_case.store.publish_watermark(3, PendingWatermark(1, {P: 5}))
    assert await redis_case.store.positions([P]) == {P: 3}
    await redis_case.store.apply([write(1)], [OffsetRange(P, 3, 4)])
    assert {"new", "k"} <= (await redis_case.hashes()).keys()
    assert await generations.delete_all_but(redis_case.redis, {"views-new"}) > 0
    assert not await redis_case.redis.keys(f"{old}*") and await redis_case.redis.keys("views-new*")


async def test_failed_write_keeps_the_position(redis_case: RedisCase) -> None:
    """After an error in the middle of a batch the position must not pass what was not written."""
    await redis_case.redis.set(await redis_case.key("k"), "no hash")
    await redis_case.store.begin({P: 0})
    with pytest.raises(ViewStoreUnavailable, match="WRONGTYPE"):  # as the server says it
        await redis_case.store.apply([write(1, key="a"), write(1)], [OffsetRange(P, 0, 9)])
    assert await redis_case.store.positions([P]) == {P: 0}


async def test_scripts_are_loaded_again(redis_case: RedisCase) -> None:
    """A restarted Redis has no scripts."""
    await redis_case.store.begin({P: 0})
    for _ in range(2):
        await redis_case.redis.script_flush()
        await redis_case.store.apply([write(1)], [OffsetRange(P, 0, 1)])
        await redis_case.redis.script_flush()
        await redis_case.store.publish_watermark(3, PendingWatermark(1, {P: 1}))


def fed(reference: str, version: int = 1, **more: Any) -> ViewWrite:
    """A write of its own key that the feed of r1 announces."""
    return ViewWrite(f"k{reference}", "f", version, b"1", feed="r1", references=(reference,), **more)


async def test_feed_numbers_changes(redis_case: RedisCase) -> None:
    """A reader asks for the changes since a number. What changes again has its last number only."""
    await redis_case.store.apply([fed("o:1"), fed("o:2"), write(1)], [])
    await redis_case.store.apply(
        [fed("o:1"), ViewWrite("x", "f", 1, b"1", feed="r2", references=("menu",))], []
    )
    await redis_case.store.apply([fed("o:1", 2), fed("s:a")], [])
    feed = await redis_case.redis.zrange(await redis_case.key(view_keys.feed("r1")), 0, -1, withscores=True)
    assert feed == [(b"floor", 0), (b"o:2", 2), (b"o:1", 3), (b"s:a", 4)]
    sequences = await redis_case.redis.hgetall(await redis_case.key(view_keys.SEQUENCES))
    assert sequences == {b"r1": b"4", b"r2": b"1"}
    assert 0 < await redis_case.redis.ttl(await redis_case.key(view_keys.feed("r1"))) <= 900


async def test_feed_is_bounded(redis_case: RedisCase) -> None:
    """Memory of Redis is bounded. The floor says from which number on the feed is complete."""
    await redis_case.store.apply([fed(f"o:{number}") for number in range(490)], [])
    await redis_case.store.apply([fed("o:0", 2)] + [fed(f"o:{number}") for number in range(490, 510)], [])
    feed = await redis_case.redis.zrange(await redis_case.key(view_keys.feed("r1")), 0, -1, withscores=True)
    assert len(feed) == 501 and feed[:2] == [(b"floor", 11), (b"o:11", 12)]
    assert dict(feed)[b"o:0"] == 491 and feed[-1] == (b"o:509", 511)


async def test_board_lists_orders(redis_case: RedisCase) -> None:
    """The newest version of an order decides until when it is listed. The board expires with its last order."""
    now, board = int(time.time()), await redis_case.key(view_keys.board("r1"))
    for order, version, until in [
        ("1", 1, now + 100),
        ("2", 1, now + 900),
        ("1", 3, 0),
        ("1", 2, now + 100),
        ("3", 1, now - 1),
        ("4", 1, now + 50),
    ]:
        await redis_case.store.apply([fed(f"o:{order}", version, listed=order, listed_until=until)], [])
    assert await redis_case.redis.zrange(board, 0, -1) == [b"4", b"2"]
    assert 850 < await redis_case.redis.ttl(board) <= 900


async def test_only_the_current_generation_wakes(redis_case: RedisCase) -> None:
    """A rebuild announces nothing, nor does a write that did not count."""
    async with redis_case.redis.pubsub(ignore_subscribe_messages=True) as messages:
        await messages.subscribe(view_keys.WAKE)
        await messages.get_message(timeout=1)
        await RedisViewStore(redis_case.redis, "views-new").apply([fed("o:1")], [])
        await redis_case.store.apply([fed("o:1"), write(1)], [])
        await redis_case.store.apply([fed("o:1")], [])
        received = [await messages.get_message(timeout=0.2) for _ in range(3)]
    assert [json.loads(message["data"]) for message in received if message] == [["r1"]]


async def test_positions_begin_a_new_epoch(redis_case: RedisCase) -> None:
    """Views that were set back give numbers a second time; readers see another epoch."""
    epochs = set()
    for _ in range(3):
        await redis_case.store.positions([])
        epochs.add(await redis_case.redis.get(await redis_case.key(view_keys.WRITER_RUN)))
    assert len(epochs) == 3 and None not in epochs


def deletion(version: int, field: str = "f", owner: str = "r1") -> ViewWrite:
    return ViewWrite("menu:r1", field, version, None, owner=owner)


def of_r1(version: int, field: str = "f") -> ViewWrite:
    return ViewWrite("menu:r1", field, version, b'"x"', owner="r1")


async def test_deleted_field_stays_deleted(case: StoreCase) -> None:
    """Versions up to that of the deletion bring nothing back; the next one does."""
    await case.store.apply([of_r1(3), of_r1(1, "g")], [])
    await case.store.apply([deletion(5)], [])
    for version in (3, 4, 5):
        await case.store.apply([of_r1(version)], [])
    assert (await case.hashes())["menu:r1"] == {"g": b'1|"x"'}
    await case.store.apply([of_r1(6)], [])
    assert (await case.hashes())["menu:r1"]["f"] == b'6|"x"'


async def test_fields_before_a_deletion_go_on(case: StoreCase) -> None:
    """They have smaller versions, and are there; also if they come in the batch of the deletion."""
    await case.store.apply([of_r1(3), deletion(100, "old"), of_r1(1, "g")], [])
    await case.store.apply([of_r1(4)], [])
    hashes = await case.hashes()
    assert hashes["menu:r1"] == {"f": b'4|"x"', "g": b'1|"x"'}
    assert hashes[view_keys.DELETIONS] == {"r1": b"100"}


async def test_batch_that_comes_again_brings_nothing_back(case: StoreCase) -> None:
    """An egress process that has lost its partition may apply an old batch late."""
    batch = [of_r1(3), of_r1(2, "g"), deletion(7, "h")]
    await case.store.apply(batch, [])
    await case.store.apply([deletion(8)], [])
    await case.store.apply(batch, [])
    assert (await case.hashes())["menu:r1"] == {"g": b'2|"x"'}


async def test_put_after_a_deletion_counts_in_one_batch(case: StoreCase) -> None:
    """In any order; the deletion is known all the same."""
    await case.store.apply([of_r1(3)], [])
    await case.store.apply([of_r1(6), deletion(5), of_r1(3)], [])
    hashes = await case.hashes()
    assert hashes["menu:r1"] == {"f": b'6|"x"'} and hashes[view_keys.DELETIONS] == {"r1": b"5"}


async def test_deletions_of_others_do_not_count(case: StoreCase) -> None:
    """And none counts for an order, whose versions begin with one."""
    await case.store.apply([deletion(9)], [])
    other = ViewWrite("menu:r2", "f", 1, b'"x"', owner="r2")
    await case.store.apply([other, write(1, key="order:o1")], [])
    hashes = await case.hashes()
    assert hashes["menu:r2"] and hashes["order:o1"]


async def test_last_deletion_leaves_no_view(case: StoreCase) -> None:
    """Of a restaurant, its feed's number and the version remain."""
    await case.store.apply([of_r1(3)], [])
    await case.store.apply([deletion(4)], [])
    assert "menu:r1" not in await case.hashes()
