"""Issued tokens: what is valid, how many there may be, and what ends with them."""

import asyncio

import aiohttp
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.http import issued_tokens
from ingress.http.issued_tokens import (
    IMPLICIT,
    MAX_TOKENS,
    IssuedToken,
    IssuedTokens,
    OwnerKind,
    TooManyTokensError,
    UnknownTokenError,
)
from ingress.http.token_claims import AdminClaims, CustomerClaims, OrderClaims, RestaurantClaims
from ingress.http.tokens import Tokens
from ingress.views.ports import OrderView, StatusChange
from schemas import identity, timestamps
from schemas.commands import Payment, PlaceOrder
from schemas.settings import Settings
from schemas.timestamps import EpochSeconds
from tests.support.ingress.apps import application, serving
from tests.support.ingress.fakes import FakeViews, order_of
from tests.support.waiting import eventually

AT = timestamps.to_text(1_800_000_000_000)
NOW = EpochSeconds(1_800_000_000)


def issue(issued: IssuedTokens, token: IssuedToken) -> None:
    """Issue a token as the editor of the topic does."""
    issued.require_room(token, NOW)
    issued.load(token.key, msgspec.json.encode(token))


def revoke(issued: IssuedTokens, owner: str, token_id: str) -> None:
    """Revoke a restaurant's token likewise."""
    record = issued.revocation("restaurant", owner, token_id, AT)
    issued.load(record.key, msgspec.json.encode(record))


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("ab"), st.sampled_from("12345")), max_size=30))
def test_a_token_is_valid_from_its_issue_to_its_revocation(steps: list[tuple[bool, str, str]]) -> None:
    """Law: whatever happens to other tokens; and a process that reads the records later agrees."""
    issued, valid, records = IssuedTokens(), {("a", "1"), ("b", "1")}, dict[bytes, bytes | None]()
    for is_issue, owner, token_id in steps:
        if is_issue and token_id != "1":
            token = IssuedToken("restaurant", owner, token_id, "board")
            records[token.key] = msgspec.json.encode(token)
            issue(issued, token)
            valid.add((owner, token_id))
        elif not is_issue and (owner, token_id) in valid:
            record = issued.revocation("restaurant", owner, token_id, AT)
            records[record.key] = msgspec.json.encode(record)
            revoke(issued, owner, token_id)
            valid.discard((owner, token_id))
        elif not is_issue:
            with pytest.raises(UnknownTokenError):
                revoke(issued, owner, token_id)
    later = IssuedTokens()
    later.replace(records)
    for read in (issued, later):
        assert valid == {
            (owner, token_id)
            for owner in "ab"
            for token_id in "12345"
            if not read.is_revoked(RestaurantClaims(owner, "board", token_id))
        }


def test_only_tokens_of_owners_are_revoked() -> None:
    """Orders' and customers' tokens need no record; an administrator's needs one."""
    issued = IssuedTokens()
    assert not issued.is_revoked(OrderClaims("o1", "h")) and not issued.is_revoked(
        CustomerClaims("c", "phone")
    )
    assert issued.is_revoked(AdminClaims("maria", "a1"))
    assert not any(issued.is_revoked(RestaurantClaims("r1", "manager", name)) for name in IMPLICIT)


def test_an_owner_has_a_bounded_number_of_tokens() -> None:
    """Of one restaurant, and of all administrators together; revoked ones do not count."""
    issued = IssuedTokens()
    for number in range(MAX_TOKENS):
        issue(issued, IssuedToken("restaurant", "r1", f"t{number}", "board"))
        issue(issued, IssuedToken("admin", f"a{number}", "t"))
    for token in (IssuedToken("restaurant", "r1", "x", "board"), IssuedToken("admin", "b", "x")):
        with pytest.raises(TooManyTokensError):
            issue(issued, token)
    issue(issued, IssuedToken("restaurant", "r2", "x", "board"))
    revoke(issued, "r1", "t0")
    issue(issued, IssuedToken("restaurant", "r1", "x", "board"))
    revoke(issued, "r1", "1")
    assert len(issued.all()) == 2 * MAX_TOKENS + 3


@pytest.mark.parametrize("kind", ["restaurant", "admin"])
@pytest.mark.parametrize("how", ["revoked", "expired"])
def test_record_of_an_ended_token_is_kept_400_days(kind: OwnerKind, how: str) -> None:
    """With its name, since published changes name it by its id alone (`changed_by`); it is not valid again."""
    issued, ends = IssuedTokens(), AT if how == "expired" else None
    issue(issued, IssuedToken(kind, "r1", "b", name="Carla", expires_at=ends))
    if how == "revoked":
        record = issued.revocation(kind, "r1", "b", AT)
        issued.load(record.key, msgspec.json.encode(record))
        claims = RestaurantClaims("r1", "board", "b") if kind == "restaurant" else AdminClaims("r1", "b")
        assert issued.is_revoked(claims)
    with pytest.raises(UnknownTokenError):
        issued.revocation(kind, "r1", "b", AT)
    assert [record.name for record in issued.all()] == ["Carla"]
    assert issued.unneeded(EpochSeconds(NOW + 400 * 86_400 - 1)) == []
    assert issued.unneeded(EpochSeconds(NOW + 400 * 86_400)) == [f"{kind}/r1/b".encode()]


