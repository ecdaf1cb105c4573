"""Personal data: sealed, opened, and unreadable once the key of its order, its month or its customer is destroyed."""

from collections.abc import Callable

import msgspec
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ingress.http.problems import Unavailable
from ingress.privacy import months
from ingress.privacy.customer_ids import key_name
from ingress.privacy.keyring import Changes, ErasedError, Keyring
from ingress.privacy.sealing import Sealed, UndecryptableError, open_sealed, seal
from ingress.privacy.wrapping import Wrapping
from schemas import timestamps
from schemas.commands import Address, PersonalData
from schemas.identity import order_id
from schemas.timestamps import EpochMs
from tests.support.privacy.keyrings import load_records, new_records, read_keyring

PERSONAL = PersonalData(Address("Rua A", "10", "Centro", "Recife", "50000-000"), "Ana", "+5581999990000")
ORDER, OTHER = order_id("r1", "k1"), order_id("r1", "k2")
CUSTOMER = "c-1"
DAY_MS = 86_400_000
#: In the middle of a month, and on the first day of the next.
NOW, LATER = timestamps.from_text("2026-01-15T12:00:00Z"), timestamps.from_text("2026-02-01T10:00:00Z")
MONTH = months.from_text("2026-01")


def january(secret: str = "s") -> Keyring:
    """Return a new keyring of January, which has the key of February too."""
    return read_keyring(new_records(secret, MONTH), secret)


def sealed_at(
    keyring: Keyring, order: str = ORDER, customer: str | None = CUSTOMER, now: EpochMs = NOW
) -> Sealed:
    """Return an order's data as it is sealed at an instant."""
    return seal(keyring, order, customer, PERSONAL, now, DAY_MS)


def sealed_bytes(keyring: Keyring, order: str = ORDER, customer: str | None = CUSTOMER) -> bytes:
    """Return the sealed data of an order."""
    sealed = sealed_at(keyring, order, customer).personal
    assert sealed is not None
    return sealed


@pytest.mark.parametrize("customer", [CUSTOMER, None])
def test_sealed_data_is_opaque_and_opens(customer: str | None) -> None:
    """The sealed bytes contain none of the words; the order's keys open them."""
    keyring = january()
    sealed = sealed_bytes(keyring, customer=customer)
    assert not any(word in sealed for word in (b"Rua A", b"Ana", b"5581999990000", b"street", b"c-1"))
    assert open_sealed(keyring, ORDER, customer, sealed) == PERSONAL


def test_processes_derive_same_key_and_fingerprint() -> None:
    """A retry that reaches another process must not end with two keys."""
    records = new_records(month=MONTH)
    one, other = read_keyring(records), read_keyring(records)
    first, retry = sealed_at(one), sealed_at(other)
    assert first.fingerprint == retry.fingerprint and first.personal != retry.personal
    assert retry.personal is not None and open_sealed(one, ORDER, CUSTOMER, retry.personal) == PERSONAL


def test_fingerprint_depends_on_order_and_body() -> None:
    """Equal addresses of two orders cannot be recognised, and addresses cannot be tried."""
    keyring = january()
    changed = msgspec.structs.replace(PERSONAL, customer_phone="+5581999990001")
    fingerprints = {
        sealed_at(keyring).fingerprint,
        seal(keyring, ORDER, CUSTOMER, changed, NOW, DAY_MS).fingerprint,
        sealed_at(keyring, OTHER).fingerprint,
        sealed_at(keyring, customer="c-2").fingerprint,
        sealed_at(keyring, now=LATER).fingerprint,
        sealed_at(january()).fingerprint,
    }
    assert len(fingerprints) == 6


def test_retry_across_the_turn_of_the_month_is_known() -> None:
    """The key of the fingerprint is destroyed with the month, so a retry in the next month has both fingerprints."""
    keyring = january()
    first, retry = sealed_at(keyring), sealed_at(keyring, now=LATER)
    assert first.earlier_fingerprint is None and retry.earlier_fingerprint == first.fingerprint
    assert sealed_at(keyring, now=EpochMs(LATER + DAY_MS)).earlier_fingerprint is None
    load_records(keyring, keyring.drop_month(MONTH))
    assert sealed_at(keyring, now=LATER).earlier_fingerprint is None


