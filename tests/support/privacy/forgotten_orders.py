"""`python -m tests.support.privacy.forgotten_orders COUNT`: by how many MiB a process grows that reads so many forgotten orders.

The trees are those of random orders. Their seeds are drawn and not derived, which takes the same memory.
"""

import os
import random
import sys
from collections.abc import Iterator

from ingress.privacy import tree_format
from ingress.privacy.forest import HEIGHT, ROOTS, Space
from ingress.privacy.keyring import Keyring
from ingress.privacy.tree import SEED_BYTES, Tree, node_count
from ingress.privacy.wrapping import Wrapping
from tests.support.ingress.filled_caches import resident_mib

SECRET = "s"


def records(count: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield the records of a keyring that has forgotten so many orders, one at a time as a consumer does."""
    wrapping, chance = Wrapping(SECRET), random.Random(1)
    for root in ROOTS[Space.ORDER]:
        removed = sorted(chance.getrandbits(HEIGHT) for _ in range(count // len(ROOTS[Space.ORDER])))
        tree = Tree(HEIGHT, removed, os.urandom(SEED_BYTES * node_count(HEIGHT, removed)))
        yield root, wrapping.wrap(root, tree_format.pack(tree))


def main() -> None:
    """Print the growth."""
    keyring = Keyring(Wrapping(SECRET))
    for name, wrapped in records(0):  # what the first use of each part needs
        keyring.load(name, wrapped)
    before = resident_mib()
    for name, wrapped in records(int(sys.argv[1])):
        keyring.load(name, wrapped)
    print(resident_mib() - before)


if __name__ == "__main__":
    main()
