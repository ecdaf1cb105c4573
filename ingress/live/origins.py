"""Which pages may open a feed: those of this host, and those that are listed. Pure."""

from urllib.parse import urlsplit


def is_allowed(origin: str | None, host: str, listed: str) -> bool:
    """Say whether a request of this Origin may be taken; no browser: no Origin, and it may.

    `listed` are further origins (`https://shop.example`), with commas between; `*` allows all.
    """
    if origin is None:
        return True
    allowed = {entry.strip().rstrip("/").lower() for entry in listed.split(",") if entry.strip()}
    if "*" in allowed or origin.lower() in allowed:
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower() != ""
