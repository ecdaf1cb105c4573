"""The channels against a real endpoint: what it receives, and the result of its response."""

import base64
import os

import pytest
from aiohttp import web
from standardwebhooks import WebhookVerificationError

from egress.notifications.channel import GoneError
from egress.notifications.push import payload as push_payload
from egress.notifications.push.channel import PushChannel, replacement_topic
from egress.notifications.push.vapid import VapidSigner
from egress.notifications.recipients import RecipientRegistry
from egress.notifications.webhooks import payload as webhook_payload
from egress.notifications.webhooks.channel import WebhookChannel
from egress.resilience.errors import PermanentError, TransientError
from egress.safe_http import client as clients
from egress.safe_http.client import SafeHttpClient
from schemas import vapid
from schemas.identity import webhook_secrets
from schemas.notifications import PushDelivery, PushSubscription, WebhookDelivery
from schemas.settings import SettingError
from tests.support.notifications.endpoints import Endpoint
from tests.support.notifications.fakes import InMemoryAttemptLog
from tests.support.notifications.messages import Browser, confirmed, message_of, record, restaurant_changed

SECRET = webhook_secrets("token-secret", "r1")[0]
KEY = base64.urlsafe_b64encode(os.urandom(32)).rstrip(b"=").decode()


class WebhookHarness:
    """A webhook channel with a recipient registry and an attempt log."""

    def __init__(self, client: SafeHttpClient, url: str | None) -> None:
        self.attempt_log = InMemoryAttemptLog()
        self.registry = RecipientRegistry()
        self.set_url(url)
        self.channel = WebhookChannel(
            client,
            self.attempt_log,
            self.registry.webhook,
            "token-secret",
            self.registry.webhook_secret_version,
            3_600,
        )

    def set_url(self, url: str | None, version: int = 1) -> None:
        self.registry.apply(record(restaurant_changed(url, version=version)))

    async def send(self, attempt: int = 1) -> None:
        (message,) = webhook_payload.build(
            confirmed(), "3-41-2", b"", webhook=lambda restaurant: "https://any.example/"
        )
        delivery = message_of(message)
        assert isinstance(delivery, WebhookDelivery)
        await self.channel.send(delivery, attempt)

    @property
    def results(self) -> list[tuple[str, int]]:
        """Result and status of the attempts, newest first."""
        return [(attempt.result, attempt.status) for _, attempt in self.attempt_log.recorded]


async def test_webhook_attempts_have_same_id_and_body(
    loopback_client: SafeHttpClient, endpoint: Endpoint
) -> None:
    """A receiver drops repeats by webhook-id. Each attempt has its own timestamp and signature."""
    webhook = WebhookHarness(loopback_client, endpoint.url + "/hook")
    endpoint.answer = lambda number: web.Response(status=500 if number == 1 else 200)
    with pytest.raises(TransientError):
        await webhook.send()
    await webhook.send(2)
    first, second = endpoint.messages
    assert first.verified(SECRET) == second.verified(SECRET)
    assert first.verified(SECRET)["data"]["order_id"] == "o1" and first.path == "/hook"
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == "3-41-2"
    assert first.headers["Content-Type"] == "application/json" and first.body == second.body
    with pytest.raises(WebhookVerificationError):
        first.verified(webhook_secrets("token-secret", "r2")[0])
    assert webhook.results == [("delivered", 200), ("failed", 500)]


@pytest.mark.parametrize("status", [301, 307, 400, 401, 404, 408, 429, 500, 503])
async def test_any_webhook_status_but_2xx_and_410_is_retried(
    loopback_client: SafeHttpClient, endpoint: Endpoint, status: int
) -> None:
    """During a deployment a receiver may answer with any of them. A redirect is not followed."""
    webhook = WebhookHarness(loopback_client, endpoint.url)
    headers = {"Retry-After": "120", "Location": endpoint.url + "/elsewhere"}
    endpoint.answer = lambda number: web.Response(status=status, headers=headers)
    with pytest.raises(TransientError) as failed:
        await webhook.send()
    assert (failed.value.status, failed.value.retry_after, len(endpoint.messages)) == (status, 120.0, 1)


