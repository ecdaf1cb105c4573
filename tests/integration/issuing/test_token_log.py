"""Issued tokens in a real Kafka: the command line changes them, and every process follows."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import NewTopic
from msgspec.structs import replace

from ingress.__main__ import main
from ingress.http.issued_tokens import IssuedTokens
from ingress.http.problems import Problem
from ingress.http.token_claims import AdminClaims, RestaurantClaims
from ingress.http.tokens import Tokens
from ingress.issuing import token_log
from ingress.issuing.token_log import LostTokensError, TokenFollower
from schemas.kafka_connection import KafkaConnection
from schemas.runtime.kafka_clients import make_admin_client, make_producer
from schemas.runtime.kafka_sessions import started
from schemas.topics import ACCESS_TOKENS, ORDER_CREATED
from tests.support.waiting import eventually


@pytest.fixture
async def token_topic(kafka: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Return the bootstrap servers of a Kafka with an empty topic and without orders, and set the settings of commands."""
    name = f"tokens-{uuid.uuid4().hex}"
    monkeypatch.setattr(token_log, "PARTITION", TopicPartition(name, 0))
    monkeypatch.setattr(token_log, "ORDER_CREATED", replace(ORDER_CREATED, name=f"{name}-orders"))
    await create_topic(kafka, name, ACCESS_TOKENS.configs())
    monkeypatch.setenv("PROMO_KAFKA_BOOTSTRAP_SERVERS", kafka)
    monkeypatch.setenv("PROMO_REDIS_URL", "redis://127.0.0.1:9/0")  # none: a restaurant may exist
    monkeypatch.setenv("PROMO_DATA_DIR", str(tmp_path))
    (tmp_path / "token-secret").write_text("secret\n")
    return kafka


async def create_topic(kafka: str, name: str, configs: dict[str, str]) -> None:
    """Create a topic with one partition."""
    admin = make_admin_client(KafkaConnection(kafka))
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, 1, 1, topic_configs=configs)])
    finally:
        await admin.close()


@contextlib.asynccontextmanager
async def following(kafka: str) -> AsyncIterator[Tokens]:
    """Follow the tokens as an ingress process does."""
    issued = IssuedTokens()
    follower = TokenFollower(KafkaConnection(kafka), issued)
    assert not await follower.is_complete()
    running = asyncio.ensure_future(follower.run())
    try:
        async with asyncio.timeout(30):
            await follower.complete.wait()
        yield Tokens("secret", "", issued)
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


def is_valid(tokens: Tokens, token: str) -> bool:
    """Return True if a process accepts the token."""
    try:
        return tokens.read(token) is not None
    except Problem:
        return False


async def test_tokens_are_issued_and_revoked_one_by_one(
    token_topic: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In every process within seconds, in those that start later too; open streams of the token are ended."""

    async def command(*arguments: str) -> str:
        status = await asyncio.to_thread(main, ["tokens", *arguments])
        captured = capsys.readouterr()
        assert status == 0, captured.err
        return captured.out.strip()

    async with following(token_topic) as one, following(token_topic) as other:
        board = await command("issue", "--restaurant", "r1", "--name", "tablet", "--days", "30")
        manager = await command("issue", "--restaurant", "r1", "--role", "manager")
        maria = await command("issue", "--admin", "maria")
        for tokens in (one, other):
            await eventually(lambda tokens=tokens: is_valid(tokens, maria), seconds=10)
            claims = tokens.read(board)
            assert isinstance(claims, RestaurantClaims) and claims.role == "board" and claims.expires_at
            assert tokens.read(maria) == AdminClaims("maria", tokens.read(maria).token_id)  # type: ignore[union-attr]
        listed = await command("list", "--restaurant", "r1")
        assert claims.token_id in listed and "tablet" in listed and "legacy" in listed
        assert not any(token in listed for token in (board, manager))
        assert "admin maria" in await command("list")

        ended = asyncio.Event()
        with other.issued.watch(claims, ended.set):
            await command("revoke", "--restaurant", "r1", claims.token_id)
            await command("revoke", "--restaurant", "r1", "1")
            listed = await command("list", "--restaurant", "r1")
            assert [line.split()[4] for line in listed.splitlines() if line.endswith("tablet")] == ["revoked"]
            async with asyncio.timeout(10):
                await ended.wait()
        for tokens in (one, other):
            await eventually(lambda tokens=tokens: not is_valid(tokens, tokens.restaurant("r1")), seconds=10)
            assert not is_valid(tokens, board) and is_valid(tokens, manager) and is_valid(tokens, maria)
    async with following(token_topic) as later:
        assert not is_valid(later, board) and not is_valid(later, later.restaurant("r1"))
        assert is_valid(later, manager) and is_valid(later, later.restaurant("r2"))
    assert await asyncio.to_thread(main, ["tokens", "revoke", "--admin", "maria", "nothing"]) == 1
    assert "maria has no valid token nothing" in capsys.readouterr().err


async def test_lost_topic_stops_ingress_until_the_loss_is_accepted(
    token_topic: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty topic beside orders would make revoked first tokens valid again; a topic that was in use may be empty of them."""
    connection, orders = KafkaConnection(token_topic), token_log.ORDER_CREATED.name
    async with following(token_topic), following(token_topic):
        pass  # a new installation, with two processes that start at once
    await create_topic(token_topic, orders, {})
    async with started(make_producer(connection)) as producer:
        await producer.send_and_wait(orders, b"{}", key=b"r1")
    async with following(token_topic) as tokens:
        assert is_valid(tokens, tokens.restaurant("r1"))

    lost = f"{orders}-lost"
    await create_topic(token_topic, lost, ACCESS_TOKENS.configs())
    monkeypatch.setattr(token_log, "PARTITION", TopicPartition(lost, 0))
    with pytest.raises(LostTokensError):
        async with asyncio.timeout(30):
            await TokenFollower(connection, IssuedTokens()).run()
    for arguments in (["list"], ["issue", "--admin", "maria"]):
        assert await asyncio.to_thread(main, ["tokens", *arguments]) == 1
        assert "promo tokens accept-loss" in capsys.readouterr().err
    for said in ("loss accepted", "nothing is lost"):
        assert await asyncio.to_thread(main, ["tokens", "accept-loss"]) == 0
        assert said in capsys.readouterr().out
    async with following(token_topic):
        pass
