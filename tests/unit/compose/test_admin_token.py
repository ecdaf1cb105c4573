"""Fingerprints of the administrator's token."""

import pytest

from compose.supervisor import admin_token


def test_own_token_is_accepted() -> None:
    """Also one of several, and spaces around the commas do not count."""
    known = admin_token.fingerprints("current, previous")
    assert admin_token.are_accepted("current", known)
    assert admin_token.are_accepted("previous,current", known)


@pytest.mark.parametrize("token", ["other", "current,other", "curren"])
def test_other_token_is_not_accepted(token: str) -> None:
    """One wrong token among several is enough."""
    assert not admin_token.are_accepted(token, admin_token.fingerprints("current,previous"))


def test_no_token_is_accepted() -> None:
    """A command without PROMO_ADMIN_TOKEN has nothing to compare."""
    assert admin_token.are_accepted("", admin_token.fingerprints("current"))


def test_fingerprint_shows_nothing_of_the_token() -> None:
    """It is salted: the same token has another fingerprint each time."""
    [first], [second] = admin_token.fingerprints("let-me-in"), admin_token.fingerprints("let-me-in")
    assert first != second
    assert "let-me-in" not in first + second
