"""The Redis clients of egress: each part has its own, so that none waits for the connections of another."""

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

#: How long Redis may take to answer, in seconds.
TIMEOUT_SECONDS = 5.0
#: Connections of a client. A command waits for one: thousands of deliveries may end at the same time.
MAX_CONNECTIONS = 32

#: What the client raises when Redis does not answer as it should.
REDIS_ERRORS = (RedisError, OSError, TimeoutError)


async def used_share(redis: Redis) -> float | None:
    """Return the share of Redis' memory that is in use; None if it does not answer."""
    try:
        memory = await redis.info("memory")
    except REDIS_ERRORS:
        return None
    used, limit = memory.get("used_memory"), memory.get("maxmemory") or memory.get("total_system_memory")
    return used / limit if used and limit else None


def connect(url: str) -> Redis:
    """Return a client that connects when it is first used. It retries nothing: its users know what may be repeated."""
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=MAX_CONNECTIONS,
        timeout=TIMEOUT_SECONDS,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    return Redis.from_pool(pool)
