"""Tokens."""

import base64
import contextlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from ingress.http.issued_tokens import IssuedToken, IssuedTokens
from ingress.http.problem_catalogue import TOKEN_ERRORS
from ingress.http.problems import Problem
from ingress.http.signed_tokens import Signer
from ingress.http.token_claims import AdminClaims, CustomerClaims, OrderClaims, RestaurantClaims
from ingress.http.tokens import ORDER_SECONDS, Tokens, bearer
from schemas import timestamps
from schemas.timestamps import EpochSeconds

NOW = 1_800_000_000
CREATED = timestamps.to_text(NOW * 1000)
ISSUED = IssuedTokens()
ISSUED.load(b"admin/maria/a1", b'{"kind":"admin","owner":"maria","token_id":"a1"}')


def tokens_at(now: int = NOW, secrets: str = "secret") -> Tokens:
    """Return tokens whose clock shows this time."""
    return Tokens(secrets, "adm", ISSUED, lambda: EpochSeconds(now))


tokens = tokens_at()
#: The key that tokens of "secret" are signed with.
KEY = Signer([b"secret"])._current
GOOD = tokens.order("o1", "holder", CREATED)


def reason_of(token: str, read: Tokens = tokens, **subjects: str) -> str:
    """Return why a token is not valid."""
    with pytest.raises(Problem, match="unauthorized") as problem:
        read.read(token, **subjects)
    head, _, reason = problem.value.headers["WWW-Authenticate"].partition('error_description="')
    assert head == 'Bearer error="invalid_token", '
    assert problem.value.detail == TOKEN_ERRORS[reason[:-1]]
    return reason[:-1]


def legacy(kind: str, subject: str, secret: bytes = b"secret") -> str:
    """Return a token as earlier releases made it."""
    raw = hmac.digest(secret, f"{kind}:{subject}".encode(), "sha256")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def forged(header: Mapping[str, Any], payload: Mapping[str, Any] | None = None) -> str:
    """Return the good token with another header or payload and its own signature."""
    old_header, old_payload, signature = GOOD.split(".")
    parts = [
        json.loads(base64.urlsafe_b64decode(part + "==")) | dict(new or {})
        for part, new in ((old_header, header), (old_payload, payload))
    ]
    return ".".join(
        [*(base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode() for p in parts), signature]
    )


def signed(algorithm: str = "HS256", **claims: Any) -> str:
    """Return a token that has our key and these claims."""
    kid = jwt.get_unverified_header(GOOD)["kid"]
    payload = {"aud": "order", "sub": "o1", "exp": NOW + 60} | claims
    return jwt.encode(payload, KEY * (2 if algorithm == "HS512" else 1), algorithm, headers={"kid": kid})


BAD = {
    "malformed": {
        "a word": "admin",
        "nothing": "",
        "two parts": GOOD.rpartition(".")[0],
        "surrogates": "\udcff.\udcff.\udcff",
        "its beginning": GOOD[:-1],
        "an extension": forged({"crit": ["b64"], "b64": False}),
        "an unknown extension": forged({"crit": ["x"], "x": 1}),
        "brackets": base64.urlsafe_b64encode(b"[" * 600).decode() + ".e30.AA",
        "a long one": GOOD + "A" * 1024,
        "a token of an earlier release that opens something else": legacy("order", "o2"),
    },
    "invalid signature": {
        "no algorithm": forged({"alg": "none"}),
        "no algorithm and no signature": forged({"alg": "none"}).rpartition(".")[0] + ".",
        "a public key's algorithm": forged({"alg": "RS256"}),
        "another HMAC": signed("HS512"),
        "an unknown algorithm": forged({"alg": "X"}),
        "an unknown secret": forged({"kid": "AAAAAAAA"}),
        "no secret": forged({"kid": ""}),
        "a key of its own": forged({"jwk": {"kty": "oct", "k": "AA"}}),
        "another order": forged({}, {"sub": "o2"}),
        "another holder": forged({}, {"hld": "other"}),
        "a later end": forged({}, {"exp": NOW * 2}),
        "another kind": forged({}, {"aud": "admin"}),
        "another service": Tokens("other", "other").order("o1", "holder", CREATED),
    },
    "wrong audience": {
        "another": signed(aud="partner"),
        "none": signed(aud=None),
        "no subject": signed(sub=None),
    },
    "expired": {"a minute ago": signed(exp=NOW - 60), "now": signed(exp=NOW)},
    "not yet valid": {"in a minute": signed(nbf=NOW + 60)},
    "revoked": {
        "a restaurant's that was not issued": tokens.restaurant("r1", "board", "b7"),
        "an administrator's that was not issued": tokens.admin("maria", "a2"),
        "an administrator's of another name": tokens.admin("joana", "a1"),
    },
}
CASES = [(reason, name, token) for reason, named in BAD.items() for name, token in named.items()]


