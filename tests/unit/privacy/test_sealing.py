"""Personal data: sealed and opened with an order's key, and unreadable once that key is destroyed."""

import msgspec
import pytest

from ingress.http.problems import Unavailable
from ingress.privacy.keyring import TREE_COUNT, TREE_NAMES, ErasedError, Keyring
from ingress.privacy.sealing import open_sealed, seal
from ingress.privacy.wrapping import Wrapping, WrongSecretError
from schemas.commands import Address, PersonalData
from schemas.identity import order_id
from tests.support.privacy.keyrings import complete_keyring, new_records, read_keyring

PERSONAL = PersonalData(Address("Rua A", "10", "Centro", "Recife", "50000-000"), "Ana", "+5581999990000")
ORDER, OTHER = order_id("r1", "k1"), order_id("r1", "k2")


def sealed_bytes(keyring: Keyring, order: str) -> bytes:
    """Return the sealed data of an order."""
    sealed = seal(keyring, order, PERSONAL).personal
    assert sealed is not None
    return sealed


def test_sealed_data_is_opaque_and_opens() -> None:
    """The sealed bytes contain none of the words; the order's key opens them."""
    keyring = complete_keyring()
    sealed = sealed_bytes(keyring, ORDER)
    assert not any(word in sealed for word in (b"Rua A", b"Ana", b"5581999990000", b"street"))
    assert open_sealed(keyring, ORDER, sealed) == PERSONAL


def test_processes_derive_same_key_and_fingerprint() -> None:
    """A retry that reaches another process must not end with two keys."""
    records = new_records()
    one, other = read_keyring(records), read_keyring(records)
    first, retry = seal(one, ORDER, PERSONAL), seal(other, ORDER, PERSONAL)
    assert first.fingerprint == retry.fingerprint and first.personal != retry.personal
    assert retry.personal is not None and open_sealed(one, ORDER, retry.personal) == PERSONAL


def test_fingerprint_depends_on_order_and_body() -> None:
    """Equal addresses of two orders cannot be recognised, and addresses cannot be tried."""
    keyring = complete_keyring()
    changed = msgspec.structs.replace(PERSONAL, customer_phone="+5581999990001")
    fingerprints = {
        seal(keyring, ORDER, PERSONAL).fingerprint,
        seal(keyring, ORDER, changed).fingerprint,
        seal(keyring, OTHER, PERSONAL).fingerprint,
        seal(complete_keyring(), ORDER, PERSONAL).fingerprint,
    }
    assert len(fingerprints) == 4


def test_key_opens_only_its_own_order() -> None:
    """Sealed data that is moved to another order cannot be opened there."""
    keyring = complete_keyring()
    with pytest.raises(ErasedError):
        open_sealed(keyring, OTHER, sealed_bytes(keyring, ORDER))


def test_erased_order_cannot_be_opened() -> None:
    """Not by a process that reads the new trees; other orders still open."""
    records = new_records()
    keyring = read_keyring(records)
    sealed, others = sealed_bytes(keyring, ORDER), sealed_bytes(keyring, OTHER)
    changes = keyring.puncture_orders([ORDER])
    assert len(changes) == 1
    after = read_keyring(records | changes)
    with pytest.raises(ErasedError):
        open_sealed(after, ORDER, sealed)
    assert open_sealed(after, OTHER, others) == PERSONAL
    assert seal(after, ORDER, PERSONAL).personal is None and seal(after, ORDER, PERSONAL).forgotten
    assert after.puncture_orders([ORDER]) == {}


def test_sealing_needs_the_trees() -> None:
    """Otherwise the data would be written plain, or with a key that no other process has."""
    with pytest.raises(Unavailable):
        seal(Keyring(Wrapping("s")), ORDER, PERSONAL)


def test_trees_are_wrapped_and_secret_rotates() -> None:
    """PROMO_PRIVACY_SECRET: the current secret first, then the previous one, until every tree is rewrapped."""
    records, wrapping = new_records("old"), Wrapping("old")
    keyring = read_keyring(records, "old")
    assert keyring.is_complete and len(records) == TREE_COUNT
    for name, wrapped in records.items():
        assert not any(node.seed in wrapped for node in wrapping.unwrap(name, wrapped).nodes)
    with pytest.raises(WrongSecretError):
        read_keyring(records, "new")
    rewrapped = read_keyring(records, "new, old").trees_to_write()
    assert len(rewrapped) == TREE_COUNT
    assert read_keyring(rewrapped, "new").key(ORDER) == keyring.key(ORDER)
    assert read_keyring(rewrapped, "new").trees_to_write() == {}


def test_wrapped_tree_is_bound_to_its_name() -> None:
    """A writer of the topic without the secret cannot swap or change trees."""
    records = new_records()
    first, second = TREE_NAMES[:2]
    with pytest.raises(WrongSecretError):
        read_keyring({first: records[second]})
    with pytest.raises(WrongSecretError):
        read_keyring({first: records[first][:-1] + bytes([records[first][-1] ^ 1])})
