"""Public and non-public IP addresses. Pure.

An IPv6 address is public only inside the global unicast block 2000::/3. That excludes loopback, link-local,
unique local, multicast and the blocks that map or embed IPv4 (::ffff:0:0/96, 64:ff9b::/96) without a list.
Special networks inside 2000::/3 are listed. `ipaddress.is_global` is not used: its answer differs between
Python releases.
"""

import ipaddress

GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
#: IANA's special-purpose registry, multicast, reserved blocks, and cloud hosts in public address space.
NON_PUBLIC = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",  # this network, unspecified
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT; some cloud metadata
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # host agent of a cloud
        "169.254.0.0/16",  # link-local, cloud metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments, cloud metadata
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
        "2001::/23",  # protocol assignments; Teredo, which embeds IPv4
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which embeds IPv4
        "3fff::/20",  # documentation
    )
)


def is_public(address: str) -> bool:
    """Return True if the text is a public IP address; False for an invalid one and for one with a zone."""
    if "%" in address:
        return False
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    is_global = parsed.version == 4 or parsed in GLOBAL_V6
    return is_global and not any(parsed in network for network in NON_PUBLIC)
