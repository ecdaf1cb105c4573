"""Laws of the tree of keys."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.privacy.tree import DEPTH, PuncturedError, Tree

leaves = st.one_of(
    st.integers(0, 2**DEPTH - 1),
    st.integers(0, 7),
    st.integers(2**DEPTH - 8, 2**DEPTH - 1),
)
FULL_TREE = Tree.from_seed(b"root of the tests")


def punctured(*removed: int) -> Tree:
    """Return the tree without these leaves."""
    tree = FULL_TREE
    for leaf in removed:
        tree = tree.puncture(leaf)
    return tree


@given(st.lists(leaves, max_size=12), st.lists(leaves, max_size=12))
def test_leaf_keeps_key_until_punctured(removed: list[int], others: list[int]) -> None:
    """Erasing one order changes nothing for any other."""
    tree = punctured(*removed)
    for leaf in removed:
        with pytest.raises(PuncturedError):
            tree.key(leaf)
    for leaf in set(others) - set(removed):
        assert tree.key(leaf) == FULL_TREE.key(leaf)


@given(st.lists(leaves, min_size=1, max_size=8))
def test_no_stored_seed_leads_to_removed_leaf(removed: list[int]) -> None:
    """The key is destroyed, not hidden: no stored node lies on the path from the root to the leaf."""
    for node in punctured(*removed).nodes:
        assert not any(leaf >> (DEPTH - node.depth) == node.prefix for leaf in removed)
        assert node.depth > 0


@given(st.lists(leaves, max_size=8), st.randoms())
def test_puncture_is_commutative_and_idempotent(removed: list[int], chance) -> None:
    """Operators may erase the same orders, in any sequence, and repeatedly."""
    shuffled = [*removed, *removed]
    chance.shuffle(shuffled)
    assert punctured(*shuffled).nodes == punctured(*removed).nodes


@given(st.lists(leaves, max_size=8))
def test_nodes_cover_remaining_leaves_once(removed: list[int]) -> None:
    """A puncture loses no other leaf."""
    nodes = punctured(*removed).nodes
    assert sum(2 ** (DEPTH - node.depth) for node in nodes) == 2**DEPTH - len(set(removed))
    assert all(left.first + 2 ** (DEPTH - left.depth) <= right.first for left, right in pairwise(nodes))


def test_whole_subtree_can_be_removed() -> None:
    """Including the last leaf of a subtree, and an empty tree."""
    last = punctured(*range(16))
    assert all(node.first >= 16 for node in last.nodes)
    with pytest.raises(PuncturedError):
        Tree([]).key(0)


@given(leaves, leaves)
def test_leaves_have_distinct_keys(one: int, other: int) -> None:
    """No order's key opens another order's data."""
    assert (FULL_TREE.key(one) == FULL_TREE.key(other)) == (one == other)