async def test_410_disables_the_url_until_enabled_or_replaced(
    loopback_client: SafeHttpClient, endpoint: Endpoint
) -> None:
    """Standard Webhooks: an endpoint that answers 410 gets no more messages."""
    webhook = WebhookHarness(loopback_client, endpoint.url + "/a")
    endpoint.answer = lambda number: web.Response(status=410 if number == 1 else 200)
    for _ in range(3):
        with pytest.raises(GoneError):
            await webhook.send()
    assert len(endpoint.messages) == 1 and webhook.results == [("gone", 410)]
    webhook.set_url(endpoint.url + "/b", version=2)
    await webhook.send()
    webhook.set_url(endpoint.url + "/a", version=3)
    with pytest.raises(GoneError):
        await webhook.send()
    assert await webhook.attempt_log.enable("r1")
    await webhook.send()
    assert [message.path for message in endpoint.messages] == ["/a", "/b", "/a"]


async def test_delivery_goes_to_the_current_url(loopback_client: SafeHttpClient, endpoint: Endpoint) -> None:
    """A corrected URL gets the waiting deliveries; a removed one gets none."""
    webhook = WebhookHarness(loopback_client, "http://127.0.0.1:1/typo")
    with pytest.raises(TransientError):
        await webhook.send()
    webhook.set_url(endpoint.url, version=2)
    await webhook.send(2)
    webhook.set_url(None, version=3)
    with pytest.raises(GoneError):
        await webhook.send()
    assert len(endpoint.messages) == 1


async def test_private_webhook_url_is_rejected_and_recorded(endpoint: Endpoint) -> None:
    """Private addresses are rejected unless a setting for tests allows them."""
    async with clients.open_client(allow_private=False) as public_client:
        webhook = WebhookHarness(public_client, endpoint.url)
        with pytest.raises(PermanentError):
            await webhook.send()
    assert not endpoint.messages and webhook.results == [("refused", 0)]


class PushHarness:
    """A push channel with a recipient registry."""

    def __init__(self, client: SafeHttpClient, *browsers: Browser) -> None:
        self.registry = RecipientRegistry()
        for browser in browsers:
            self.registry.apply(record(browser.subscription()))
        self.unsubscribed: list[str | None] = []
        signer = VapidSigner(KEY, "mailto:ops@promo.example")
        self.channel = PushChannel(client, signer, self.registry.subscription, self.unsubscribe, 1_800)

    async def unsubscribe(self, subscription: PushSubscription) -> None:
        self.unsubscribed.append(subscription.endpoint)

    async def send(self, browser: Browser) -> None:
        (message,) = push_payload.build(
            confirmed(), "3-41-2", b"", subscriptions=lambda order, at: [browser.subscription()]
        )
        delivery = message_of(message)
        assert isinstance(delivery, PushDelivery)
        await self.channel.send(delivery, 1)


async def test_push_is_encrypted_and_signed(loopback_client: SafeHttpClient, endpoint: Endpoint) -> None:
    """Only the browser can decrypt it (RFC 8291); VAPID claims (RFC 8292); TTL and Topic (RFC 8030)."""
    browser = Browser(endpoint.url + "/send/secret-of-the-browser")
    push = PushHarness(loopback_client, browser)
    await push.send(browser)
    (message,) = endpoint.messages
    body = message.decrypted(browser)
    assert (body["order_id"], body["status"], body["version"], body["lang"]) == ("o1", "received", 2, "pt-BR")
    with pytest.raises(Exception, match=r"InvalidTag|Decryption"):
        message.decrypted(Browser(browser.endpoint))
    claims = message.claims()
    assert claims["aud"] == endpoint.url and claims["sub"] == "mailto:ops@promo.example"
    assert claims["key"] == vapid.public_key(KEY), "the key that the browser subscribed with"
    assert message.headers["TTL"] == "1800" and message.headers["Topic"] == replacement_topic("o1")
    assert len(replacement_topic("o1")) <= 32 and replacement_topic("o1") != replacement_topic("o2")


