"""Personal data: sealed with an order's key, opened with it, and by nobody once it is forgotten."""

import msgspec
import pytest

from ingress.privacy.keyring import NAMES, TREES, Forgotten, Keyring
from ingress.privacy.sealing import open_sealed, seal
from ingress.privacy.wrapping import Wrapping, WrongSecretError
from ingress.problems import Unavailable
from schemas.commands import Address, Personal
from schemas.identity import order_id
from tests.privacy.keyrings import whole_keyring

PERSONAL = Personal(Address("Rua A", "10", "Centro", "Recife", "50000-000"), "Ana", "+5581999990000")
ORDER, OTHER = order_id("r1", "k1"), order_id("r1", "k2")


def written(keyring: Keyring) -> dict[bytes, bytes]:
    """Return the trees as they are written down."""
    return dict(keyring._wrapped)


def read(records: dict[bytes, bytes], secret: str = "secret of the tests") -> Keyring:
    """Return the keyring of a process that reads these records."""
    keyring = Keyring(Wrapping(secret))
    for name, wrapped in records.items():
        keyring.take(name, wrapped)
    return keyring


def test_what_is_sealed_says_nothing_and_opens_again() -> None:
    """Neither the words nor their fingerprint without the key."""
    sealed = seal(whole_keyring(), ORDER, PERSONAL)
    assert sealed.personal is not None and not any(
        word in sealed.personal for word in (b"Rua A", b"Ana", b"5581999990000", b"street")
    )
    keyring = whole_keyring()
    sealed = seal(keyring, ORDER, PERSONAL)
    assert sealed.personal is not None and open_sealed(keyring, ORDER, sealed.personal) == PERSONAL


def test_every_process_seals_with_the_same_key_and_makes_the_same_fingerprint() -> None:
    """A retry that reaches another process must not end with two keys."""
    one = whole_keyring()
    other = read(written(one))
    first, again = seal(one, ORDER, PERSONAL), seal(other, ORDER, PERSONAL)
    assert first.fingerprint == again.fingerprint and first.personal != again.personal
    assert again.personal is not None and open_sealed(one, ORDER, again.personal) == PERSONAL


def test_another_body_and_another_order_have_another_fingerprint() -> None:
    """Nobody can see by it that two orders go to the same address, nor try addresses on it."""
    keyring = whole_keyring()
    changed = msgspec.structs.replace(PERSONAL, customer_phone="+5581999990001")
    prints = {
        seal(keyring, ORDER, PERSONAL).fingerprint,
        seal(keyring, ORDER, changed).fingerprint,
        seal(keyring, OTHER, PERSONAL).fingerprint,
        seal(whole_keyring(), ORDER, PERSONAL).fingerprint,
    }
    assert len(prints) == 4


def test_an_order_opens_no_other_orders_data() -> None:
    """Sealed data that is moved to another order is not shown there."""
    keyring = whole_keyring()
    sealed = seal(keyring, ORDER, PERSONAL).personal
    assert sealed is not None
    with pytest.raises(Forgotten):
        open_sealed(keyring, OTHER, sealed)


def test_a_forgotten_order_is_opened_by_nobody_and_all_others_as_before() -> None:
    """Neither by who forgot it nor by a process that reads what is written then."""
    keyring = whole_keyring()
    sealed, others = seal(keyring, ORDER, PERSONAL).personal, seal(keyring, OTHER, PERSONAL).personal
    assert sealed is not None and others is not None
    changes = keyring.forgetting([ORDER])
    assert len(changes) == 1
    after = read(written(keyring) | changes)
    with pytest.raises(Forgotten):
        open_sealed(after, ORDER, sealed)
    assert open_sealed(after, OTHER, others) == PERSONAL
    assert seal(after, ORDER, PERSONAL).personal is None and seal(after, ORDER, PERSONAL).forgotten
    assert after.forgetting([ORDER]) == {}


def test_without_its_trees_a_process_seals_nothing() -> None:
    """It would have to write the data plain, or with a key that nobody else has."""
    with pytest.raises(Unavailable):
        seal(Keyring(Wrapping("s")), ORDER, PERSONAL)


def test_the_trees_are_wrapped_and_the_secret_can_be_changed() -> None:
    """PROMO_PRIVACY_SECRET: the current one first, then the previous one, until all is wrapped anew."""
    keyring = whole_keyring("old")
    assert keyring.is_whole and len(written(keyring)) == TREES
    seeds = [node.seed for tree in keyring._trees.values() for node in tree.nodes]
    assert not any(seed in wrapped for seed, wrapped in zip(seeds, written(keyring).values(), strict=True))
    with pytest.raises(WrongSecretError):
        read(written(keyring), "new")
    both = read(written(keyring), "new, old")
    rewrapped = both.missing()
    assert len(rewrapped) == TREES
    assert read(rewrapped, "new").key(ORDER) == keyring.key(ORDER)
    assert read(rewrapped, "new").missing() == {}


def test_a_wrapped_tree_is_of_its_name_only_and_a_changed_one_is_refused() -> None:
    """Who may write the topic but has no secret cannot put one tree in another's place."""
    records = written(whole_keyring())
    first, second = NAMES[:2]
    with pytest.raises(WrongSecretError):
        read({first: records[second]})
    with pytest.raises(WrongSecretError):
        read({first: records[first][:-1] + bytes([records[first][-1] ^ 1])})
