"""The keyring: its records, what happens if some are lost, and its growth."""

import pytest

from ingress.privacy import forest, months
from ingress.privacy.forest import ROOTS, Space
from ingress.privacy.keyring import Keyring
from ingress.privacy.manifest import MANIFEST
from ingress.privacy.wrapping import Wrapping, WrongSecretError
from schemas.identity import order_id
from tests.support.privacy.keyrings import has_month_key, load_records, new_records, read_keyring

ORDER = order_id("r1", "k1")
MONTH = months.from_text("2026-01")
NEXT = months.from_text("2026-02")
TREES = {name for roots in ROOTS.values() for name in roots}


def test_new_keyring_has_all_records() -> None:
    """Trees of orders and of people, the keys of this month and the next, and the manifest of them."""
    records = new_records(month=MONTH)
    assert records.keys() == TREES | {b"month-2026-01", b"month-2026-02", MANIFEST}
    keyring = read_keyring(records)
    assert not keyring.lost and keyring.has_been_complete and not keyring.lacks(MONTH)
    assert keyring.complete(MONTH) == {} and has_month_key(keyring, MONTH) and has_month_key(keyring, NEXT)


def test_month_has_its_key_before_it_begins() -> None:
    """No order waits for a key at midnight; a key that exists is never replaced."""
    records = new_records(month=MONTH)
    keyring = read_keyring(records)
    assert keyring.lacks(NEXT)
    changes = keyring.complete(NEXT)
    assert changes.keys() == {b"month-2026-03", MANIFEST}
    after = read_keyring(records | dict(changes))
    assert after.month_key(NEXT) == keyring.month_key(NEXT) and not after.lacks(NEXT)


def test_dropped_month_is_not_created_again() -> None:
    """Also by a process whose clock is behind."""
    keyring = read_keyring(new_records(month=MONTH))
    load_records(keyring, keyring.drop_month(MONTH))
    assert not keyring.lacks(MONTH) and keyring.complete(MONTH) == {} and not has_month_key(keyring, MONTH)


@pytest.mark.parametrize("lost", [b"00", b"p00", b"month-2026-01", MANIFEST])
def test_each_lost_record_is_noticed(lost: bytes) -> None:
    """New keys in its place would open nothing of what was sealed."""
    records = new_records(month=MONTH)
    del records[lost]
    assert lost in read_keyring(records).lost


def test_empty_keyring_lacks_every_tree_of_orders() -> None:
    """A keyring that was never written: only the orders in the log show that it must have been."""
    keyring = Keyring(Wrapping("s"))
    assert keyring.lost == set(ROOTS[Space.ORDER]) and not keyring.has_been_complete


def test_topic_that_was_emptied_is_noticed_by_a_process_that_read_it() -> None:
    """It reads the topic again after a reconnect."""
    keyring = read_keyring(new_records(month=MONTH))
    key = keyring.order_key(ORDER)
    keyring.begin_read()
    assert keyring.lost and keyring.order_key(ORDER) == key


def test_keyring_of_the_first_version_is_completed() -> None:
    """It had the trees of orders only: nothing is lost, and the rest is added."""
    records = {name: wrapped for name, wrapped in new_records().items() if name in ROOTS[Space.ORDER]}
    keyring = read_keyring(records)
    assert not keyring.lost and keyring.lacks(MONTH)
    changes = keyring.complete(MONTH)
    assert changes.keys() == set(ROOTS[Space.PERSON]) | {b"month-2026-01", b"month-2026-02", MANIFEST}
    after = read_keyring(records | dict(changes))
    assert after.order_key(ORDER) == keyring.order_key(ORDER) and not after.lacks(MONTH)


def test_loss_can_be_accepted() -> None:
    """New keys take the place of the lost ones; all others stay."""
    records = new_records(month=MONTH)
    whole = read_keyring(records)
    lost_tree = forest.leaf(Space.ORDER, ORDER).root
    del records[lost_tree], records[b"month-2026-01"]
    keyring = read_keyring(records)
    load_records(keyring, keyring.complete(NEXT))
    assert not keyring.lost and not keyring.lacks(NEXT)
    assert keyring.order_key(ORDER) != whole.order_key(ORDER)
    assert keyring.person_key("customer/c-1") == whole.person_key("customer/c-1")


def test_records_stay_small_however_much_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tree that has grown is split, so forgetting never meets the limit of a record. No key changes, none returns."""
    monkeypatch.setattr(forest, "MAX_TREE_BYTES", 4 * 1024)
    records = new_records(month=MONTH)
    before, keyring = read_keyring(records), read_keyring(records)
    orders = [order_id("r1", f"k{number}") for number in range(3_000)]
    for at in range(0, 2_000, 500):
        changes = keyring.destroy(orders[at : at + 500])
        assert all(len(wrapped or b"") < 8 * 1024 for wrapped in changes.values())
        for name, wrapped in changes.items():  # as a process follows them
            keyring.load(name, wrapped)
            assert not keyring.lost
        records |= changes
    assert sum(wrapped is None for wrapped in records.values()) > 100
    after = read_keyring(records)
    assert not after.lost and not after.lacks(MONTH)
    assert all(after.is_forgotten(order) for order in orders[:2_000])
    assert all(after.order_key(order) == before.order_key(order) for order in orders[2_000:])
    half = next(name for name in records if records[name] is not None and len(name) == 3 and name[:1] != b"p")
    assert read_keyring({name: records[name] for name in records if name != half}).lost == {half}
    assert after.destroy(orders[:2_000]) == {}


def test_records_are_wrapped_and_secret_rotates() -> None:
    """PROMO_PRIVACY_SECRET: the current secret first, then the previous one, until every record is rewrapped."""
    records = new_records("old", MONTH)
    keyring = read_keyring(records, "old")
    keys = keyring.order_key(ORDER), keyring.month_key(MONTH), keyring.person_key("customer/c")
    assert not any(keyring.month_key(MONTH) in (wrapped or b"") for wrapped in records.values())
    with pytest.raises(WrongSecretError):
        read_keyring(records, "new")
    rotating = read_keyring(records, "new, old")
    assert rotating.lacks(MONTH)
    rewrapped = rotating.complete(MONTH)
    assert rewrapped.keys() == records.keys()
    after = read_keyring(rewrapped, "new")
    assert (after.order_key(ORDER), after.month_key(MONTH), after.person_key("customer/c")) == keys
    assert not after.lacks(MONTH)


def test_wrapped_record_is_bound_to_its_name() -> None:
    """A writer of the topic without the secret cannot swap or change records."""
    records = new_records()
    for first, second in ((b"00", b"01"), (b"00", b"p00")):
        with pytest.raises(WrongSecretError):
            read_keyring({first: records[second]})
    changed = records[b"00"] or b""
    with pytest.raises(WrongSecretError):
        read_keyring({b"00": changed[:-1] + bytes([changed[-1] ^ 1])})


def test_other_names_are_ignored() -> None:
    """A later release may store more."""
    keyring = read_keyring(new_records(month=MONTH))
    load_records(keyring, {b"sweep": b"", b"something": b"else", b"p0": b"x", b"00x": b"x"})
    assert not keyring.lacks(MONTH)
