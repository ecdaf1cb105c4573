"""Laws of the tree of keys."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.privacy.tree import SEED_BYTES, PuncturedError, Tree, node_count
from ingress.privacy.tree_format import pack, unpack

HEIGHT = 48
leaves = st.one_of(
    st.integers(0, 2**HEIGHT - 1),
    st.integers(0, 7),
    st.integers(2**HEIGHT - 8, 2**HEIGHT - 1),
)
SEED = b"root of the test"
FULL_TREE = Tree(HEIGHT, (), SEED)


def punctured(*removed: int, tree: Tree = FULL_TREE) -> Tree:
    """Return the tree without these leaves."""
    for leaf in removed:
        tree = tree.puncture(leaf)
    return tree


def path_seeds(leaf: int) -> set[bytes]:
    """Return the seeds of all nodes above a leaf, and of the leaf."""
    seeds, tree = {SEED}, FULL_TREE
    while tree.height:
        lower, upper = tree.split()
        tree = upper if (leaf >> tree.height - 1) & 1 else lower
        seeds.add(tree.seeds)
    return seeds


def stored_seeds(tree: Tree) -> set[bytes]:
    """Return the seeds that a tree stores."""
    return {tree.seeds[at : at + SEED_BYTES] for at in range(0, len(tree.seeds), SEED_BYTES)}


@given(st.lists(leaves, max_size=12), st.lists(leaves, max_size=12))
def test_leaf_keeps_key_until_punctured(removed: list[int], others: list[int]) -> None:
    """Erasing one order changes nothing for any other."""
    tree = punctured(*removed)
    for leaf in removed:
        with pytest.raises(PuncturedError):
            tree.key(leaf)
    for leaf in set(others) - set(removed):
        assert tree.key(leaf) == FULL_TREE.key(leaf)


@given(st.sets(st.integers(0, 63), max_size=64))
def test_all_leaves_of_a_small_tree(removed: set[int]) -> None:
    """Every leaf is checked, also of a tree that has lost all of them."""
    whole = Tree(6, (), SEED)
    tree = punctured(*removed, tree=whole)
    for leaf in range(64):
        if leaf in removed:
            with pytest.raises(PuncturedError):
                tree.key(leaf)
        else:
            assert tree.key(leaf) == whole.key(leaf)


@given(st.lists(leaves, min_size=1, max_size=8))
def test_no_stored_seed_leads_to_removed_leaf(removed: list[int]) -> None:
    """The key is destroyed, not hidden: no stored node lies on the path from the root to the leaf."""
    stored = stored_seeds(punctured(*removed))
    assert not any(stored & path_seeds(leaf) for leaf in removed)


@given(st.lists(leaves, max_size=8), st.randoms())
def test_puncture_is_commutative_and_idempotent(removed: list[int], chance) -> None:
    """Operators may erase the same orders, in any sequence, and repeatedly."""
    shuffled = [*removed, *removed]
    chance.shuffle(shuffled)
    assert pack(punctured(*shuffled)) == pack(punctured(*removed))


@given(st.lists(leaves, max_size=12), leaves)
def test_halves_have_the_keys_of_the_whole(removed: list[int], leaf: int) -> None:
    """A tree that has grown is stored in two records."""
    tree = punctured(*removed)
    half = tree.split()[leaf >> (HEIGHT - 1)]
    own = leaf & (2 ** (HEIGHT - 1) - 1)
    if leaf in removed:
        with pytest.raises(PuncturedError):
            half.key(own)
    else:
        assert half.key(own) == FULL_TREE.key(leaf)
        assert pack(half.puncture(own)) == pack(tree.puncture(leaf).split()[leaf >> (HEIGHT - 1)])


@given(st.lists(leaves, max_size=8), leaves)
def test_stored_tree_is_the_tree(removed: list[int], leaf: int) -> None:
    """As bytes of today's version, and of the version before it."""
    tree = punctured(*removed)
    nodes, at = [], 0
    for first, depth in version_1_nodes(sorted(set(removed))):
        nodes.append([depth, first >> (HEIGHT - depth), tree.seeds[at : at + SEED_BYTES]])
        at += SEED_BYTES
    assert pack(unpack(pack(tree), HEIGHT)) == pack(tree)
    assert pack(unpack(msgspec.msgpack.encode(nodes), HEIGHT)) == pack(tree)


def version_1_nodes(removed: list[int]) -> list[tuple[int, int]]:
    """Return first leaf and depth of each maximal subtree without a removed leaf, by their definition."""
    found, pending = [], [(0, 0)]
    while pending:
        first, depth = pending.pop()
        end = first + 2 ** (HEIGHT - depth)
        if not any(first <= leaf < end for leaf in removed):
            found.append((first, depth))
        elif depth < HEIGHT:
            pending += [(first + 2 ** (HEIGHT - depth - 1), depth + 1), (first, depth + 1)]
    return sorted(found)


@pytest.mark.parametrize("raw", [b"\x02", b"\x02\x01\0\0\0", pack(FULL_TREE) + b"x", pack(FULL_TREE)[:-1]])
def test_bytes_of_no_tree_are_refused(raw: bytes) -> None:
    """A tree with too few or too many seeds would derive wrong keys."""
    with pytest.raises(ValueError):
        unpack(raw, HEIGHT)


@given(leaves, leaves)
def test_leaves_have_distinct_keys(one: int, other: int) -> None:
    """No order's key opens another order's data."""
    assert (FULL_TREE.key(one) == FULL_TREE.key(other)) == (one == other)


def test_removed_leaf_costs_under_a_kilobyte() -> None:
    """Memory of a process and bytes of the topic: 16 for each node, 12 for the leaf itself."""
    assert 12 + SEED_BYTES * node_count(HEIGHT, [2**HEIGHT // 3]) <= 800
