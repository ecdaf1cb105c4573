"""Whose request it is, by address, and how much one address may have open at a time.

Behind a gateway, the address is the last one of X-Forwarded-For that is not a trusted proxy's. An IPv6 customer has a
whole /64, so all its addresses count as one.
"""

import contextlib
import hmac
import ipaddress
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache

from ingress.http.problems import Problem, retry_after
from schemas import metrics
from schemas.settings import Settings

#: Longest text of an address: an IPv6 address that ends in an IPv4 address.
MAX_ADDRESS_LENGTH = 45
#: Addresses of X-Forwarded-For that are read, the nearest ones; no chain of proxies is as long.
MAX_HOPS = 32
#: The part of an IPv6 address that one customer has, in bits.
V6_CUSTOMER_BITS = 64
#: Bytes by which a restaurant's orders know a client.
DIGEST_BYTES = 12

_rejected_by_address = metrics.requests_rejected.labels("address_limit")


class AddressLimit:
    """Counts what each address has open, and rejects what exceeds the limit.

    Addresses in `PROMO_RATE_LIMIT_EXEMPT_NETWORKS` have no limit.
    """

    def __init__(self, settings: Settings, max_open: int) -> None:
        self._trusted_proxies = settings.trusted_proxies
        self._exempt_networks = settings.rate_limit_exempt_networks
        self._max_open = max_open
        self._open: Counter[str] = Counter()

    def acquire_connection(self, remote: str | None) -> str | None:
        """Count a connection and return the name for `release`; None if it is not limited. Raises Problem (429).

        A trusted proxy's connections carry the requests of many clients, so they have no limit.
        """
        if remote is None or is_in(remote, self._trusted_proxies):
            return None
        return self._acquire(remote)

    @contextlib.contextmanager
    def hold(self, remote: str | None, forwarded_for: Iterable[str]) -> Iterator[None]:
        """Count what a request keeps open, for the block; raises Problem (429) past the limit.

        Args:
            remote: The address of the connection.
            forwarded_for: The X-Forwarded-For headers, in their order.
        """
        name = self._acquire(client_address(remote, ",".join(forwarded_for), self._trusted_proxies))
        try:
            yield
        finally:
            self.release(name)

    def release(self, name: str | None) -> None:
        """Stop counting what was acquired."""
        if name is not None:
            self._open[name] -= 1
            if not self._open[name]:
                del self._open[name]

    def _acquire(self, address: str | None) -> str | None:
        if address is None or is_in(address, self._exempt_networks):
            return None
        name = customer_network(address)
        if self._open[name] >= self._max_open:
            _rejected_by_address.inc()
            raise Problem("too-many-requests", headers=retry_after())
        self._open[name] += 1
        return name


def client_address(remote: str | None, forwarded_for: str | None, trusted_proxies: str) -> str | None:
    """Return the address of a client: the last one, from the right, that is not a trusted proxy's.

    `forwarded_for` has all lines of X-Forwarded-For: some proxies add a line of their own behind the client's.
    """
    address = remote
    nearest = (forwarded_for or "").rsplit(",", MAX_HOPS)[-MAX_HOPS:]
    hops = [hop.strip() for hop in nearest if hop.strip()]
    while address is not None and hops and is_in(address, trusted_proxies):
        address = hops.pop()
    return address


def customer_network(address: str) -> str:
    """Return an IPv4 address as it is, and the network of an IPv6 customer; other text is one customer's, cut."""
    ip = _parse(address)
    if ip is None:
        return address[:MAX_ADDRESS_LENGTH]
    return str(ip if ip.version == 4 else ipaddress.ip_network((ip, V6_CUSTOMER_BITS), strict=False))


def client_digest(secret: str, restaurant_id: str, address: str) -> str:
    """Return the keyed digest of a client's network, which stands for it in the orders of one restaurant.

    Without the secret it cannot be traced back to the network, nor matched with the orders of another restaurant.
    """
    subject = f"client:{restaurant_id}:{customer_network(address)}"
    digest = hmac.digest(secret.encode(), subject.encode(errors="surrogateescape"), "sha256")
    return digest[:DIGEST_BYTES].hex()


def is_in(address: str, networks: str) -> bool:
    """Return True if an address is in one of these networks, which commas separate; False for other text."""
    ip = _parse(address)
    return ip is not None and any(ip in network for network in _parse_networks(networks))


def _parse(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    return (
        _parse_short(address) if len(address) <= MAX_ADDRESS_LENGTH else None
    )  # the cache holds no long text


@lru_cache(maxsize=4096)
def _parse_short(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address, which for an IPv4 address within IPv6 is that one; None for other text."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return None
    return (ip.ipv4_mapped or ip) if ip.version == 6 else ip


@lru_cache(maxsize=16)
def _parse_networks(networks: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    return [ipaddress.ip_network(one.strip()) for one in networks.split(",") if one.strip()]
