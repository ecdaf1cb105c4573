"""`python -m ingress`: how a process starts, or why it does not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ingress.__main__ import main
from ingress.issuing import restaurants
from ingress.issuing.token_log import LostTokensError
from ingress.privacy.keyring_log import LostKeyringError
from schemas import view_keys
from schemas.runtime.topic_preflight import TopicsDifferError
from schemas.settings import Settings
from tests.support.ingress.fakes import FakeViews

ORDER = "o_" + "a" * 26


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run `python -m ingress` in this process, with these settings only; return its exit status and stderr."""

    def start(*arguments: str, **settings: object) -> tuple[int, str]:
        for name in [name for name in os.environ if name.startswith("PROMO_")]:
            monkeypatch.delenv(name)
        for name, value in settings.items():
            monkeypatch.setenv(f"PROMO_{name.upper()}", str(value))
        monkeypatch.setattr(sys, "argv", ["ingress", *arguments])
        try:
            code = main()
        except SystemExit as ended:
            code = int(str(ended.code))
        return code, capsys.readouterr().err

    return start


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({}, "PROMO_TOKEN_SECRET"),
        ({"token_secret": " , "}, "PROMO_TOKEN_SECRET"),
        ({"token_secret": "s"}, "PROMO_PRIVACY_SECRET"),
        ({"token_secret": "s", "privacy_secret": "s"}, "PROMO_WEBHOOK_SECRET"),
    ],
)
def test_missing_secret_is_an_error(run, settings: dict[str, str], named: str) -> None:
    """An empty secret would let anyone make tokens, or read personal data."""
    code, stderr = run(**settings)
    assert code == 2 and named in stderr


@pytest.mark.parametrize("order", ["o_1", ORDER.upper(), "../x", ORDER + "a"])
def test_forget_accepts_order_ids_only(run, order: str) -> None:
    """A misspelt id would be erased in its place, for good."""
    code, stderr = run("forget", order)
    assert code == 2 and "no order's id" in stderr


def test_forget_requires_the_secret(run, tmp_path: Path) -> None:
    """It is in the settings, or in the data folder of `make up`."""
    code, stderr = run("forget", ORDER, data_dir=tmp_path)
    assert code == 2 and "PROMO_PRIVACY_SECRET" in stderr


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["issue"], "--restaurant"),
        (["issue", "--restaurant", "r1", "--admin", "maria"], "--admin"),
        (["issue", "--restaurant", "a/b"], "a/b"),
        (["issue", "--restaurant", "r1", "--role", "owner"], "owner"),
        (["issue", "--restaurant", "r1", "--days", "0"], "--days"),
        (["issue", "--restaurant", "r1", "--name", "a" * 101], "--name"),
        (["issue", "--restaurant", "r1", "--name", "a\nb"], "--name"),
        (["issue", "--admin", "maria", "--role", "board"], "no role"),
        (["issue", "--admin", "settings"], "settings"),
        (["revoke", "--restaurant", "r1"], "id"),
    ],
)
def test_tokens_says_what_is_wrong_with_its_arguments(run, arguments: list[str], named: str) -> None:
    """2 before anything is written."""
    code, stderr = run("tokens", *arguments, token_secret="s")
    assert code == 2 and named in stderr


def test_tokens_requires_the_secret(run, tmp_path: Path) -> None:
    """It is in the settings, or in the data folder of `make up`."""
    code, stderr = run("tokens", "issue", "--restaurant", "r1", data_dir=tmp_path)
    assert code == 2 and "PROMO_TOKEN_SECRET" in stderr


