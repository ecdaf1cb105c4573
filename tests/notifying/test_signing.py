"""Standard Webhooks: vectors of the specification, and what its library says of ours."""

from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from egress.webhooks import signing
from schemas.identity import webhook_secrets

#: From the specification's own implementations.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE = "msg_p5jXN8AQM9LWM0D4loKWxJek"
AT = 1_614_265_330
BODY = '{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_vector_of_the_specification() -> None:
    """Any implementation in any language accepts it."""
    made = signing.headers([SECRET], MESSAGE, AT + 0.9, BODY)
    assert made["webhook-id"] == MESSAGE
    assert made["webhook-timestamp"] == str(AT)
    assert made["webhook-signature"] == SIGNATURE


def test_what_we_send_is_verified_with_what_the_restaurant_was_shown() -> None:
    """The secret is derived where it is shown and where it is used."""
    now = datetime.now(UTC).timestamp()
    (secret,) = webhook_secrets("token-secret", "r1")
    made = signing.headers([secret], "3-41-2", now, '{"açaí":1}')
    assert Webhook(secret).verify('{"açaí":1}'.encode(), made) == {"açaí": 1}
    for body, headers in (
        (b'{"a":1}', made),
        ('{"açaí":1}'.encode(), {**made, "webhook-id": "3-41-3"}),
        ('{"açaí":1}'.encode(), {**made, "webhook-timestamp": str(int(now) - 1)}),
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(body, headers)


def test_each_restaurant_has_a_secret_of_its_own() -> None:
    """Whoever has one cannot sign for another."""
    secrets = {*webhook_secrets("s", "r1"), *webhook_secrets("s", "r2"), *webhook_secrets("t", "r1")}
    assert len(secrets) == 3
    assert webhook_secrets("s", "r1") == webhook_secrets("s", "r1")


def test_while_the_secret_is_changed_messages_are_verified_with_the_new_and_the_old_one() -> None:
    """PROMO_TOKEN_SECRET=new,old: nobody has to change at the same moment as we."""
    now = datetime.now(UTC).timestamp()
    both = webhook_secrets("new, old", "r1")
    assert both == [*webhook_secrets("new", "r1"), *webhook_secrets("old", "r1")]
    made = signing.headers(both, "3-41-2", now, "{}")
    for secret in both:
        assert Webhook(secret).verify(b"{}", made) == {}
    with pytest.raises(WebhookVerificationError):
        Webhook(webhook_secrets("other", "r1")[0]).verify(b"{}", made)