def test_keys_open_only_their_own_order() -> None:
    """Sealed data that is moved to another order, customer or month cannot be opened there."""
    keyring = january()
    sealed = sealed_bytes(keyring)
    moved = sealed[:4] + (int.from_bytes(sealed[4:6], "big") + 1).to_bytes(2, "big") + sealed[6:]
    for order, customer, raw in [
        (OTHER, CUSTOMER, sealed),
        (ORDER, "c-2", sealed),
        (ORDER, None, sealed),
        (ORDER, CUSTOMER, moved),
        (ORDER, CUSTOMER, sealed[:-1]),
        (ORDER, CUSTOMER, b""),
        (ORDER, CUSTOMER, b"pd2+"),
    ]:
        with pytest.raises(UndecryptableError):
            open_sealed(keyring, order, customer, raw)


def test_data_of_another_keyring_is_unreadable_not_forgotten() -> None:
    """An order in the oven must not be shown as one whose customer wanted to be forgotten."""
    with pytest.raises(UndecryptableError):
        open_sealed(january(), ORDER, CUSTOMER, sealed_bytes(january()))
    keyring = january()
    unknown = read_keyring(new_records(month=months.from_text("2027-01")))
    with pytest.raises(UndecryptableError):
        open_sealed(unknown, ORDER, CUSTOMER, sealed_bytes(keyring))


def test_version_1_still_opens() -> None:
    """A nonce and a ciphertext with the order's key, also where the nonce begins as version 2 does."""
    keyring = january()
    for nonce in (b"n" * 12, b"pd2+" + b"n" * 8):
        cipher = AESGCM(keyring.order_key(ORDER))
        sealed = nonce + cipher.encrypt(nonce, msgspec.json.encode(PERSONAL), ORDER.encode())
        assert open_sealed(keyring, ORDER, CUSTOMER, sealed) == PERSONAL
    load_records(keyring, keyring.destroy([ORDER]))
    with pytest.raises(ErasedError):
        open_sealed(keyring, ORDER, CUSTOMER, sealed)


@pytest.mark.parametrize(
    "destroy",
    [
        lambda keyring: keyring.destroy([ORDER]),
        lambda keyring: keyring.destroy((), [key_name(CUSTOMER)]),
        lambda keyring: keyring.drop_month(MONTH),
    ],
    ids=["order", "customer", "month"],
)
def test_each_of_three_keys_erases(destroy: Callable[[Keyring], Changes]) -> None:
    """A process that reads what is left cannot open the data; others still open. Destroying again writes nothing."""
    records = new_records("s", MONTH)
    keyring = read_keyring(records, "s")
    sealed = sealed_bytes(keyring)
    others = seal(keyring, OTHER, "c-2", PERSONAL, LATER, DAY_MS).personal
    assert others is not None
    changes = destroy(keyring)
    assert len(changes) == 1
    after = read_keyring(records | dict(changes), "s")
    load_records(keyring, changes)
    for one in (after, keyring):
        with pytest.raises(ErasedError):
            open_sealed(one, ORDER, CUSTOMER, sealed)
        assert open_sealed(one, OTHER, "c-2", others) == PERSONAL
        assert destroy(one) == {}
        again = sealed_at(one)
        assert again.personal is None and again.forgotten and again.fingerprint == ""


def test_forgotten_customer_is_not_a_forgotten_order() -> None:
    """Only the customer needs another identity for a new order."""
    keyring = january()
    load_records(keyring, keyring.destroy([OTHER], [key_name(CUSTOMER)]))
    assert sealed_at(keyring).customer_forgotten
    assert not sealed_at(keyring, OTHER, "c-2").customer_forgotten


def test_sealing_needs_the_keys() -> None:
    """Otherwise the data would be written plain, or with a key that no other process has."""
    with pytest.raises(Unavailable):
        sealed_at(Keyring(Wrapping("s")))
    with pytest.raises(Unavailable):
        sealed_at(january(), now=timestamps.from_text("2026-03-01T00:00:00Z"))
