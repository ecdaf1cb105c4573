"""What a feed's client may say first, and from which pages."""

import pytest

from ingress.live import first_word, origins
from ingress.live.first_word import Auth, Resume


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ('{"type":"auth","token":"t"}', Auth("t")),
        (b'{"type":"auth","token":"t","after":"a-1"}', Auth("t", "a-1")),
        ('{"type":"resume","after":"a-1"}', Resume("a-1")),
        ('{"type":"auth"}', "nonsense"),
        ('{"type":"auth","token":1}', "nonsense"),
        ('{"type":"auth","token":"t","more":1}', "nonsense"),
        ('{"token":"t"}', "nonsense"),
        ("[]", "nonsense"),
        ("", "nonsense"),
        (b"\xff", "nonsense"),
    ],
)
def test_a_first_message_says_one_of_two_things(message: str | bytes, said: object) -> None:
    """Anything else is nonsense, and is told so."""
    assert first_word.read(message) == said


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
def test_a_token_may_be_offered_as_a_subprotocol(headers: list[str], token: str | None) -> None:
    """Contract: subprotocol or first message, never in the URL."""
    assert first_word.offered_token(headers) == token


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
def test_a_page_of_another_host_opens_no_feed_unless_listed(
    origin: str | None, host: str, listed: str, allowed: bool
) -> None:
    """Browsers always say which page asks; others need not."""
    assert origins.is_allowed(origin, host, listed) is allowed
