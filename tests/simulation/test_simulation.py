"""Seeds, the same trace twice, and whether the checker checks."""

import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.planting import Mutant
from tests.simulation.faults import KINDS
from tests.simulation.mutants import MUTANTS
from tests.simulation.run import simulate

SEEDS = 200
#: Seeds in which a planted bug must show itself.
PATIENCE = 25


def test_no_seed_breaks_an_invariant_and_every_fault_strikes():
    """200 seeds of 500 commands and 14 faults each; `make simulate` runs 10,000."""
    struck: Counter[str] = Counter()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for outcome in pool.map(simulate, range(SEEDS), chunksize=5):
            assert not outcome.violations, f"seed {outcome.seed}: {outcome.violations}"
            assert all(f.checked for f in outcome.findings.values()), f"seed {outcome.seed} left a check idle"
            assert sum(outcome.faults.values()) >= 10, f"seed {outcome.seed} met {outcome.faults}"
            struck += outcome.faults
    assert set(struck) == set(KINDS)


def test_the_same_seed_gives_the_same_trace():
    """What a seed finds can be looked at again."""
    assert simulate(7).trace == simulate(7).trace != simulate(8).trace


@pytest.mark.parametrize("mutant", MUTANTS, ids=[m.name for m in MUTANTS])
def test_a_planted_bug_is_caught_by_a_named_invariant(mutant: Mutant):
    """A check that cannot fail is a defect."""
    found: set[str] = set()
    with mutant.plant():
        for seed in range(PATIENCE):
            found |= set(simulate(seed).violations)
            if found & mutant.caught_by:
                return
    pytest.fail(f"{mutant.name} was not caught by {mutant.caught_by}, only by {found}")
