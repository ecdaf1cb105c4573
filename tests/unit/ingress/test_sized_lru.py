"""Caches with a budget in bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.memory import budgets
from ingress.memory.sized_lru import ENTRY_BYTES, SizedLru

BUDGET = 10 * ENTRY_BYTES


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch) -> SizedLru[int, int]:
    """A cache that keeps ten entries of no size."""
    monkeypatch.setitem(budgets.CACHES, "test", BUDGET)
    return SizedLru("test")


operations = st.lists(
    st.tuples(
        st.sampled_from(["put", "second", "get", "remove"]), st.integers(0, 30), st.integers(0, BUDGET)
    ),
    max_size=200,
)


@given(operations)
def test_entries_never_exceed_the_budget(operations: list[tuple[str, int, int]]) -> None:
    """Whatever is put, and the sum of the sizes is that of the entries that are kept."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(budgets.CACHES, "test", BUDGET)
        cache: SizedLru[int, int] = SizedLru("test")
    sizes: dict[int, int] = {}
    for operation, key, size in operations:
        if operation == "put":
            cache.put(key, size, size)
        elif operation == "second":
            cache.put_on_second_request(key, size, size)
        elif operation == "get":
            assert cache.get(key) in (None, sizes.get(key))
        else:
            cache.remove(key)
            assert key not in cache
        sizes |= {key: size} if cache.get(key) == size else {}
        assert cache.held_bytes <= BUDGET
        kept = [value for key in range(31) if (value := cache.get(key)) is not None]
        assert cache.held_bytes == sum(kept) + ENTRY_BYTES * len(kept) and len(kept) == len(cache)


def test_what_was_used_last_is_kept(cache: SizedLru[int, int]) -> None:
    """Entries that nothing has used are evicted first."""
    for key in range(10):
        cache.put(key, key, 0)
    assert cache.get(0) == 0
    cache.put(10, 10, 0)
    assert 0 in cache and 1 not in cache


def test_too_large_value_evicts_nothing(cache: SizedLru[int, int]) -> None:
    """It replaces the value of its own key only."""
    cache.put(1, 1, 0)
    cache.put(2, 2, 0)
    cache.put(2, 3, BUDGET)
    assert 1 in cache and 2 not in cache


def test_what_is_requested_once_is_not_kept(cache: SizedLru[int, int]) -> None:
    """A hundred thousand distinct keys displace nothing; the second request of one is kept, and replaced at once."""
    cache.put(-1, 0, 0)
    for key in range(100_000):
        cache.put_on_second_request(key, key, 0)
    assert len(cache) == 1
    cache.put_on_second_request(99_999, 1, 0)
    cache.put_on_second_request(99_999, 2, 0)
    assert cache.get(99_999) == 2 and cache.get(-1) == 0
