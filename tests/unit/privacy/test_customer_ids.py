"""The customer of a phone: the same until it is forgotten, and then another."""

import pytest

from ingress.privacy import customer_ids
from ingress.privacy.customer_ids import PhoneExhaustedError, key_name, phone_customer_id, phone_key_names
from tests.support.privacy.keyrings import complete_keyring, load_records, new_records, read_keyring

PHONE, OTHER = "+5581999990000", "+5581999990001"


def test_phone_is_one_customer_for_every_process() -> None:
    """And no other installation can compute it."""
    records = new_records()
    ids = {phone_customer_id(read_keyring(records), PHONE) for _ in range(2)}
    assert len(ids) == 1
    (customer,) = ids
    assert customer.startswith("c_") and len(customer) == 28
    assert customer != phone_customer_id(read_keyring(records), OTHER)
    assert customer != phone_customer_id(complete_keyring(), PHONE)


def test_forgotten_phone_is_a_new_customer() -> None:
    """The former id cannot be computed any more, also with the keyring."""
    keyring = complete_keyring()
    seen = set()
    for _ in range(3):
        customer = phone_customer_id(keyring, PHONE)
        seen.add(customer)
        load_records(keyring, keyring.destroy((), phone_key_names(keyring, PHONE)))
        assert keyring.is_person_forgotten(key_name(customer))
    assert len(seen) == 3 and phone_customer_id(keyring, PHONE) not in seen


def test_customer_forgotten_by_id_frees_the_phone() -> None:
    """The operator may know the id only; a new order must not meet the forgotten one."""
    keyring = complete_keyring()
    customer = phone_customer_id(keyring, PHONE)
    load_records(keyring, keyring.destroy((), [key_name(customer)]))
    assert phone_customer_id(keyring, PHONE) != customer


def test_search_for_an_id_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A phone that was forgotten too often is refused."""
    monkeypatch.setattr(customer_ids, "MAX_GENERATIONS", 2)
    keyring = complete_keyring()
    for _ in range(2):
        load_records(keyring, keyring.destroy((), phone_key_names(keyring, PHONE)))
    with pytest.raises(PhoneExhaustedError):
        phone_customer_id(keyring, PHONE)