def test_ended_tokens_leave_room_and_the_oldest_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """They have a bound of their own; a revoked first token is never among them, since its record keeps it revoked."""
    monkeypatch.setattr(issued_tokens, "MAX_RECORDS", 2)
    monkeypatch.setattr(issued_tokens, "MAX_ENDED", 2)
    issued = IssuedTokens()
    revoke(issued, "r1", "1")
    for number in range(4):
        at = timestamps.to_text(timestamps.EpochMs(1_800_000_000_000 - number))
        issue(issued, IssuedToken("restaurant", "r1", f"t{number}", "board", expires_at=at))
    assert issued.unneeded(NOW) == [b"restaurant/r1/t3", b"restaurant/r1/t2"]
    assert issued.unneeded(EpochSeconds(NOW + 1_000 * 86_400)).count(b"restaurant/r1/1") == 0


@pytest.mark.parametrize("how", ["revoked", "expired"])
async def test_token_that_ends_closes_its_feed(how: str) -> None:
    """With 4401; the feed of another token of the restaurant stays open."""
    issued = IssuedTokens()
    issue(issued, IssuedToken("restaurant", "r1", "b7", "board"))
    tokens, settings = Tokens("secret", ""), Settings(token_secret="secret")
    ends = int(timestamps.epoch_clock()) + 60
    async with (
        serving(application(settings, issued=issued)) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
    ):
        feeds = [
            await session.ws_connect(
                "/v1/restaurants/r1/feed", protocols=("promo.feed.v1", f"bearer.{token}")
            )
            for token in (tokens.restaurant("r1", "board", "b7", ends), tokens.restaurant("r1"))
        ]
        for feed in feeds:
            await feed.send_str('{"type":"resume","after":"views-1.1-1"}')
        await eventually(lambda: len(issued._watches) == 2, seconds=5)
        if how == "revoked":
            revoke(issued, "r1", "b7")
        issued.end_refused(EpochSeconds(ends if how == "expired" else ends - 60))
        async for _ in feeds[0]:
            pass  # what was sent before
        assert feeds[0].close_code == 4401
        await eventually(lambda: len(issued._watches) == 1, seconds=5)
        assert not feeds[1].closed


async def test_revoked_token_ends_its_stream_of_an_order() -> None:
    """A restaurant's stream of an order ends, and the next request is 401; the customer's stream stays open."""
    issued, views = IssuedTokens(), FakeViews()
    issue(issued, IssuedToken("restaurant", "r1", "b7", "board"))
    order_id = identity.order_id("r1", "k")
    order = order_of(PlaceOrder(order_id, "r1", "hash", "fingerprint", [], Payment("pix")))
    views.orders[order_id] = OrderView(order, [StatusChange("received", AT, 2)])
    tokens, url = Tokens("secret", ""), f"/v1/orders/{order_id}/events"
    board, customer = (
        {"Authorization": f"Bearer {token}"}
        for token in (tokens.restaurant("r1", "board", "b7"), tokens.order(order_id))
    )
    async with (
        serving(application(Settings(token_secret="secret"), views=views, issued=issued)) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
        session.get(url, headers=board) as stream,
        session.get(url, headers=customer),
    ):
        assert stream.status == 200
        await eventually(lambda: len(issued._watches) == 2, seconds=5)
        revoke(issued, "r1", "b7")
        issued.end_refused(NOW)
        async with asyncio.timeout(5):
            await stream.read()
        await eventually(lambda: len(issued._watches) == 1, seconds=5)
        async with session.get(url, headers=board) as refused:
            assert refused.status == 401 and "revoked" in refused.headers["WWW-Authenticate"]
            assert (await refused.json())["detail"] == "O token foi revogado."


def test_all_owners_have_a_bounded_number_of_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every ingress process holds all of them."""
    monkeypatch.setattr(issued_tokens, "MAX_RECORDS", 2)
    issued = IssuedTokens()
    for owner in ("r1", "r2"):
        issue(issued, IssuedToken("restaurant", owner, "a", "board"))
    with pytest.raises(TooManyTokensError):
        issue(issued, IssuedToken("restaurant", "r3", "a", "board"))
