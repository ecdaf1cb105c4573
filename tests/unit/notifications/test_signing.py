"""Webhook signatures, checked with the vectors and the library of Standard Webhooks."""

from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from egress.notifications.webhooks import signing
from schemas.identity import webhook_secrets

#: Test vector of the reference implementations.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE = "msg_p5jXN8AQM9LWM0D4loKWxJek"
AT = 1_614_265_330
BODY = '{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_headers_equal_the_reference_vector() -> None:
    """So any implementation in any language verifies them."""
    headers = signing.headers([SECRET], MESSAGE, AT + 0.9, BODY)
    assert headers["webhook-id"] == MESSAGE
    assert headers["webhook-timestamp"] == str(AT)
    assert headers["webhook-signature"] == SIGNATURE


def test_signature_verifies_with_the_secret_of_the_restaurant() -> None:
    """Ingress and egress derive the same secret."""
    now = datetime.now(UTC).timestamp()
    (secret,) = webhook_secrets("token-secret", "r1")
    headers = signing.headers([secret], "3-41-2", now, '{"açaí":1}')
    assert Webhook(secret).verify('{"açaí":1}'.encode(), headers) == {"açaí": 1}
    for forged_body, forged_headers in (
        (b'{"a":1}', headers),
        ('{"açaí":1}'.encode(), {**headers, "webhook-id": "3-41-3"}),
        ('{"açaí":1}'.encode(), {**headers, "webhook-timestamp": str(int(now) - 1)}),
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(forged_body, forged_headers)


def test_each_restaurant_has_its_own_secret() -> None:
    """A restaurant cannot sign messages for another."""
    secrets = {*webhook_secrets("s", "r1"), *webhook_secrets("s", "r2"), *webhook_secrets("t", "r1")}
    assert len(secrets) == 3
    assert webhook_secrets("s", "r1") == webhook_secrets("s", "r1")


def test_two_versions_are_valid_at_a_time() -> None:
    """A receiver changes its secret after the rotation; the first version is the one of earlier releases."""
    now = datetime.now(UTC).timestamp()
    first, second, third = (webhook_secrets("s", "r1", version)[0] for version in (1, 2, 3))
    assert webhook_secrets("s", "r1") == [first] and len({first, second, third}) == 3
    assert webhook_secrets("s", "r1", 3) == [third, second]
    headers = signing.headers(webhook_secrets("s", "r1", 3), "3-41-2", now, "{}")
    for secret in (second, third):
        assert Webhook(secret).verify(b"{}", headers) == {}
    with pytest.raises(WebhookVerificationError):
        Webhook(first).verify(b"{}", headers)


def test_rotated_secret_verifies_with_old_and_new() -> None:
    """PROMO_WEBHOOK_SECRET=new,old: receivers may change their secret at any time."""
    now = datetime.now(UTC).timestamp()
    both = webhook_secrets("new, old", "r1")
    assert both == [*webhook_secrets("new", "r1"), *webhook_secrets("old", "r1")]
    headers = signing.headers(both, "3-41-2", now, "{}")
    for secret in both:
        assert Webhook(secret).verify(b"{}", headers) == {}
    with pytest.raises(WebhookVerificationError):
        Webhook(webhook_secrets("other", "r1")[0]).verify(b"{}", headers)