@pytest.mark.parametrize("status", [404, 410])
async def test_ended_subscription_is_removed(
    loopback_client: SafeHttpClient, endpoint: Endpoint, status: int
) -> None:
    """RFC 8030: 404 and 410 end a subscription."""
    browser = Browser(endpoint.url + "/1")
    push = PushHarness(loopback_client, browser)
    endpoint.answer = lambda number: web.Response(status=status)
    with pytest.raises(GoneError):
        await push.send(browser)
    assert push.unsubscribed == [browser.endpoint]


async def test_unsubscribed_browser_gets_no_push(loopback_client: SafeHttpClient, endpoint: Endpoint) -> None:
    """Not even a delivery that was written before."""
    with pytest.raises(GoneError):
        await PushHarness(loopback_client).send(Browser(endpoint.url + "/1"))
    assert not endpoint.messages


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (429, TransientError),
        (500, TransientError),
        (503, TransientError),
        (400, PermanentError),
        (413, PermanentError),
    ],
)
async def test_push_status_is_transient_or_permanent(
    loopback_client: SafeHttpClient, endpoint: Endpoint, status: int, kind: type[Exception]
) -> None:
    """429 and 5xx are retried; another 4xx would be the same again."""
    browser = Browser(endpoint.url + "/1")
    endpoint.answer = lambda number: web.Response(status=status)
    with pytest.raises(kind) as raised:
        await PushHarness(loopback_client, browser).send(browser)
    assert raised.type is kind


async def test_invalid_browser_keys_are_rejected(loopback_client: SafeHttpClient, endpoint: Endpoint) -> None:
    """A point that is not on the curve."""
    browser = Browser(endpoint.url + "/1")
    invalid_key = base64.urlsafe_b64encode(b"\x04" + b"\x01" * 64).rstrip(b"=").decode()
    push = PushHarness(loopback_client)
    push.registry.apply(
        record(PushSubscription("r1", "o1", "subscribe", browser.endpoint, invalid_key, browser.keys["auth"]))
    )
    with pytest.raises(PermanentError):
        await push.send(browser)
    assert not endpoint.messages


def test_vapid_token_is_reused_for_hours() -> None:
    """Signing is the most expensive part of a push; services reject a lifetime of more than a day."""
    now = [1_000_000.0]
    signer = VapidSigner(KEY, "mailto:ops@promo.example", now=lambda: now[0])
    first = signer.authorization("https://a.example")
    assert signer.authorization("https://a.example") == first != signer.authorization("https://b.example")
    now[0] += 6 * 3_600
    assert signer.authorization("https://a.example") != first


@pytest.mark.parametrize("key", ["x", "A" * 43, "é", "_" * 43 + "="])
def test_invalid_vapid_key_names_its_setting(key: str) -> None:
    """The error does not quote the key."""
    for read_key in (lambda: VapidSigner(key, "mailto:x@y.example"), lambda: vapid.public_key(key)):
        with pytest.raises(SettingError, match="PROMO_VAPID_PRIVATE_KEY") as caught:
            read_key()
        assert len(key) < 2 or key not in str(caught.value)


@pytest.mark.parametrize("subject", ["", "ops@promo.example", "http://promo.example"])
def test_invalid_vapid_subject_names_its_setting(subject: str) -> None:
    """At the start, not with the first push."""
    with pytest.raises(SettingError, match="PROMO_VAPID_SUBJECT"):
        VapidSigner(KEY, subject)


def test_push_is_off_without_a_key() -> None:
    """The public key is empty then."""
    assert vapid.public_key("") == ""
