"""The ids of customers: one for a phone, until it is forgotten; and the name of the key that seals a customer's orders.

The id of a phone is derived with a key of the keyring. To forget the customer destroys that key: then the id cannot be
computed from the phone any more, and the same phone is a new customer.
"""

import base64
import hashlib
import re

from ingress.http.problems import Problem
from ingress.privacy.keyring import ErasedError, Keyring

#: How often one phone may be forgotten and come back.
MAX_GENERATIONS = 100
#: A phone's, a partner's or a device's customer.
_CUSTOMER_ID = re.compile(r"[cp]_[a-z2-7]{26}|d_[0-9a-f]{32}")


class PhoneExhaustedError(Problem):
    """The phone was forgotten so often that it has no further customer's id."""

    def __init__(self) -> None:
        super().__init__("customer-forgotten")


def is_customer_id(text: str) -> bool:
    """Return True if this has the form of a customer's id. Earlier releases took any text as one."""
    return _CUSTOMER_ID.fullmatch(text) is not None


def key_name(customer_id: str) -> str:
    """Return the name of the key that seals the orders of a customer."""
    return f"customer/{customer_id}"


def phone_customer_id(keyring: Keyring, phone: str) -> str:
    """Return the id of a phone's customer: `c_` and 26 characters. The phone is in its normal form.

    Raises PhoneExhaustedError, and Unavailable while the keyring was not read.
    """
    return _locate(keyring, phone)[0]


def phone_key_names(keyring: Keyring, phone: str) -> list[str]:
    """Return the names of the keys to destroy so that a phone's customer is forgotten; raises as `phone_customer_id`."""
    customer_id, phone_name = _locate(keyring, phone)
    return [key_name(customer_id), phone_name]


def _locate(keyring: Keyring, phone: str) -> tuple[str, str]:
    """Return a phone's customer, and the name of the phone's key: the first ones that are not forgotten."""
    for generation in range(MAX_GENERATIONS):
        name = f"phone/{generation}/{phone}"
        try:
            key = keyring.person_key(name)
        except ErasedError:
            continue
        digest = hashlib.blake2b(phone.encode(), key=key, digest_size=16, person=b"promo-customer").digest()
        customer_id = "c_" + base64.b32encode(digest).decode().rstrip("=").lower()
        if not keyring.is_person_forgotten(key_name(customer_id)):
            return customer_id, name
    raise PhoneExhaustedError
