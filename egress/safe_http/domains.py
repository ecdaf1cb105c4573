"""The domain whose owner makes a host name. Pure."""

import ipaddress

#: A label before a country's is no owner's name if it is as short: com.br, co.uk, org.au.
MAX_CATEGORY_LENGTH = 3


def registered_domain(host: str) -> str | None:
    """Return the last labels of a host name that one owner is likely to have registered; None for an address or one label.

    It takes some public suffixes for domains, such as those of free subdomains. So a domain may stand for many owners,
    and is right only where sharing with the others costs little.
    """
    labels = host.lower().rstrip(".").split(".")
    if len(labels) < 2 or _is_address(host):
        return None
    is_category = len(labels[-1]) == 2 and len(labels[-2]) <= MAX_CATEGORY_LENGTH
    return ".".join(labels[-3:] if is_category else labels[-2:])


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
