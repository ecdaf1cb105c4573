"""Types of settings: what a value must look like, as a check and in words."""

import ipaddress
import json
import re
from collections.abc import Callable
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

from msgspec import Meta


class TextFormat(NamedTuple):
    """What a text must look like; `expected` completes the sentence "expected ..."."""

    expected: str
    matches: Callable[[str], object]  # a false result or a ValueError: the text does not match
    is_secret: bool = False  # then a fault does not quote the text


def _pattern(pattern: str) -> Callable[[str], object]:
    return re.compile(pattern).fullmatch


def _each(matches: Callable[[str], object]) -> Callable[[str], bool]:
    return lambda text: all(matches(part.strip()) for part in text.split(",") if part.strip())


def _url(*schemes: str) -> Callable[[str], bool]:
    def matches(text: str) -> bool:
        parts = urlsplit(text)
        address = parts.path if parts.scheme == "unix" else parts.hostname
        return parts.scheme in schemes and bool(address) and parts.port != 0

    return matches


def _is_server(text: str) -> bool:
    parts = urlsplit(f"//{text}")
    return bool(parts.hostname) and bool(parts.port) and re.search(r"[\s/@?#]", text) is None


def is_token(text: str) -> bool:
    """Return True if a text can be a bearer token: printable ASCII without spaces."""
    return re.fullmatch(r"[!-~]+", text) is not None


def split_secrets(text: str) -> list[str]:
    """Return the comma-separated secrets of a setting, the current one first."""
    return [secret for part in text.split(",") if (secret := part.strip())]


Positive = Annotated[int, Meta(ge=1)]
MAX_PARTITIONS = 1_000
Partitions = Annotated[int, Meta(ge=1, le=MAX_PARTITIONS)]
NonNegative = Annotated[int, Meta(ge=0)]
NonNegativeNumber = Annotated[float, Meta(ge=0)]
Seconds = Annotated[float, Meta(gt=0)]

Port = Annotated[int, Meta(ge=1, le=65_535)]
OptionalPort = Annotated[int, Meta(ge=0, le=65_535)]
KafkaPort = Annotated[int, Meta(ge=1, le=65_534)]  # its controller listens on the next one

Host = Annotated[str, TextFormat("a host name or an IP address", _pattern(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+"))]
Servers = Annotated[str, TextFormat("host:port, or several separated by commas", _each(_is_server))]
Networks = Annotated[
    str,
    TextFormat("CIDR networks separated by commas, such as 10.0.0.0/8,::1/128", _each(ipaddress.ip_network)),
]
Origins = Annotated[
    str,
    TextFormat(
        "origins separated by commas, such as https://shop.example, or *",
        _each(_pattern(r"\*|[a-z][a-z0-9+.-]*://[^/\s]+/?")),
    ),
]

HttpUrl = Annotated[str, TextFormat("an http:// or https:// URL", _url("http", "https"), is_secret=True)]
RedisUrl = Annotated[
    str, TextFormat("a redis://host:port/db URL", _url("redis", "rediss", "unix"), is_secret=True)
]
ContactUrl = Annotated[str, TextFormat("a mailto: or https: URL", _pattern(r"(mailto:[^@\s]+@|https://)\S+"))]

Secrets = Annotated[
    str,
    TextFormat(
        "one secret, or several separated by commas", lambda text: any(split_secrets(text)), is_secret=True
    ),
]
BearerToken = Annotated[
    str, TextFormat("one token of printable characters without spaces", is_token, is_secret=True)
]
FilePath = Annotated[str, TextFormat("the absolute path of a file", lambda text: text.startswith("/"))]
JsonObject = Annotated[str, TextFormat("a JSON object", lambda text: isinstance(json.loads(text), dict))]
JsonList = Annotated[str, TextFormat("a JSON list", lambda text: isinstance(json.loads(text), list))]
Folder = Annotated[str, TextFormat("the path of a folder", len)]
ProcessName = Annotated[str, TextFormat("letters, digits, '.', '_' and '-'", _pattern(r"[A-Za-z0-9._-]+"))]
FailpointSpec = Annotated[str, TextFormat("point or point:count", _pattern(r"[a-z-]+(:[1-9]\d*)?"))]
VapidKey = Annotated[
    str, TextFormat("32 bytes in base64url", _pattern(r"[A-Za-z0-9_-]{43}=?"), is_secret=True)
]
