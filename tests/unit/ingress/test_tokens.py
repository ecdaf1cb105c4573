"""Tokens."""

import hmac

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from ingress.http.problems import Problem
from ingress.http.tokens import Tokens, bearer

tokens = Tokens("secret", "adm")


def test_token_opens_only_its_subject() -> None:
    """An order's token opens neither another order nor a restaurant, and the other way round."""
    assert tokens.is_order(tokens.order("o1"), "o1")
    assert not tokens.is_order(tokens.order("o1"), "o2")
    assert tokens.is_restaurant(tokens.restaurant("r1"), "r1")
    assert not tokens.is_restaurant(tokens.order("r1"), "r1")
    assert not tokens.is_order(tokens.restaurant("o1"), "o1")


def test_another_secret_makes_other_tokens() -> None:
    """Without the secret no token can be made."""
    assert not Tokens("other", "adm").is_order(tokens.order("o1"), "o1")


def test_every_process_makes_the_same_token() -> None:
    """A client may use the token of one ingress process at any other."""
    assert Tokens("secret", "adm").order("o1") == tokens.order("o1")


def test_empty_setting_is_no_admin_token() -> None:
    """An empty setting must not be a password."""
    assert tokens.is_admin("adm") and not tokens.is_admin("admx")
    assert not Tokens("secret", "").is_admin("")


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic abc", "abc", "Bearer a b"])
def test_malformed_token_is_401(header: str) -> None:
    """RFC 6750: the response says how to authenticate."""
    with pytest.raises(Problem, match="unauthorized") as problem:
        bearer(CIMultiDictProxy(CIMultiDict({"Authorization": header} if header else {})))
    assert problem.value.headers == {"WWW-Authenticate": "Bearer"}


def test_non_ascii_token_is_wrong() -> None:
    """Bytes that are not UTF-8 arrive as lone surrogates."""
    token = bearer(CIMultiDictProxy(CIMultiDict({"Authorization": "bearer \udcff"})))
    assert not tokens.is_admin(token) and not tokens.is_order(token, "o\udcff")


def test_secret_rotation() -> None:
    """PROMO_TOKEN_SECRET holds the new secret before the old one until the old one is removed."""
    old, both, new = Tokens("old", ""), Tokens("new, old", ""), Tokens("new", "")
    assert both.order("o1") == new.order("o1") != old.order("o1")
    assert both.is_order(old.order("o1"), "o1") and both.is_restaurant(old.restaurant("r1"), "r1")
    assert both.is_order(new.order("o1"), "o1")
    assert not new.is_order(old.order("o1"), "o1") and not old.is_order(new.order("o1"), "o1")


def test_admin_token_rotation() -> None:
    """PROMO_ADMIN_TOKEN accepts both while it is rotated."""
    both = Tokens("secret", "new,old")
    assert both.is_admin("new") and both.is_admin("old") and not both.is_admin("new,old")


def test_tokens_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every candidate by hmac.compare_digest, hashes of one length, and all of them whichever matches."""
    compared: list[tuple[int, int]] = []
    same = hmac.compare_digest

    def watched(left: bytes, right: bytes) -> bool:
        compared.append((len(left), len(right)))
        return same(left, right)

    monkeypatch.setattr(hmac, "compare_digest", watched)
    both = Tokens("new,old", "a,b")
    for token in ("", "x", "x" * 9999, both.order("o1"), Tokens("old", "").order("o1")):
        compared.clear()
        both.is_order(token, "o1")
        both.is_admin(token)
        assert compared == [(32, 32)] * 4