@pytest.mark.parametrize("arguments", [["issue"], ["revoke", "1"], ["revoke", "legacy"]])
def test_tokens_of_a_restaurant_that_does_not_exist(
    run, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    """1 before anything is written: a misspelt name would leave the token valid that should be revoked."""
    views = FakeViews()
    views.shown_version = 0
    monkeypatch.setattr(restaurants, "RedisViews", lambda redis: views)
    action, *rest = arguments
    code, stderr = run("tokens", action, "--restaurant", "nope", *rest, token_secret="s")
    assert code == 1 and stderr.startswith("there is no restaurant nope;")


async def test_restaurant_is_missing_only_from_complete_views() -> None:
    """While Redis is down or being filled, a restaurant that it does not show may exist."""
    views, partitions = FakeViews(), len(FakeViews().watermarks)
    assert await restaurants.is_shown(views, partitions, "r1") is True
    views.shown_version = 0
    assert await restaurants.is_shown(views, partitions, "r1") is False
    del views.watermarks[0]
    assert await restaurants.is_shown(views, partitions, "r1") is None
    views.down = True
    assert await restaurants.is_shown(views, partitions, "r1") is None


async def test_tokens_of_a_deleted_restaurant_can_be_revoked(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are valid for its identifier, which another restaurant may get."""
    views = FakeViews()

    async def field_version(key: str, field: str) -> int:
        return 7 if (key, field) == (view_keys.DELETIONS, "r1") else 0

    monkeypatch.setattr(views, "field_version", field_version)
    assert await restaurants.is_shown(views, len(views.watermarks), "r1") is True
    assert await restaurants.is_shown(views, len(views.watermarks), "r2") is False


@pytest.mark.parametrize(
    ("arguments", "warns"),
    [
        (["list"], False),
        (["issue", "--admin", "maria"], False),
        (["issue", "--restaurant", "r1"], True),
        (["revoke", "--restaurant", "r1", "1"], True),
    ],
)
def test_tokens_without_kafka_fails(arguments: list[str], warns: bool) -> None:
    """1: the message names the servers, and no token is shown that no process would accept.

    Without Redis it is not known whether a restaurant exists: a warning, since a token may have to be revoked now.
    """
    settings = {"PROMO_TOKEN_SECRET": "s", "PROMO_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9"}
    settings["PROMO_REDIS_URL"] = "redis://127.0.0.1:9/0"
    command = [sys.executable, "-m", "ingress", "tokens", *arguments]
    done = subprocess.run(
        command, env=os.environ | settings, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1 and "127.0.0.1:9" in done.stderr and not done.stdout
    assert ("not known whether there is a restaurant r1" in done.stderr) is warns
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("error", "what", "command"),
    [
        (LostKeyringError(3), "lacks 3 of its records", "promo forget --accept-lost-keyring"),
        (LostTokensError(), "access.tokens is empty although there are orders", "promo tokens accept-loss"),
        (TopicsDifferError("order.created: missing\n  Run promo topics"), "order.created", "promo topics"),
    ],
)
def test_lost_topic_stops_the_process(
    run, monkeypatch: pytest.MonkeyPatch, error: Exception, what: str, command: str
) -> None:
    """2, as for wrong settings: to start again does not help, and the message says what does."""

    async def serve(settings: Settings) -> None:
        raise error

    monkeypatch.setattr("ingress.__main__.serve", serve)
    # they would stay for all later tests of this process
    monkeypatch.setattr("ingress.__main__.logs.configure", lambda settings, role: None)
    monkeypatch.setattr("ingress.__main__.gc_tuning.freeze_startup_objects", lambda: None)
    code, stderr = run(token_secret="s", webhook_secret="w", privacy_secret="p")
    assert code == 2 and what in stderr and command in stderr


def test_forget_without_kafka_fails() -> None:
    """1: nothing is erased; the message names the servers."""
    settings = {"PROMO_PRIVACY_SECRET": "s", "PROMO_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9"}
    command = [sys.executable, "-m", "ingress", "forget", ORDER]
    done = subprocess.run(
        command, env=os.environ | settings, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1 and "127.0.0.1:9" in done.stderr and not done.stdout
    assert "Traceback" not in done.stderr
