"""The first message of a feed's client, and the origins that may open a feed."""

import pytest

from ingress.handlers import feed_handshake
from ingress.handlers.feed_handshake import AuthMessage, ResumeMessage


@pytest.mark.parametrize(
    ("message", "decoded"),
    [
        ('{"type":"auth","token":"t"}', AuthMessage("t")),
        (b'{"type":"auth","token":"t","after":"a-1"}', AuthMessage("t", "a-1")),
        ('{"type":"resume","after":"a-1"}', ResumeMessage("a-1")),
    ],
)
def test_first_message_is_auth_or_resume(message: str | bytes, decoded: object) -> None:
    """Contract: the token as a subprotocol or in the first message."""
    assert feed_handshake.decode(message) == decoded


@pytest.mark.parametrize(
    "message",
    [
        '{"type":"auth"}',
        '{"type":"auth","token":1}',
        '{"type":"auth","token":"t","more":1}',
        '{"token":"t"}',
        "[]",
        "",
        b"\xff",
    ],
)
def test_any_other_first_message_is_invalid(message: str | bytes) -> None:
    """The connection is then closed."""
    assert feed_handshake.decode(message) is None


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ([], None),
        (["promo.feed.v1"], None),
        (["promo.feed.v1, bearer.abc-_"], "abc-_"),
        (["promo.feed.v1", " bearer.x "], "x"),
        (["bearer."], ""),
    ],
)
def test_token_comes_as_subprotocol(headers: list[str], token: str | None) -> None:
    """Contract: subprotocol or first message, never in the URL."""
    assert feed_handshake.offered_token(headers) == token


@pytest.mark.parametrize(
    ("origin", "host", "listed", "allowed"),
    [
        (None, "shop:8080", "", True),
        ("http://shop:8080", "shop:8080", "", True),
        ("https://SHOP:8080", "shop:8080", "", True),
        ("http://shop", "shop:8080", "", False),
        ("http://shop.evil:8080", "shop:8080", "", False),
        ("http://shop:8080@evil", "shop:8080", "", False),
        ("file://shop:8080", "shop:8080", "", False),
        ("null", "shop:8080", "", False),
        ("", "", "", False),
        ("http://[", "shop:8080", "", False),
        ("https://a.example", "shop", "https://b.example,https://a.example/", True),
        ("https://a.example", "shop", "https://a.example.org", False),
        ("https://a.example", "shop", "*", True),
    ],
)
def test_feed_rejects_unlisted_origins(origin: str | None, host: str, listed: str, allowed: bool) -> None:
    """Browsers always send an Origin; other clients need not."""
    assert feed_handshake.is_allowed_origin(origin, host, listed) is allowed
