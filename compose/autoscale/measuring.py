"""What the rule is fed with: lag and requests from /metrics, the calendar from the views in Redis."""

import re
import time

import msgspec
from redis import Redis, RedisError

from compose.supervisor import program
from schemas import views
from schemas.views import Window

_LAG = re.compile(r'^promo_consumer_lag\{(?=[^}]*group="promo-streams")[^}]*\} (\S+)$', re.MULTILINE)
_REQUESTS = re.compile(r"^promo_http_requests_total\{[^}]*\} (\S+)$", re.MULTILINE)
TIMEOUT_SECONDS = 2.0


class Meter:
    """Measures; the rate of requests is that since it last measured."""

    def __init__(self, metrics_url: str) -> None:
        """Take where ingress shows the metrics of all."""
        self._url = metrics_url
        self._before: tuple[float, float] | None = None  # when, and how many requests by then

    def load(self) -> dict[str, float] | None:
        """Return records of lag, and requests a second, by the role that is to see to them; None: not known."""
        body = program.get(self._url)
        if body is None:
            return None
        text, now = body.decode(), time.monotonic()
        requests = sum(map(float, _REQUESTS.findall(text)))
        before, self._before = self._before, (now, requests)
        if before is None:
            return None
        rate = max(0.0, requests - before[1]) / (now - before[0])
        return {"streams": sum(map(float, _LAG.findall(text))), "ingress": rate}


def calendar(redis_url: str) -> list[Window]:
    """Return the windows of all promotions; none where the views cannot be read."""
    redis = Redis.from_url(redis_url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS)
    try:
        generation = redis.get(views.CURRENT)
        if generation is None:
            return []
        held = redis.hvals(views.inside(generation.decode(), views.PROMOTIONS))
        return [msgspec.json.decode(views.unpack(value)[1], type=Window) for value in held]
    except RedisError:
        return []
    finally:
        redis.close()
