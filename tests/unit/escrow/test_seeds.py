"""Seeds of the buckets, and planted bugs that the laws must catch."""

import os
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.escrow import seeds
from tests.escrow.mutants import MUTANTS
from tests.support.planting import Mutant

SEEDS = 100
#: A planted bug must show in this many seeds.
MAX_SEEDS = 300


def test_no_seed_breaks_a_law():
    """`python -m tests.escrow.seeds` runs thousands."""
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        outcomes = list(pool.map(seeds.run, range(SEEDS), chunksize=10))
    assert not [o.message for o in outcomes if o.law]
    assert sum(o.next_offers for o in outcomes) > SEEDS / 20, "too few next offers"
    for what in ("transfers", "confirmed", "refused", "forwarded_orders"):
        assert sum(getattr(o, what) for o in outcomes) > SEEDS / 2, (
            f"too few {what}: the laws were not exercised"
        )


@pytest.mark.parametrize("mutant", MUTANTS, ids=[m.name for m in MUTANTS])
def test_planted_bug_is_caught_by_a_named_law(mutant: Mutant):
    """A check that cannot fail is a defect."""
    found: set[str] = set()
    with mutant.plant():
        for seed in range(MAX_SEEDS):
            found.add(seeds.run(seed).law)
            if found & mutant.caught_by:
                return
    pytest.fail(f"{mutant.name} was not caught by {mutant.caught_by}, only by {found}")
