"""Credentials of the provider: sent, rotated without a restart, rejected as an outage of ours, and never quoted."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import aiohttp
import aiohttp.web
import pytest

from egress.payments.http_provider import HttpProvider
from egress.resilience.errors import AccessError
from schemas import codec, settings
from schemas.runtime.secret_file import SecretFile, provider_token
from schemas.settings import SettingError, Settings
from tests.support.payments.fakes import request
from tests.support.payments.real_provider import ProviderClient, RealProvider

TIMEOUT = 2.0


@pytest.fixture(scope="module")
def token_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The provider's own token."""
    file = tmp_path_factory.mktemp("secrets") / "token"
    file.write_text("first\n")
    return file


@pytest.fixture(scope="module")
def guarded(token_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealProvider]:
    """A provider that requires its token."""
    started = RealProvider(tmp_path_factory.mktemp("guarded"), token_file=token_file)
    yield started
    started.stop()


async def authorise(session: aiohttp.ClientSession, url: str, token: SecretFile) -> str:
    provider = HttpProvider(session, url, token, TIMEOUT)
    return (await provider.perform(request(f"o_{uuid4().hex}"), codec.NO_TRACE)).status


async def test_rotation_needs_no_restart(
    session: aiohttp.ClientSession, guarded: RealProvider, token_file: Path, tmp_path: Path
) -> None:
    """A token that the provider replaces is read again: when the file has changed, and after a 401 in any case."""
    own = tmp_path / "own"
    own.write_text("first")
    token = SecretFile("", str(own))
    assert await authorise(session, guarded.url, token) == "authorised"
    stamp = own.stat().st_mtime_ns
    token_file.write_text("later")
    own.write_text("later")
    os.utime(own, ns=(stamp, stamp))  # same size and time: only the 401 shows that it is another
    assert await authorise(session, guarded.url, token) == "authorised"
    token_file.write_text("first")
    own.write_text("first\n")
    assert await authorise(session, guarded.url, token) == "authorised"


@pytest.mark.parametrize(("status", "cause"), [(401, "credentials"), (403, "permission"), (404, "address")])
async def test_rejection_is_an_outage_of_ours(
    session: aiohttp.ClientSession, provider: RealProvider, client: ProviderClient, status: int, cause: str
) -> None:
    """Refunds too: before, they became dead letters. Nothing takes effect at the provider."""
    await client.behave(reject_status=status)
    http = HttpProvider(session, provider.url, SecretFile("", ""), TIMEOUT)
    order = f"o_{uuid4().hex}"
    for kind in ("authorise", "refund"):
        with pytest.raises(AccessError) as caught:
            await http.perform(request(order, kind), codec.NO_TRACE)
        assert (caught.value.cause, caught.value.status) == (cause, status)
    await client.behave()
    assert not await client.kinds(order)


@pytest.mark.parametrize("own", ["", "wrong"])
async def test_wrong_token_is_rejected_and_not_quoted(
    session: aiohttp.ClientSession, guarded: RealProvider, own: str
) -> None:
    """Errors end up in logs, and a provider may quote what we sent."""
    with pytest.raises(AccessError, match="401") as caught:
        await authorise(session, guarded.url, SecretFile(own, ""))
    assert "wrong" not in str(caught.value) and "first" not in str(caught.value)


@pytest.mark.parametrize(("status", "cause"), [(403, "permission"), (308, "address"), (410, "address")])
async def test_token_in_the_answer_is_redacted(
    session: aiohttp.ClientSession, status: int, cause: str
) -> None:
    """A gateway that echoes a request must not bring its token into our log; a redirect is a moved address, not followed."""

    async def echo(request: aiohttp.web.Request) -> aiohttp.web.Response:
        return aiohttp.web.Response(status=status, text=f"no entry: {request.headers['Authorization']}")

    app = aiohttp.web.Application()
    app.router.add_post("/authorisations", echo)
    runner = aiohttp.web.AppRunner(app)
    await runner.setup()
    try:
        await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        with pytest.raises(AccessError, match=r"no entry: Bearer \*\*\*$") as caught:
            await authorise(session, f"http://{host}:{port}", SecretFile("s3cret", ""))
        assert caught.value.cause == cause
    finally:
        await runner.cleanup()


def test_half_written_file_leaves_the_last_token(tmp_path: Path) -> None:
    """A rotation that empties the file before it fills it must not send an empty token."""
    file = tmp_path / "token"
    file.write_text("good")
    token = SecretFile("", str(file))
    assert token.current() == "good"
    for broken in ("", "two words", "line\nline"):
        file.write_text(broken)
        assert token.current() == token.refresh() == "good"
    file.unlink()
    assert token.current() == "good"
    file.write_text("better")
    assert token.current() == "better"


def test_file_without_a_token_is_a_fault_of_the_settings(tmp_path: Path) -> None:
    """Egress does not start to authorise without credentials; the message has no secret."""
    file = tmp_path / "token"
    for content in (None, "s3cret words"):
        if content is not None:
            file.write_text(content)
        with pytest.raises(SettingError, match="PROMO_PROVIDER_TOKEN_FILE") as caught:
            provider_token(Settings(provider_token_file=str(file)))
        assert "s3cret" not in str(caught.value)
    with pytest.raises(SettingError, match="one of the two"):
        settings.read({"PROMO_PROVIDER_TOKEN": "a", "PROMO_PROVIDER_TOKEN_FILE": "/b"})
    assert provider_token(Settings()).current() == ""
