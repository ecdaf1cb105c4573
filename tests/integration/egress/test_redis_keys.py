"""What is in Redis after everything that writes to it: known keys, of which those expire that must."""

from fnmatch import fnmatchcase

from egress.kafka.records import OffsetRange, Partition
from egress.notifications.delivery_state import DeliveryState, RedisDeliveryStateStore
from egress.notifications.webhooks.attempt_log import Attempt, RedisAttemptLog
from egress.projections import generations
from egress.projections.projection import project
from egress.projections.watermarks import PendingWatermark
from ingress.customers.codes import SentCode
from ingress.customers.redis_codes import RedisCodes
from ingress.views.answers import AnsweredOrder, Refusal
from ingress.views.redis_answers import RedisAnswers
from schemas.redis_keys import REDIS_KEYS
from schemas.settings import Settings
from tests.integration.egress.conftest import RedisCase
from tests.support.egress.stories import PARTITION, Story

P = Partition("order.confirmed", 3)


async def test_every_key_is_known_and_expires_as_it_says(redis_case: RedisCase) -> None:
    """A new kind of key needs a row in the registry; and the test writes one key of each row."""
    redis, store = redis_case.redis, redis_case.store
    story = Story()
    for put in (story.put_restaurant, story.put_item, story.put_promotion):
        put()
    story.order(True)
    story.order(False)
    story.delete("promotion")
    story.put_promotion()
    await store.begin({P: 0})
    await store.positions([P])
    writes = [write for fact in story.facts for write in project(fact, PARTITION)]
    await store.apply(writes, [OffsetRange(P, 0, 9)])
    await store.publish_watermark(3, PendingWatermark(1000, {P: 5}))
    await generations.close(redis, await generations.current(redis))
    await RedisDeliveryStateStore(redis).save("d", DeliveryState(), 60)
    attempts = RedisAttemptLog(redis)
    await attempts.record("r1", Attempt(1.0, "m", "order.confirmed", "o1", 1, "failed"))
    await attempts.disable("r1", "https://a.example/")
    for answered in (
        AnsweredOrder(story.orders["o1"]),
        Refusal("o9", "r1", "unknown_item", "2026-01-01T12:00:00Z"),
    ):
        await RedisAnswers(redis).record(answered)
    await RedisCodes(redis, Settings()).add(SentCode("v", "phone", "address", "code", "c_1"))
    written = set()
    for key in map(bytes.decode, await redis.keys()):
        (row,) = [row for row in REDIS_KEYS if fnmatchcase(key, row.pattern)]
        assert (await redis.ttl(key) > 0) is row.expires, key
        written.add(row.pattern)
    assert written == {row.pattern for row in REDIS_KEYS}
