"""The signed message: Standard Webhooks' headers over the body. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime

from standardwebhooks import Webhook

USER_AGENT = "Promo-Relampago-Webhooks/1"


def headers(secrets: Sequence[str], message_id: str, now: float, body: str) -> dict[str, str]:
    """Return the headers of an attempt made now (seconds since 1970): the id stays over attempts, the time does not.

    Signed with each of the secrets, so that a receiver who has the old one verifies until it has the new one.
    """
    at = datetime.fromtimestamp(int(now), UTC)
    return {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now)),
        "webhook-signature": " ".join(Webhook(secret).sign(message_id, at, body) for secret in secrets),
    }
