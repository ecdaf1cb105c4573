"""Ways to open a restaurant's feed, or to behave on it, that end it: what is sent, and with which code it is closed."""

import json
from collections.abc import Mapping, Sequence

from msgspec import Struct

from tests.support.ingress.bad.inputs import ORDER_ID, TOKENS

UNAUTHORIZED, FORBIDDEN, READ_ONLY, TOO_BIG, BAD_TEXT = 4401, 4403, 1008, 1009, 1007
TOKEN = TOKENS.restaurant("r1")
FEED = ("promo.feed.v1", f"bearer.{TOKEN}")


class Abuse(Struct, frozen=True):
    """What a client does, and the code of its end."""

    name: str
    code: int
    protocols: Sequence[str] = ("promo.feed.v1",)
    headers: Mapping[str, str] = {}
    messages: Sequence[str | bytes] = ()
    path: str = "/v1/restaurants/r1/feed"


def _auth(**fields: object) -> str:
    return json.dumps({"type": "auth", **fields})


_OTHER_TOKENS = {
    "the administrator's": "adm",
    "another restaurant's": TOKENS.restaurant("r2"),
    "an order's": TOKENS.order(ORDER_ID),
}
_INVALID_TOKENS = {
    "half of it": TOKEN[:20],
    "its own and more": TOKEN + "x",
    "a word": "undefined",
}
_NO_AUTH: dict[str, str | bytes] = {
    "nothing": "",
    "no JSON": "hello",
    "a list": "[]",
    "null": "null",
    "another type": '{"type":"subscribe"}',
    "no type": json.dumps({"token": TOKEN}),
    "no token": '{"type":"auth"}',
    "a token that is null": _auth(token=None),
    "a token that is a number": _auth(token=1),
    "an unknown field": _auth(token=TOKEN, admin=True),
    "a sequence that is a number": _auth(token=TOKEN, after=17),
    "a resumption without a token": '{"type":"resume","after":"views-1.1-1"}',
    "two objects": _auth(token=TOKEN) * 2,
    "brackets": "[" * 4_000,
    "binary nonsense": b"\x00\xff\xfe",
    "half a surrogate": '{"type":"auth","token":"\\ud800"}',
}
_ORIGINS = (
    "https://evil.example",
    "http://127.0.0.1.evil.example",
    "null",
    "file://",
    "http://localhost:1",
    "http://[::1",
    "javascript:alert(1)",
)
_RESUMES = (
    "resume",
    "x",
    "[]",
    "null",
    '{"type":"resume"}',
    '{"type":"resume","after":1}',
    _auth(token=TOKEN),
)
_CHATTER: dict[str, str | bytes] = {
    "a text": "hello",
    "a command": '{"type":"change","order":{}}',
    "bytes": b"\x00",
    "another auth": _auth(token=TOKEN),
}

TABLE = [
    *(
        abuse
        for code, tokens in ((FORBIDDEN, _OTHER_TOKENS), (UNAUTHORIZED, _INVALID_TOKENS))
        for name, t in tokens.items()
        for abuse in (
            Abuse(f"token: {name}", code, ("promo.feed.v1", f"bearer.{t}")),
            Abuse(f"auth: {name}", code, messages=[_auth(token=t)]),
        )
    ),
    *(Abuse(f"first: {name}", UNAUTHORIZED, messages=[message]) for name, message in _NO_AUTH.items()),
    *(Abuse(f"origin: {origin}", FORBIDDEN, FEED, {"Origin": origin}) for origin in _ORIGINS),
    *(Abuse(f"resume: {said}", READ_ONLY, FEED, messages=[said]) for said in _RESUMES),
    *(
        Abuse(f"after auth: {name}", READ_ONLY, messages=[_auth(token=TOKEN), message])
        for name, message in _CHATTER.items()
    ),
    Abuse("a message too long", TOO_BIG, messages=["x" * 5_000]),
    Abuse(
        "a token in the address", UNAUTHORIZED, messages=["{}"], path=f"/v1/restaurants/r1/feed?token={TOKEN}"
    ),
    Abuse("another restaurant", FORBIDDEN, FEED, path="/v1/restaurants/r2/feed"),
]
#: Requests that are no WebSocket: 426.
NO_WEBSOCKETS: list[dict[str, str]] = [
    {},
    {"Upgrade": "websocket"},
    {"Upgrade": "h2c", "Connection": "Upgrade"},
    {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "8", "Sec-WebSocket-Key": "x"},
]
