"""The Redis client of egress."""

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

#: How long Redis may take to answer, in seconds.
TIMEOUT_SECONDS = 5.0

#: What the client raises when Redis does not answer as it should.
REDIS_ERRORS = (RedisError, OSError, TimeoutError)


def connect(url: str) -> Redis:
    """Return a client that connects when it is first used. It retries nothing: its users know what may be repeated."""
    return Redis.from_url(
        url,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
