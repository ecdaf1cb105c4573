"""The customer's id of a phone: the same phone is the same customer, and the id does not show the phone."""

import base64
import hmac

from schemas import setting_types

_ID_BYTES = 16


def phone_customer_id(token_secrets: str, phone: str) -> str:
    """Return the id of the customer with this phone: `c_` and 26 characters.

    Args:
        token_secrets: the secrets of tokens, comma-separated, the current one first; another one makes other ids.
        phone: the number in E.164.
    """
    secret = setting_types.split_secrets(token_secrets)[0].encode()
    digest = hmac.digest(secret, b"customer of phone:" + phone.encode(), "sha256")[:_ID_BYTES]
    return f"c_{base64.b32encode(digest).decode().rstrip('=').lower()}"