def test_token_says_what_it_opens() -> None:
    """And nothing else: order, restaurant, customer and administrator are different kinds."""
    assert tokens.read(GOOD) == OrderClaims("o1", "holder")
    assert tokens.read(tokens.restaurant("r1")) == RestaurantClaims("r1", "manager", "1")
    assert tokens.read(tokens.customer("c1", "phone")) == CustomerClaims("c1", "phone")
    assert tokens.read(tokens.admin("maria", "a1")) == AdminClaims("maria", "a1")
    assert tokens.read("adm") == AdminClaims("settings", "settings")


@pytest.mark.parametrize(("reason", "name", "token"), CASES, ids=[name for _, name, _ in CASES])
def test_invalid_token_is_401_with_its_reason(reason: str, name: str, token: str) -> None:
    """RFC 6750: `WWW-Authenticate` has the reason; the problem says it to people."""
    assert reason_of(token) == reason


@given(st.integers(0, len(GOOD) - 2), st.characters(codec="ascii"))
def test_changed_token_is_no_token(at: int, letter: str) -> None:
    """Whatever is changed where; the last character has bits that base64 ignores, so it is left out."""
    changed = GOOD[:at] + letter + GOOD[at + 1 :]
    if changed != GOOD:
        assert reason_of(changed) in ("malformed", "invalid signature")


@pytest.mark.parametrize("secrets", ["secret", "new,secret", "new,other,old"])
def test_every_token_costs_the_same_comparisons(monkeypatch: pytest.MonkeyPatch, secrets: str) -> None:
    """One of a MAC, and all of earlier forms: the time reveals neither which secret nor which id exists."""
    compared: list[int] = []
    same = hmac.compare_digest

    def watched(left: bytes, right: bytes) -> bool:
        compared.append(len(right))
        return same(left, right)

    monkeypatch.setattr(hmac, "compare_digest", watched)
    read, count = tokens_at(secrets=secrets), len(secrets.split(","))
    valid = [GOOD, tokens.restaurant("r1"), "adm", legacy("order", "o1"), legacy("restaurant", "r1")]
    for token in (*valid, *(token for _, _, token in CASES if len(token) < 1024)):
        compared.clear()
        with contextlib.suppress(Problem):
            read.read(token, order_id="o1", restaurant_id="r1")
        assert compared == [32] * (1 + 2 * count + 1), token


def test_order_token_ends_30_days_after_the_order() -> None:
    """It is made of the order alone, so a replay gives the same bytes, whenever it comes."""
    later = tokens_at(NOW + 86_400)
    assert later.order("o1", "holder", CREATED) == GOOD
    assert tokens_at(NOW + ORDER_SECONDS - 1).read(GOOD)
    assert reason_of(GOOD, tokens_at(NOW + ORDER_SECONDS)) == "expired"
    assert tokens_at(NOW + ORDER_SECONDS).is_over(CREATED) and not later.is_over(CREATED)


