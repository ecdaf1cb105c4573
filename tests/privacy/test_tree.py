"""Laws of the tree of keys."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.privacy.tree import DEPTH, Cut, Tree

leaves = st.one_of(
    st.integers(0, 2**DEPTH - 1),
    st.integers(0, 7),
    st.integers(2**DEPTH - 8, 2**DEPTH - 1),
)
WHOLE = Tree.grown_from(b"root of the tests")


def cut(*gone: int) -> Tree:
    """Return the tree from which these leaves are cut."""
    tree = WHOLE
    for leaf in gone:
        tree = tree.without(leaf)
    return tree


@given(st.lists(leaves, max_size=12), st.lists(leaves, max_size=12))
def test_every_leaf_keeps_its_key_until_it_is_cut_and_then_has_none(
    gone: list[int], others: list[int]
) -> None:
    """Forgetting one order changes nothing for any other."""
    tree = cut(*gone)
    for leaf in gone:
        with pytest.raises(Cut):
            tree.key(leaf)
    for leaf in set(others) - set(gone):
        assert tree.key(leaf) == WHOLE.key(leaf)


@given(st.lists(leaves, min_size=1, max_size=8))
def test_what_is_left_holds_no_seed_that_leads_to_a_cut_leaf(gone: list[int]) -> None:
    """The key is destroyed, not hidden: no node that is kept lies on the way from the root to the leaf."""
    for node in cut(*gone).nodes:
        assert not any(leaf >> (DEPTH - node.depth) == node.prefix for leaf in gone)
        assert node.depth > 0


@given(st.lists(leaves, max_size=8), st.randoms())
def test_the_order_of_cuts_does_not_matter_and_a_second_cut_changes_nothing(gone: list[int], chance) -> None:
    """Operators may forget the same orders, in any order, and again."""
    shuffled = [*gone, *gone]
    chance.shuffle(shuffled)
    assert cut(*shuffled).nodes == cut(*gone).nodes


@given(st.lists(leaves, max_size=8))
def test_the_nodes_cover_every_leaf_once_but_for_the_cut_ones(gone: list[int]) -> None:
    """Nothing else is lost with them."""
    nodes = cut(*gone).nodes
    assert sum(2 ** (DEPTH - node.depth) for node in nodes) == 2**DEPTH - len(set(gone))
    assert all(left.first + 2 ** (DEPTH - left.depth) <= right.first for left, right in pairwise(nodes))


def test_a_tree_can_be_cut_down_to_nothing() -> None:
    """The last leaf of a subtree, too."""
    last = cut(*range(16))
    assert all(node.first >= 16 for node in last.nodes)
    with pytest.raises(Cut):
        Tree([]).key(0)


@given(leaves, leaves)
def test_two_leaves_have_two_keys(one: int, other: int) -> None:
    """Nobody's key opens somebody else's data."""
    assert (WHOLE.key(one) == WHOLE.key(other)) == (one == other)
