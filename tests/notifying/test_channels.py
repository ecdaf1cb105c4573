"""One attempt at a real endpoint: what it gets, and what becomes of its answer."""

import base64
import os

import pytest
from aiohttp import web
from standardwebhooks import WebhookVerificationError

from egress.notifying.channel import FailedError, GoneError, RefusedError
from egress.notifying.directory import Directory
from egress.push import payload as pushed
from egress.push.channel import Pushes, topic
from egress.push.vapid import Signer
from egress.ssrf import client as clients
from egress.ssrf.client import Client
from egress.webhooks import payload as hooked
from egress.webhooks.channel import Webhooks
from ingress import push_key
from schemas.identity import webhook_secrets
from schemas.notifications import PushDelivery, PushSubscription, WebhookDelivery
from schemas.settings import SettingError
from tests.notifying.endpoints import Endpoint
from tests.notifying.fakes import DictLedger
from tests.notifying.messages import Browser, confirmed, listed, record

SECRET = webhook_secrets("token-secret", "r1")[0]
KEY = base64.urlsafe_b64encode(os.urandom(32)).rstrip(b"=").decode()


class Hooks:
    """The webhook channel over a directory and a ledger."""

    def __init__(self, client: Client, url: str | None) -> None:
        self.ledger = DictLedger()
        self.directory = Directory()
        self.put(url)
        self.channel = Webhooks(client, self.ledger, self.directory.webhook, "token-secret", 3_600)

    def put(self, url: str | None, version: int = 1) -> None:
        self.directory.take(record(listed(url, version=version)))

    async def send(self, attempt: int = 1) -> None:
        (letter,) = hooked.tell(confirmed(), "3-41-2", b"", webhook=lambda restaurant: "https://any.example/")
        assert isinstance(letter.message, WebhookDelivery)
        await self.channel.send(letter.message, attempt)

    @property
    def results(self) -> list[tuple[str, int]]:
        return [(attempt.result, attempt.status) for _, attempt in self.ledger.noted]


async def test_a_webhook_is_signed_and_the_same_at_each_attempt(permissive: Client, served: Endpoint) -> None:
    """webhook-id and body stay, so that a receiver knows what it has; the signature is of now."""
    hooks = Hooks(permissive, served.url + "/hook")
    served.answer = lambda number: web.Response(status=500 if number == 1 else 200)
    with pytest.raises(FailedError):
        await hooks.send()
    await hooks.send(2)
    first, second = served.messages
    assert first.verified(SECRET) == second.verified(SECRET)
    assert first.verified(SECRET)["data"]["order_id"] == "o1" and first.path == "/hook"
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == "3-41-2"
    assert first.headers["Content-Type"] == "application/json" and first.body == second.body
    with pytest.raises(WebhookVerificationError):
        first.verified(webhook_secrets("token-secret", "r2")[0])
    assert hooks.results == [("delivered", 200), ("failed", 500)]


@pytest.mark.parametrize("status", [301, 307, 400, 401, 404, 408, 429, 500, 503])
async def test_whatever_is_no_success_is_tried_again(
    permissive: Client, served: Endpoint, status: int
) -> None:
    """A system that is being deployed answers all sorts of things; a redirect is not followed."""
    hooks = Hooks(permissive, served.url)
    headers = {"Retry-After": "120", "Location": served.url + "/elsewhere"}
    served.answer = lambda number: web.Response(status=status, headers=headers)
    with pytest.raises(FailedError) as failed:
        await hooks.send()
    assert (failed.value.status, failed.value.retry_after, len(served.messages)) == (status, 120.0, 1)


async def test_410_switches_the_address_off_until_it_is_switched_on_or_changed(
    permissive: Client, served: Endpoint
) -> None:
    """Standard Webhooks: an endpoint that is gone is not told again."""
    hooks = Hooks(permissive, served.url + "/a")
    served.answer = lambda number: web.Response(status=410 if number == 1 else 200)
    for _ in range(3):
        with pytest.raises(GoneError):
            await hooks.send()
    assert len(served.messages) == 1 and hooks.results == [("gone", 410)]
    hooks.put(served.url + "/b", version=2)
    await hooks.send()
    hooks.put(served.url + "/a", version=3)
    with pytest.raises(GoneError):
        await hooks.send()
    assert await hooks.ledger.switch_on("r1")
    await hooks.send()
    assert [message.path for message in served.messages] == ["/a", "/b", "/a"]


async def test_a_delivery_goes_to_where_the_webhook_is_now(permissive: Client, served: Endpoint) -> None:
    """Whoever corrects an address gets what waits; whoever takes it away gets nothing more."""
    hooks = Hooks(permissive, "http://127.0.0.1:1/typo")
    with pytest.raises(FailedError):
        await hooks.send()
    hooks.put(served.url, version=2)
    await hooks.send(2)
    hooks.put(None, version=3)
    with pytest.raises(GoneError):
        await hooks.send()
    assert len(served.messages) == 1


async def test_a_webhook_that_leads_inside_is_refused_and_noted(served: Endpoint) -> None:
    """The setting that lets tests through is off by default."""
    async with clients.opened(allow_private=False) as strict:
        hooks = Hooks(strict, served.url)
        with pytest.raises(RefusedError):
            await hooks.send()
    assert not served.messages and hooks.results == [("refused", 0)]


