"""What a feed's client says first: its token, and the sequence that it has seen. Pure."""

from collections.abc import Iterable
from typing import Literal

import msgspec
from msgspec import Struct

#: The subprotocol of a feed; beside it a client may name its token as another.
PROTOCOL = "promo.feed.v1"
TOKEN_PREFIX = "bearer."


class Auth(Struct, frozen=True, forbid_unknown_fields=True, tag="auth"):
    """The first message where no subprotocol names the token."""

    token: str
    after: str | None = None


class Resume(Struct, frozen=True, forbid_unknown_fields=True, tag="resume"):
    """The first message of who has named the token already, and has seen something."""

    after: str


_decoder: msgspec.json.Decoder[Auth | Resume] = msgspec.json.Decoder(Auth | Resume)

Said = Auth | Resume | Literal["nonsense"]


def offered_token(protocols: Iterable[str]) -> str | None:
    """Return the token among the subprotocols that a client offers."""
    for offered in ",".join(protocols).split(","):
        if offered.strip().startswith(TOKEN_PREFIX):
            return offered.strip().removeprefix(TOKEN_PREFIX)
    return None


def read(message: str | bytes) -> Said:
    """Return what a first message says."""
    try:
        return _decoder.decode(message)
    except (msgspec.DecodeError, UnicodeError):
        return "nonsense"
