"""What the address of somebody else's endpoint may look like; where it leads is checked at each connection."""

import ipaddress
from urllib.parse import urlsplit

#: Ports that endpoints may listen on; None: the scheme's own.
PORTS = frozenset({None, 443, 8443})


def fault(url: str, allow_private: bool = False) -> str | None:
    """Return what is wrong with the address of an endpoint, as a code (ingress/texts.py); None: nothing.

    `allow_private` is for tests and the demonstration: plain http, any port and any address then pass.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "web-address"
    if parts.scheme not in ("http", "https") or not parts.hostname or not url.isascii():
        return "web-address"
    if any(character.isspace() or character in "\\\x7f" or character < " " for character in url):
        return "web-address"
    if parts.username is not None or parts.password is not None or parts.fragment:
        return "web-address-secrets"
    if allow_private:
        return None
    if parts.scheme != "https":
        return "web-address-https"
    if port not in PORTS:
        return "web-address-port"
    return "web-address-name" if _is_no_name(parts.hostname) else None


def _is_no_name(host: str) -> bool:
    """Say whether a host is an address, in any notation that some resolver understands, or a name without a domain."""
    name = host.rstrip(".")
    last = name.rpartition(".")[2]
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        # a last label that is a number makes the whole an IPv4 address: 2130706433, 0x7f.1, 127.1
        return "." not in name or last.isdigit() or last[:2].lower() == "0x"
    return True
