"""Tokens."""

import hmac

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from ingress.problems import Problem
from ingress.tokens import Tokens, bearer

tokens = Tokens("secret", "adm")


def test_a_token_opens_only_what_it_was_made_for() -> None:
    """An order's token opens neither another order nor a restaurant, and the other way round."""
    assert tokens.is_order(tokens.order("o1"), "o1")
    assert not tokens.is_order(tokens.order("o1"), "o2")
    assert tokens.is_restaurant(tokens.restaurant("r1"), "r1")
    assert not tokens.is_restaurant(tokens.order("r1"), "r1")
    assert not tokens.is_order(tokens.restaurant("o1"), "o1")


def test_another_secret_makes_other_tokens() -> None:
    """Who does not know the secret cannot make a token."""
    assert not Tokens("other", "adm").is_order(tokens.order("o1"), "o1")


def test_every_process_makes_the_same_token() -> None:
    """A client may come to any ingress process with the token that another one gave."""
    assert Tokens("secret", "adm").order("o1") == tokens.order("o1")


def test_nobody_is_the_administrator_where_no_token_is_set() -> None:
    """An empty setting must not be a password that everybody knows."""
    assert tokens.is_admin("adm") and not tokens.is_admin("admx")
    assert not Tokens("secret", "").is_admin("")


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic abc", "abc", "Bearer a b"])
def test_a_missing_or_malformed_token_is_401(header: str) -> None:
    """RFC 6750: the answer says how to authenticate."""
    with pytest.raises(Problem, match="unauthorized") as problem:
        bearer(CIMultiDictProxy(CIMultiDict({"Authorization": header} if header else {})))
    assert problem.value.headers == {"WWW-Authenticate": "Bearer"}


def test_a_token_that_is_no_ascii_is_wrong_and_no_error() -> None:
    """Headers come from outside: bytes that are no UTF-8 arrive as lone surrogates."""
    token = bearer(CIMultiDictProxy(CIMultiDict({"Authorization": "bearer \udcff"})))
    assert not tokens.is_admin(token) and not tokens.is_order(token, "o\udcff")


def test_the_previous_secret_opens_and_the_current_one_makes() -> None:
    """PROMO_TOKEN_SECRET is rotated by writing the new one before the old, and later taking the old one away."""
    old, both, new = Tokens("old", ""), Tokens("new, old", ""), Tokens("new", "")
    assert both.order("o1") == new.order("o1") != old.order("o1")
    assert both.is_order(old.order("o1"), "o1") and both.is_restaurant(old.restaurant("r1"), "r1")
    assert both.is_order(new.order("o1"), "o1")
    assert not new.is_order(old.order("o1"), "o1") and not old.is_order(new.order("o1"), "o1")


def test_the_administrators_token_is_rotated_likewise() -> None:
    """PROMO_ADMIN_TOKEN takes both while it is rotated."""
    both = Tokens("secret", "new,old")
    assert both.is_admin("new") and both.is_admin("old") and not both.is_admin("new,old")


def test_tokens_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every candidate by hmac.compare_digest, hashes of one length, and all of them whichever is right."""
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
