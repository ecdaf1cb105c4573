"""The contract of a store of views, of the one in memory and the one in Redis alike."""

import json
import time
from typing import Any

import pytest
from redis.asyncio import Redis

from egress import generations
from egress.horizon import Aim
from egress.positions import Move, Partition
from egress.projection import ViewWrite
from egress.redis_store import RedisStore
from egress.view_store import ViewsLost, ViewsUnreachable
from schemas import views
from tests.egress.conftest import Kept

P = Partition("order.confirmed", 3)
Q = Partition("order.failed", 3)


def write(version: int, value: bytes = b'"x"', field: str = "f", key: str = "k") -> ViewWrite:
    return ViewWrite(key, field, version, value)


async def key(redis: Redis, name: str) -> str:
    return views.inside(await generations.current(redis), name)


async def test_a_projection_that_has_not_begun_has_no_position(kept: Kept) -> None:
    """Not begun and at offset 0 are different: the first may not be passed."""
    assert await kept.store.positions([P, Q]) == {}
    await kept.store.begin({P: 0})
    assert await kept.store.positions([P, Q]) == {P: 0}


async def test_beginning_twice_sets_nothing_back(kept: Kept) -> None:
    """Two processes may find the views empty at once."""
    await kept.store.begin({P: 7})
    await kept.store.begin({P: 0, Q: 1})
    assert await kept.store.positions([P, Q]) == {P: 7, Q: 1}


async def test_a_write_counts_only_with_a_greater_version(kept: Kept) -> None:
    """Design, decision 5: views are last-version-wins; versions are numbers, so 10 is more than 9."""
    for version, value in [
        (2, b'"2"'),
        (2, b'"again"'),
        (1, b'"1"'),
        (9, b'"9"'),
        (10, b'"10"'),
        (9, b'"old"'),
    ]:
        await kept.store.apply([write(version, value)], [])
    assert (await kept.hashes())["k"] == {"f": b'10|"10"'}


async def test_of_many_writes_in_one_batch_the_newest_counts(kept: Kept) -> None:
    """Facts of one batch may come from several topics in any order."""
    await kept.store.apply(
        [write(1), write(3, b'"3"'), write(2), write(1, field="g"), write(1, b"{}", key="m")], []
    )
    hashes = await kept.hashes()
    assert hashes["k"] == {"f": b'3|"3"', "g": b'1|"x"'} and hashes["m"] == {"f": b"1|{}"}


async def test_a_position_moves_with_its_writes(kept: Kept) -> None:
    """Design, decision 3: position travels with the state."""
    await kept.store.begin({P: 5, Q: 0})
    await kept.store.apply([write(1)], [Move(P, 5, 9), Move(Q, 0, 1)])
    assert await kept.store.positions([P, Q]) == {P: 9, Q: 1}


async def test_a_position_never_moves_back(kept: Kept) -> None:
    """A process that lost its partition without knowing may still write what is known already."""
    await kept.store.begin({P: 9})
    await kept.store.apply([write(1)], [Move(P, 2, 4)])
    assert await kept.store.positions([P]) == {P: 9}


@pytest.mark.parametrize("begun", [None, 4])
async def test_a_batch_beyond_the_position_is_refused_whole(kept: Kept, begun: int | None) -> None:
    """Emptied or set back views have a gap before this batch: it must not be hidden by a later position."""
    await kept.store.begin({Q: 0} if begun is None else {Q: 0, P: begun})
    with pytest.raises(ViewsLost):
        await kept.store.apply([write(1)], [Move(Q, 0, 1), Move(P, 5, 9)])
    assert "k" not in await kept.hashes()
    assert await kept.store.positions([P, Q]) == ({Q: 0} if begun is None else {Q: 0, P: begun})


async def test_a_move_to_where_one_is_asks_whether_the_views_are_whole(kept: Kept) -> None:
    """How an idle projector notices that the views are gone."""
    await kept.store.begin({P: 5})
    await kept.store.apply([], [Move(P, 5, 5)])
    with pytest.raises(ViewsLost):
        await kept.store.apply([], [Move(P, 6, 6)])