class Phones:
    """The push channel over a directory."""

    def __init__(self, client: Client, *browsers: Browser) -> None:
        self.directory = Directory()
        for browser in browsers:
            self.directory.take(record(browser.subscription()))
        self.forgotten: list[str | None] = []
        signer = Signer(KEY, "mailto:ops@promo.example")
        self.channel = Pushes(client, signer, self.directory.browser, self.forget, 1_800)

    async def forget(self, gone: PushSubscription) -> None:
        self.forgotten.append(gone.endpoint)

    async def send(self, browser: Browser) -> None:
        (letter,) = pushed.tell(
            confirmed(), "3-41-2", b"", browsers=lambda order, at: [browser.subscription()]
        )
        assert isinstance(letter.message, PushDelivery)
        await self.channel.send(letter.message, 1)


async def test_a_push_is_read_by_the_browser_alone_and_signed_for_its_service(
    permissive: Client, served: Endpoint
) -> None:
    """RFC 8291 and 8292; TTL and Topic of RFC 8030."""
    browser = Browser(served.url + "/send/secret-of-the-browser")
    phones = Phones(permissive, browser)
    await phones.send(browser)
    (message,) = served.messages
    told = message.decrypted(browser)
    assert (told["order_id"], told["status"], told["version"], told["lang"]) == ("o1", "received", 2, "pt-BR")
    with pytest.raises(Exception, match=r"InvalidTag|Decryption"):
        message.decrypted(Browser(browser.endpoint))
    claims = message.claims()
    assert claims["aud"] == served.url and claims["sub"] == "mailto:ops@promo.example"
    assert claims["key"] == push_key.public(KEY), "the key that the browser subscribed with"
    assert message.headers["TTL"] == "1800" and message.headers["Topic"] == topic("o1")
    assert len(topic("o1")) <= 32 and topic("o1") != topic("o2")


@pytest.mark.parametrize("status", [404, 410])
async def test_a_browser_that_is_gone_is_forgotten(permissive: Client, served: Endpoint, status: int) -> None:
    """RFC 8030: the subscription has ended."""
    browser = Browser(served.url + "/1")
    phones = Phones(permissive, browser)
    served.answer = lambda number: web.Response(status=status)
    with pytest.raises(GoneError):
        await phones.send(browser)
    assert phones.forgotten == [browser.endpoint]


async def test_a_browser_that_has_unsubscribed_is_not_told(permissive: Client, served: Endpoint) -> None:
    """Also of what had been written before."""
    with pytest.raises(GoneError):
        await Phones(permissive).send(Browser(served.url + "/1"))
    assert not served.messages


@pytest.mark.parametrize(
    ("status", "kind"),
    [(429, FailedError), (500, FailedError), (503, FailedError), (400, RefusedError), (413, RefusedError)],
)
async def test_what_a_push_service_answers(
    permissive: Client, served: Endpoint, status: int, kind: type[Exception]
) -> None:
    """429 and 5xx are tried again; what is wrong with the message stays wrong."""
    browser = Browser(served.url + "/1")
    served.answer = lambda number: web.Response(status=status)
    with pytest.raises(kind):
        await Phones(permissive, browser).send(browser)


async def test_keys_that_are_none_are_refused(permissive: Client, served: Endpoint) -> None:
    """A point that does not lie on the curve."""
    browser = Browser(served.url + "/1")
    bad = base64.urlsafe_b64encode(b"\x04" + b"\x01" * 64).rstrip(b"=").decode()
    phones = Phones(permissive)
    phones.directory.take(
        record(PushSubscription("r1", "o1", "subscribe", browser.endpoint, bad, browser.keys["auth"]))
    )
    with pytest.raises(RefusedError):
        await phones.send(browser)
    assert not served.messages


def test_a_token_is_used_for_hours_and_then_made_anew() -> None:
    """Signing is the dearest part of a push; a service refuses a token of more than a day."""
    now = [1_000_000.0]
    signer = Signer(KEY, "mailto:ops@promo.example", now=lambda: now[0])
    first = signer.authorization("https://a.example")
    assert signer.authorization("https://a.example") == first != signer.authorization("https://b.example")
    now[0] += 6 * 3_600
    assert signer.authorization("https://a.example") != first


@pytest.mark.parametrize("key", ["x", "A" * 43, "é", "_" * 43 + "="])
def test_a_key_that_is_none_is_told_by_its_setting(key: str) -> None:
    """And is not quoted."""
    for make in (lambda: Signer(key, "mailto:x@y.example"), lambda: push_key.public(key)):
        with pytest.raises(SettingError, match="PROMO_VAPID_PRIVATE_KEY") as caught:
            make()
        assert len(key) < 2 or key not in str(caught.value)


@pytest.mark.parametrize("subject", ["", "ops@promo.example", "http://promo.example"])
def test_a_subject_that_push_services_would_refuse_is_told_by_its_setting(subject: str) -> None:
    """At the start, not when the first customer leaves the page."""
    with pytest.raises(SettingError, match="PROMO_VAPID_SUBJECT"):
        Signer(KEY, subject)


def test_nothing_is_pushed_without_a_key() -> None:
    """An installation that does not want to."""
    assert push_key.public("") == ""
