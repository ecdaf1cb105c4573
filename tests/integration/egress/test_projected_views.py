"""Views in a real Redis equal the model of the laws."""

from redis.asyncio import Redis

from egress.projections.projection import project
from egress.projections.redis_store import RedisViewStore
from schemas import view_keys
from schemas.facts import CatalogChanged
from tests.integration.egress.conftest import read_all
from tests.support.egress.dict_store import DictStore
from tests.support.egress.stories import LIVES, PARTITION, Story


async def test_redis_equals_the_model(redis: Redis) -> None:
    """The laws above hold of the model. This ties it to Redis, with facts twice, and of topics in another order."""
    story = Story()
    for step in range(20):
        story.put_restaurant()
        story.put_item()
        story.put_promotion()
        story.order(step % 3 != 0, LIVES[step % len(LIVES)])
        for kind in ("item", "promotion", "restaurant")[: step % 4]:
            story.delete(kind)
    store, model = RedisViewStore(redis), DictStore()
    await store.positions([])
    catalogue = [fact for fact in story.facts if isinstance(fact, CatalogChanged)]
    others = [fact for fact in story.facts if not isinstance(fact, CatalogChanged)]
    for fact in catalogue + others[::-1] + story.facts:
        await store.apply(project(fact, PARTITION), [])
        await model.apply(project(fact, PARTITION), [])
    stored = await read_all(redis)
    stored.pop(view_keys.SEQUENCES, None)  # the model has no feeds
    assert stored == model.hashes
    batch = [write for fact in story.facts for write in project(fact, PARTITION)]
    await redis.flushdb()
    await store.positions([])
    await store.apply(batch, [])
    stored = await read_all(redis)
    stored.pop(view_keys.SEQUENCES, None)  # the model has no feeds
    assert stored == model.hashes


async def test_rebuilt_board_equals_grown_board(redis: Redis) -> None:
    """A rebuild reads one topic after the other, and must come to the same boards."""
    story = Story()
    for life in LIVES * 3:
        story.order(True, life)
        story.order(False)
    boards = []
    stories = {"views-grown": story.facts, "views-rebuilt": story.facts[::-1] + story.facts[::3]}
    for generation, facts in stories.items():
        store = RedisViewStore(redis, generation)
        for fact in facts:
            await store.apply(project(fact, PARTITION), [])
        boards.append(
            await redis.zrange(view_keys.inside(generation, view_keys.board("r1")), 0, -1, withscores=True)
        )
    assert boards[0] == boards[1] and len(boards[0]) == len(LIVES) * 3
