"""Headers of a signed webhook message (standardwebhooks.com). Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime

from standardwebhooks import Webhook

from schemas.timestamps import EpochSeconds

USER_AGENT = "Promo-Relampago-Webhooks/1"


def headers(secrets: Sequence[str], message_id: str, now: EpochSeconds, body: str) -> dict[str, str]:
    """Return the headers of an attempt at `now`.

    All attempts have the same webhook-id; webhook-timestamp is that of the attempt. The message is signed
    with each secret, so a receiver can verify it with the old or the new one during a rotation.
    """
    at = datetime.fromtimestamp(int(now), UTC)
    return {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now)),
        "webhook-signature": " ".join(Webhook(secret).sign(message_id, at, body) for secret in secrets),
    }