async def test_a_watermark_is_told_only_where_the_views_hold_it_and_never_falls(kept: Kept) -> None:
    """Contract: reads say how old they are; so they must never look younger than they are."""
    await kept.store.begin({P: 5, Q: 2})
    await kept.store.tell(3, Aim(1000, {P: 5, Q: 1}))
    await kept.store.tell(3, Aim(900, {P: 5}))
    with pytest.raises(ViewsLost):
        await kept.store.tell(3, Aim(2000, {P: 6}))
    assert (await kept.hashes())[views.WATERMARKS] == {"3": b"1000"}


async def test_views_expire_when_their_last_change_says(kept: Kept) -> None:
    """Orders can be looked at for seven days after they changed, however often they are projected; menus are kept."""
    if kept.redis is None:
        return
    now = int(time.time())
    for seconds in (100, 50):
        await kept.store.apply([ViewWrite("o", f"f{seconds}", 1, b"1", now + seconds), write(1)], [])
    assert 50 < await kept.redis.ttl(await key(kept.redis, "o")) <= 100
    assert await kept.redis.ttl(await key(kept.redis, "k")) == -1
    await kept.store.apply([ViewWrite("old", "f", 1, b"1", now - 1)], [])
    assert "old" not in await kept.hashes()


async def test_changes_of_menus_can_be_asked_for_by_revision(kept: Kept) -> None:
    """Ingress asks what has changed, instead of asking for each menu whether it has; an old version is no change."""
    if kept.redis is None:
        return
    await kept.store.apply([write(2, key="a"), write(1, key="b")], [])
    await kept.store.apply([write(1, key="a"), write(2, key="b"), ViewWrite("o", "f", 1, b"1", 2**33)], [])
    changes = await kept.redis.zrange(await key(kept.redis, views.CHANGES), 0, -1, withscores=True)
    assert dict(changes) == {b"a": 1.0, b"b": 2.0}
    assert await kept.redis.get(await key(kept.redis, views.REVISION)) == b"2"


async def test_a_generation_that_is_not_current_any_more_takes_no_writes(kept: Kept) -> None:
    """After a rebuild the projector goes on with the new views, from where these stand."""
    if kept.redis is None:
        return
    await kept.store.begin({P: 5})
    old = await generations.current(kept.redis)
    rebuilt = RedisStore(kept.redis, "views-new")
    await rebuilt.begin({P: 3})
    await rebuilt.apply([write(1, key="new")], [])
    assert not await generations.switch(kept.redis, old, "views-new")  # not closed
    await generations.close(kept.redis, old)
    with pytest.raises(ViewsUnreachable, match="closed"):
        await kept.store.apply([write(1)], [Move(P, 5, 6)])
    assert await generations.switch(kept.redis, old, "views-new")
    with pytest.raises(ViewsLost):
        await kept.store.apply([write(1)], [Move(P, 5, 6)])
    with pytest.raises(ViewsLost):
        await kept.store.tell(3, Aim(1, {P: 5}))
    assert await kept.store.positions([P]) == {P: 3}
    await kept.store.apply([write(1)], [Move(P, 3, 4)])
    assert {"new", "k"} <= (await kept.hashes()).keys()
    assert await generations.delete_all_but(kept.redis, {"views-new"}) > 0
    assert not await kept.redis.keys(f"{old}*") and await kept.redis.keys("views-new*")


async def test_a_write_that_fails_holds_the_position_back(kept: Kept) -> None:
    """An error in the middle of a batch must not let the position pass what was not written."""
    if kept.redis is None:
        return
    await kept.redis.set(await key(kept.redis, "k"), "no hash")
    await kept.store.begin({P: 0})
    with pytest.raises(ViewsUnreachable, match="WRONGTYPE"):  # as the server says it
        await kept.store.apply([write(1, key="a"), write(1)], [Move(P, 0, 9)])
    assert await kept.store.positions([P]) == {P: 0}


async def test_a_redis_that_was_started_since_learns_the_scripts_again(kept: Kept) -> None:
    """Scripts are lost with the server."""
    if kept.redis is None:
        return
    await kept.store.begin({P: 0})
    for _ in range(2):
        await kept.redis.script_flush()
        await kept.store.apply([write(1)], [Move(P, 0, 1)])
        await kept.redis.script_flush()
        await kept.store.tell(3, Aim(1, {P: 1}))


