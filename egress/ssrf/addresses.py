"""Which addresses are of the public internet. Pure.

Of IPv6 only what is assigned as global unicast passes, so what embeds or maps an IPv4 address
(::ffff:0:0/96, 64:ff9b::/96), loopback, link-local, unique local and multicast need no naming; what
is special inside it does. The standard library's `is_global` differs between Python's releases.
"""

import ipaddress

#: IANA's special-purpose registry, multicast, what is reserved, and clouds' hosts in public space.
REFUSED_V4 = tuple(
    map(
        ipaddress.IPv4Network,
        (
            "0.0.0.0/8",  # this network, unspecified
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # carrier-grade NAT; also some clouds' metadata
            "127.0.0.0/8",  # loopback
            "168.63.129.16/32",  # a cloud's host agent
            "169.254.0.0/16",  # link-local, clouds' metadata
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocol assignments, clouds' metadata
            "192.0.2.0/24",  # documentation
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",  # private
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, broadcast
        ),
    )
)
GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
REFUSED_V6 = tuple(
    map(
        ipaddress.IPv6Network,
        (
            "2001::/23",  # protocol assignments; Teredo, which embeds IPv4
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4, which embeds IPv4
            "3fff::/20",  # documentation
        ),
    )
)


def is_public(address: str) -> bool:
    """Say whether this is an address of the public internet; what is no address, or has a zone, is not."""
    if "%" in address:
        return False
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv4Address):
        return not any(parsed in network for network in REFUSED_V4)
    return parsed in GLOBAL_V6 and not any(parsed in network for network in REFUSED_V6)
