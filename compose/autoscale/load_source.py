"""The input of the rule: lag and request rate from /metrics, promotions from the views in Redis."""

import re
import time

import msgspec
from redis import Redis, RedisError

from compose.supervisor import services
from schemas import view_keys
from schemas.consumer_groups import DECISIONS
from schemas.view_keys import Window

_LAG = re.compile(rf'^promo_consumer_lag\{{(?=[^}}]*group="{DECISIONS.name}")[^}}]*\}} (\S+)$', re.MULTILINE)
_REQUESTS = re.compile(r"^promo_http_requests_total\{[^}]*\} (\S+)$", re.MULTILINE)
REDIS_TIMEOUT_SECONDS = 2.0


class LoadSource:
    """Measures the load; request rates are averages since the previous measurement.

    Args:
        metrics_url: where ingress shows the metrics of all processes.
    """

    def __init__(self, metrics_url: str) -> None:
        self._url = metrics_url
        self._previous: tuple[float, float] | None = None  # monotonic seconds, requests until then

    def measure(self) -> dict[str, float] | None:
        """Return records of lag for `streams` and requests per second for `ingress`; None if unknown."""
        body = services.fetch(self._url)
        if body is None:
            return None
        text, now = body.decode(), time.monotonic()
        requests = sum(map(float, _REQUESTS.findall(text)))
        previous, self._previous = self._previous, (now, requests)
        if previous is None:
            return None
        rate = max(0.0, requests - previous[1]) / (now - previous[0])
        return {"streams": sum(map(float, _LAG.findall(text))), "ingress": rate}


def promotion_windows(redis_url: str) -> list[Window]:
    """Return the windows of all promotions; none if the views cannot be read."""
    redis = Redis.from_url(
        redis_url, socket_timeout=REDIS_TIMEOUT_SECONDS, socket_connect_timeout=REDIS_TIMEOUT_SECONDS
    )
    try:
        generation = redis.get(view_keys.CURRENT)
        if generation is None:
            return []
        values = redis.hvals(view_keys.inside(generation.decode(), view_keys.PROMOTIONS))
        return [msgspec.json.decode(view_keys.unpack(value)[1], type=Window) for value in values]
    except RedisError:
        return []
    finally:
        redis.close()
