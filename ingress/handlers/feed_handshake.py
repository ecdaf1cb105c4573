"""Before a feed begins: whether its page may open it, the client's token, and the sequence to resume from. Pure."""

from collections.abc import Iterable
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

#: The subprotocol of a feed; a client may offer its token as a second one.
PROTOCOL = "promo.feed.v1"
TOKEN_PREFIX = "bearer."
#: Offered subprotocols that are read; a client needs two.
MAX_OFFERED = 16


class AuthMessage(Struct, frozen=True, forbid_unknown_fields=True, tag="auth"):
    """The first message of a client that sent no token as a subprotocol."""

    token: str
    after: str | None = None


class ResumeMessage(Struct, frozen=True, forbid_unknown_fields=True, tag="resume"):
    """The first message of a client that sent its token as a subprotocol and resumes a feed."""

    after: str


_decoder: msgspec.json.Decoder[AuthMessage | ResumeMessage] = msgspec.json.Decoder(
    AuthMessage | ResumeMessage
)


def is_allowed_origin(origin: str | None, host: str, allowed_origins: str) -> bool:
    """Return True if a request with this Origin may open a feed; one without an Origin is no browser's, and may.

    Args:
        origin: The Origin header.
        host: The Host header.
        allowed_origins: Further origins (`https://shop.example`), comma-separated; `*` allows all.
    """
    if origin is None:
        return True
    allowed = {entry.strip().rstrip("/").lower() for entry in allowed_origins.split(",") if entry.strip()}
    if "*" in allowed or origin.lower() in allowed:
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower() != ""


def offered_token(protocols: Iterable[str]) -> str | None:
    """Return the token among the subprotocols that a client offers, else None."""
    for offered in ",".join(protocols).split(",", MAX_OFFERED)[:MAX_OFFERED]:
        if offered.strip().startswith(TOKEN_PREFIX):
            return offered.strip().removeprefix(TOKEN_PREFIX)
    return None


def decode(message: str | bytes) -> AuthMessage | ResumeMessage | None:
    """Return the first message; None if it is neither of the two."""
    try:
        return _decoder.decode(message)
    except (msgspec.DecodeError, UnicodeError):
        return None