def told(reference: str, version: int = 1, **more: Any) -> ViewWrite:
    """A write of its own key that the feed of r1 tells of."""
    return ViewWrite(f"k{reference}", "f", version, b"1", feed="r1", references=(reference,), **more)


async def test_what_has_counted_is_numbered_in_its_restaurants_feed(kept: Kept) -> None:
    """A reader that knows a number asks for what has changed since; what changes again has its last number."""
    if kept.redis is None:
        return
    await kept.store.apply([told("o:1"), told("o:2"), write(1)], [])
    await kept.store.apply([told("o:1"), ViewWrite("x", "f", 1, b"1", feed="r2", references=("menu",))], [])
    await kept.store.apply([told("o:1", 2), told("s:a")], [])
    feed = await kept.redis.zrange(await key(kept.redis, views.feed("r1")), 0, -1, withscores=True)
    assert feed == [(b"floor", 0), (b"o:2", 2), (b"o:1", 3), (b"s:a", 4)]
    sequences = await kept.redis.hgetall(await key(kept.redis, views.SEQUENCES))
    assert sequences == {b"r1": b"4", b"r2": b"1"}
    assert 0 < await kept.redis.ttl(await key(kept.redis, views.feed("r1"))) <= 900


async def test_a_feed_is_bounded_and_says_from_where_it_is_whole(kept: Kept) -> None:
    """Memory of Redis is bounded; a reader from before the floor must begin anew."""
    if kept.redis is None:
        return
    await kept.store.apply([told(f"o:{number}") for number in range(490)], [])
    await kept.store.apply([told("o:0", 2)] + [told(f"o:{number}") for number in range(490, 510)], [])
    feed = await kept.redis.zrange(await key(kept.redis, views.feed("r1")), 0, -1, withscores=True)
    assert len(feed) == 501 and feed[:2] == [(b"floor", 11), (b"o:11", 12)]
    assert dict(feed)[b"o:0"] == 491 and feed[-1] == (b"o:509", 511)


async def test_an_order_is_listed_on_the_board_until_it_says(kept: Kept) -> None:
    """By the newest version only; what is over leaves, at once or by itself, and an old board is no key any more."""
    if kept.redis is None:
        return
    now, board = int(time.time()), await key(kept.redis, views.board("r1"))
    for order, version, until in [
        ("1", 1, now + 100),
        ("2", 1, now + 900),
        ("1", 3, 0),
        ("1", 2, now + 100),
        ("3", 1, now - 1),
        ("4", 1, now + 50),
    ]:
        await kept.store.apply([told(f"o:{order}", version, listed=order, listed_until=until)], [])
    assert await kept.redis.zrange(board, 0, -1) == [b"4", b"2"]
    assert 850 < await kept.redis.ttl(board) <= 900


async def test_followers_are_woken_by_the_current_generation_only(kept: Kept) -> None:
    """A rebuild tells nobody anew what they know; what did not count wakes nobody."""
    if kept.redis is None:
        return
    async with kept.redis.pubsub(ignore_subscribe_messages=True) as messages:
        await messages.subscribe(views.WAKE)
        await messages.get_message(timeout=1)
        await RedisStore(kept.redis, "views-new").apply([told("o:1")], [])
        await kept.store.apply([told("o:1"), write(1)], [])
        await kept.store.apply([told("o:1")], [])
        heard = [await messages.get_message(timeout=0.2) for _ in range(3)]
    assert [json.loads(message["data"]) for message in heard if message] == [["r1"]]


async def test_numbers_begin_a_new_line_when_views_are_placed_again(kept: Kept) -> None:
    """Views that were set back give numbers a second time: a reader must not take them for the first."""
    if kept.redis is None:
        return
    lines = set()
    for _ in range(3):
        await kept.store.positions([])
        lines.add(await kept.redis.get(await key(kept.redis, views.LINE)))
    assert len(lines) == 3 and None not in lines
