"""Which URLs a webhook or push endpoint may have; the address behind the name is checked at each connection."""

import ipaddress
import re
from urllib.parse import urlsplit

#: None: the URL names no port.
ALLOWED_PORTS = frozenset({None, 443, 8443})

_SCHEME_AND_AUTHORITY = re.compile(r"[^/?#]*//[^/?#]*")
#: What a name server can be asked for (RFC 1035, section 2.3.4), with the underscores that some names have.
_NAME = re.compile(r"(?=.{1,253}\.?\Z)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?", re.IGNORECASE)


def normalize(url: str) -> str:
    """Return a URL with its scheme and host in lower case, as RFC 3986 compares them (section 6.2.2.1)."""
    return _SCHEME_AND_AUTHORITY.sub(lambda found: found[0].lower(), url, count=1)


def find_fault(url: str, allow_private: bool = False) -> str | None:
    """Return the code of what is wrong with an endpoint's URL (ingress/http/field_errors.json), or None.

    `allow_private` admits http, any port and any address, for tests and the demonstration.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "web-address"
    if parts.scheme not in ("http", "https") or not parts.hostname or not url.isascii():
        return "web-address"
    if not _is_host(parts.hostname, is_bracketed="[" in parts.netloc):
        return "web-address"
    if any(character.isspace() or character in "\\\x7f" or character < " " for character in url):
        return "web-address"
    if parts.username is not None or parts.password is not None or parts.fragment:
        return "web-address-secrets"
    if allow_private:
        return None
    if parts.scheme != "https":
        return "web-address-https"
    if port not in ALLOWED_PORTS:
        return "web-address-port"
    return "web-address-name" if _has_no_domain(parts.hostname) else None


def _is_host(host: str, is_bracketed: bool) -> bool:
    """Return True for a name or an address that can be reached; in brackets only an IPv6 address can, without a zone."""
    if not is_bracketed:
        return _NAME.fullmatch(host) is not None
    try:
        return ipaddress.IPv6Address(host).scope_id is None
    except ValueError:
        return False


def _has_no_domain(host: str) -> bool:
    """Return True if a host is an IP address, in any notation that a resolver accepts, or a name without a domain."""
    name = host.rstrip(".")
    last = name.rpartition(".")[2]
    try:
        ipaddress.ip_address(host)
    except ValueError:
        # a last label that is a number makes the whole an IPv4 address: 2130706433, 0x7f.1, 127.1
        return "." not in name or last.isdigit() or last[:2].lower() == "0x"
    return True