def test_tokens_of_an_earlier_release_open_what_they_did() -> None:
    """An order's without a holder, and a restaurant's as a manager's; only on their own paths."""
    order, restaurant = legacy("order", "o1"), legacy("restaurant", "r1")
    assert tokens.read(order, order_id="o1", restaurant_id="r1") == OrderClaims("o1", "", is_legacy=True)
    assert tokens.read(restaurant, restaurant_id="r1") == RestaurantClaims("r1", "manager", "legacy")
    assert reason_of(order, order_id="o2", restaurant_id="o1") == "malformed"
    assert reason_of(restaurant, order_id="r1", restaurant_id="r2") == "malformed"


@pytest.mark.parametrize("token_id", ["1", "legacy"])
def test_revoked_token_is_refused_and_others_work(token_id: str) -> None:
    """Tokens are revoked one by one."""
    issued = IssuedTokens()
    read = Tokens("secret", "", issued)
    by_id = {"1": read.restaurant("r1"), "legacy": legacy("restaurant", "r1")}
    record = IssuedToken("restaurant", "r1", token_id, revoked_at=CREATED)
    issued.load(
        record.key, b'{"kind":"restaurant","owner":"r1","token_id":"%b","revoked_at":"x"}' % token_id.encode()
    )
    assert reason_of(by_id.pop(token_id), read, restaurant_id="r1") == "revoked"
    (other,) = by_id.values()
    assert read.read(other, restaurant_id="r1") and read.read(read.restaurant("r2"), restaurant_id="r2")
    assert read.has_first_token("r1") is (token_id != "1")


def test_every_process_makes_the_same_token() -> None:
    """A client may use the token of one ingress process at any other."""
    assert tokens_at().order("o1", "h", CREATED) == tokens.order("o1", "h", CREATED)
    assert tokens_at().restaurant("r1") == tokens.restaurant("r1")


def test_empty_setting_is_no_admin_token() -> None:
    """An empty setting must not be a password."""
    assert reason_of("", Tokens("secret", "")) == reason_of("admx") == "malformed"


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic abc", "abc", "Bearer a b"])
def test_missing_token_is_401(header: str) -> None:
    """RFC 6750: the response says how to authenticate, and names no error."""
    with pytest.raises(Problem, match="unauthorized") as problem:
        bearer(CIMultiDictProxy(CIMultiDict({"Authorization": header} if header else {})))
    assert problem.value.headers == {"WWW-Authenticate": "Bearer"}


def test_secret_rotation() -> None:
    """PROMO_TOKEN_SECRET holds the new secret before the old one until the old one is removed."""
    old, both, new = (Tokens(secrets, "") for secrets in ("old", "new, old", "new"))
    made = {name: one.restaurant("r1") for name, one in (("old", old), ("both", both), ("new", new))}
    assert made["both"] == made["new"] != made["old"]
    assert both.read(made["old"]) == both.read(made["new"]) == RestaurantClaims("r1", "manager", "1")
    assert both.read(legacy("order", "o1", b"old"), order_id="o1")
    assert reason_of(made["old"], new) == reason_of(made["new"], old) == "invalid signature"


def test_admin_token_rotation() -> None:
    """PROMO_ADMIN_TOKEN accepts both while it is rotated."""
    both = Tokens("secret", "new,old")
    assert both.read("new") == both.read("old") == AdminClaims("settings", "settings")
    assert reason_of("new,old", both) == "malformed"


def test_longest_token_fits_where_tokens_go() -> None:
    """The id of an order has up to 93 characters; a feed's first message may have 4096 bytes."""
    longest = max(
        tokens.order("o_" + "a" * 26 + "-" + "r" * 64, "h" * 16, CREATED),
        tokens.restaurant("r" * 64, "manager", "t" * 12, NOW),
        key=len,
    )
    assert 300 < len(longest) <= 400
