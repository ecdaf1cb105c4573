"""Rate limits by client: token buckets, reported as in draft-ietf-httpapi-ratelimit-headers-10.

An order counts against its address, and against its customer if a token proves one; names and tokens that prove
nothing count against no one. Addresses in `PROMO_RATE_LIMIT_EXEMPT_NETWORKS` (by default this machine) have no limit.
Each process counts by itself, so a client of N processes may get up to N times the limit.
"""

import hashlib
import math
import random
from collections import OrderedDict
from collections.abc import Mapping

from aiohttp import web
from msgspec import Struct

from ingress.http.client_addresses import client_address, customer_network, is_in
from ingress.http.problems import Problem, retry_after
from schemas import metrics, timestamps
from schemas.settings import Settings
from schemas.timestamps import MonotonicSeconds

POLICY = "orders"
#: PUTs of one restaurant's catalogue at once: a whole menu may be put again.
CATALOGUE_BURST = 1_000
#: Upper bound of the jitter of Retry-After, in seconds: clients that are rejected together do not return together.
MAX_JITTER_SECONDS = 1.0
#: Clients that are remembered; the least recently seen one is dropped first, and starts again with a full bucket.
MAX_CLIENTS = 50_000
#: Bytes by which a client is remembered: a digest, since clients choose their names and their lengths.
CLIENT_DIGEST_BYTES = 16

_rejected_by_rate_limit = metrics.requests_rejected.labels("rate_limit")


class BucketState(Struct, frozen=True):
    """A client's bucket after a request for a token."""

    is_granted: bool
    remaining: int  # whole tokens
    seconds_until_full: float
    seconds_until_next: float  # 0: there is a token now


class TokenBuckets:
    """One token bucket for each client. Pure: `now` is an argument."""

    def __init__(self, rate: float, burst: int, max_clients: int = MAX_CLIENTS) -> None:
        """Args:
        rate: tokens added per second.
        burst: capacity of a bucket.
        max_clients: clients that are remembered.
        """
        self.rate = rate
        self.burst = burst
        self._max_clients = max_clients
        self._buckets: OrderedDict[bytes, tuple[float, MonotonicSeconds]] = (
            OrderedDict()
        )  # tokens, as of when

    def __contains__(self, client: str) -> bool:
        return _key(client) in self._buckets

    def consume(self, client: str, now: MonotonicSeconds) -> BucketState:
        """Remove a token from a client's bucket, if it has one."""
        key = _key(client)
        tokens, updated_at = self._buckets.pop(key, (float(self.burst), now))
        tokens = min(float(self.burst), tokens + max(0.0, now - updated_at) * self.rate)
        is_granted = tokens >= 1.0
        if is_granted:
            tokens -= 1.0
        self._buckets[key] = (tokens, max(updated_at, now))
        if len(self._buckets) > self._max_clients:
            self._buckets.popitem(last=False)
        missing = max(0.0, 1.0 - tokens)
        return BucketState(is_granted, int(tokens), (self.burst - tokens) / self.rate, missing / self.rate)


def _key(client: str) -> bytes:
    return hashlib.blake2b(client.encode(errors="replace"), digest_size=CLIENT_DIGEST_BYTES).digest()


def _too_many(state: BucketState, headers: Mapping[str, str]) -> Problem:
    _rejected_by_rate_limit.inc()
    wait = math.ceil(state.seconds_until_next + random.uniform(0.0, MAX_JITTER_SECONDS))
    return Problem("too-many-requests", headers={**headers, "Retry-After": str(max(1, wait))})


class RateLimits:
    """Limits on new orders by address and customer, on new customers by address, on changes of a catalogue."""

    def __init__(self, settings: Settings) -> None:
        """Use the settings' rates, bursts, trusted proxies and exempt networks; a rate of 0 means no limit."""
        rate, burst = settings.client_orders_per_second, settings.client_burst
        self._buckets = TokenBuckets(rate, burst) if rate else None
        customers_rate = settings.address_customers_per_second
        self._customers = (
            TokenBuckets(customers_rate, settings.address_customers_burst) if customers_rate else None
        )
        changes = settings.catalogue_changes_per_minute
        self._catalogue_changes = TokenBuckets(changes / 60, CATALOGUE_BURST) if changes else None
        self._trusted_proxies = settings.trusted_proxies
        self._exempt_networks = settings.rate_limit_exempt_networks
        self._policy = f'"{POLICY}";q={burst};w={math.ceil(burst / rate)}' if rate else ""

    def consume(self, request: web.Request, customer_id: str | None) -> Mapping[str, str]:
        """Count a new order and return its response's rate-limit headers; raises Problem (429) past a limit.

        `customer_id` is a proved one. Its budget is not spent by what the address may not send.
        """
        address = self.address(request)
        if self._buckets is None or address is None:
            return {}
        now = timestamps.monotonic_clock()
        state = self._buckets.consume(f"address {customer_network(address)}", now)
        if state.is_granted and customer_id is not None:
            own = self._buckets.consume(f"customer {customer_id}", now)
            state = min(state, own, key=lambda one: (one.is_granted, one.remaining))
        headers = {
            "RateLimit-Policy": self._policy,
            "RateLimit": f'"{POLICY}";r={state.remaining};t={math.ceil(state.seconds_until_full)}',
        }
        if not state.is_granted:
            raise _too_many(state, headers)
        return headers

    def consume_new_customer(self, request: web.Request) -> None:
        """Count a customer's first token against its address; raises Problem (429) past the limit."""
        address = self.address(request)
        if self._customers is None or address is None:
            return
        state = self._customers.consume(customer_network(address), timestamps.monotonic_clock())
        if not state.is_granted:
            raise _too_many(state, {})

    def consume_catalogue_change(self, restaurant_id: str) -> None:
        """Count a PUT of a restaurant's profile, item or promotion; raises Problem (429) past the limit."""
        if self._catalogue_changes is None:
            return
        state = self._catalogue_changes.consume(restaurant_id, timestamps.monotonic_clock())
        if not state.is_granted:
            raise _too_many(state, {})

    def consume_for_address(self, request: web.Request) -> None:
        """Count a request against its address, whatever token it has; raises Problem (429) past the limit."""
        address = self.address(request)
        if self._buckets is None or address is None:
            return
        name = f"look-up {customer_network(address)}"
        if not self._buckets.consume(name, timestamps.monotonic_clock()).is_granted:
            _rejected_by_rate_limit.inc()
            raise Problem("too-many-requests", headers=retry_after())

    def limited_network(self, request: web.Request) -> str | None:
        """Return the network of the client's address; None for one without a limit."""
        address = self.address(request)
        return None if address is None else customer_network(address)

    def address(self, request: web.Request) -> str | None:
        """Return the client's address; None for one without a limit."""
        forwarded_for = ",".join(request.headers.getall("X-Forwarded-For", ()))
        address = client_address(request.remote, forwarded_for, self._trusted_proxies)
        return None if address is None or is_in(address, self._exempt_networks) else address
