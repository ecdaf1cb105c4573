"""Limits per client on new orders, told in the headers of draft-ietf-httpapi-ratelimit-headers-10.

A client is the customer that an order names; else who brings a bearer token; else the address that asks.
Who asks from this machine is not limited unless PROMO_UNLIMITED_NETWORKS is told so. Each process counts for
itself, so that a client of several processes may have as many times more.
"""

import hashlib
import ipaddress
import math
import random
import time
from collections.abc import Mapping
from functools import lru_cache

from aiohttp import web

from ingress.problems import Problem
from ingress.token_buckets import TokenBuckets, Verdict
from schemas import metrics
from schemas.settings import Settings

POLICY = "orders"
#: Added to Retry-After, in seconds, at most: who was sent away together does not come back together.
JITTER = 1.0

Headers = Mapping[str, str]
_client = metrics.turned_away.labels("client")


class RateLimits:
    """The buckets of those who order."""

    def __init__(self, settings: Settings) -> None:
        """Take rate, burst and trusted proxies; a rate of 0: no limit."""
        rate, burst = settings.client_orders_per_second, settings.client_burst
        self._buckets = TokenBuckets(rate, burst) if rate else None
        self._proxies = settings.trusted_proxies
        self._unlimited = settings.unlimited_networks
        self._policy = f'"{POLICY}";q={burst};w={math.ceil(burst / rate)}' if rate else ""

    def take(self, request: web.Request, customer_id: str | None) -> Headers:
        """Return the headers that tell a client what it has left; raises Problem."""
        client = self._client(request, customer_id)
        if self._buckets is None or client is None:
            return {}
        verdict = self._buckets.take(client, time.monotonic())
        headers = self._headers(verdict)
        if not verdict.granted:
            _client.inc()
            wait = math.ceil(verdict.next_in + random.uniform(0.0, JITTER))
            raise Problem("too-many-requests", headers=headers | {"Retry-After": str(max(1, wait))})
        return headers

    def _headers(self, verdict: Verdict) -> dict[str, str]:
        return {
            "RateLimit-Policy": self._policy,
            "RateLimit": f'"{POLICY}";r={verdict.left};t={math.ceil(verdict.full_in)}',
        }

    def _client(self, request: web.Request, customer_id: str | None) -> str | None:
        """Return who asks; None where that does not count."""
        address = client_address(request.remote, request.headers.get("X-Forwarded-For"), self._proxies)
        if address is None or _is_in(address, self._unlimited):
            return None
        if customer_id is not None:
            return f"customer {customer_id}"
        if authorization := request.headers.get("Authorization"):
            return (
                "bearer "
                + hashlib.blake2b(authorization.encode(errors="replace"), digest_size=12).hexdigest()
            )
        return f"address {address}"


def client_address(remote: str | None, forwarded_for: str | None, proxies: str) -> str | None:
    """Return the address of a client: the last one that no trusted proxy has, as told by trusted ones."""
    address = remote
    told = [part.strip() for part in (forwarded_for or "").split(",") if part.strip()]
    while address is not None and told and _is_in(address, proxies):
        address = told.pop()
    return address


@lru_cache(maxsize=4096)
def _is_in(address: str, networks: str) -> bool:
    try:
        asked = ipaddress.ip_address(address)
        return any(asked in ipaddress.ip_network(n.strip()) for n in networks.split(",") if n.strip())
    except ValueError:
        return False
