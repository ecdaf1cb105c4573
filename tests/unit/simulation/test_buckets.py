"""The simulation with buckets: workers crash between the two ends of a transfer, and the commands between buckets are
delayed, duplicated and overtaken."""

import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import pytest

from tests.escrow.mutants import MUTANTS
from tests.simulation.run import simulate
from tests.support.planting import Mutant

SEEDS = 4
#: A planted bug must show in this many seeds.
MAX_SEEDS = 15

#: Bugs of the protocol that an outside checker must find in the facts, and the invariants that find them.
CAUGHT_BY = {
    "receive-a-transfer-twice": {"each-transfer-once"},
    "lend-again-on-a-repeated-request": {"each-transfer-once"},
    "lose-a-transfer-in-flight": {"each-transfer-once"},
    "lend-without-removing": {"each-transfer-once", "portions-conserved"},
    "lend-more-than-is-free": {"never-oversold"},
    "forget-where-a-key-was-forwarded": {"one-order-per-key", "legal-transitions", "replays-equal"},
}


@pytest.mark.parametrize("open_rate", [0, 2], ids=["all open", "open when busy"])
def test_no_seed_breaks_an_invariant(open_rate: int):
    """Never oversold, each transfer once, as many portions as were put, one order per key, views equal to facts."""
    checked: Counter[str] = Counter()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        one = partial(simulate, buckets=3, commands=250, open_rate=open_rate)
        for result in pool.map(one, range(SEEDS), chunksize=2):
            assert not result.violations, f"seed {result.seed}: {result.violations}"
            checked.update({name: finding.checked for name, finding in result.findings.items()})
    assert checked["each-transfer-once"] > 50 * SEEDS, "too few transfers"


@pytest.mark.parametrize(
    "mutant",
    [m for m in MUTANTS if m.name in CAUGHT_BY],
    ids=[*(m.name for m in MUTANTS if m.name in CAUGHT_BY)],
)
def test_planted_bug_is_caught_by_a_named_invariant(mutant: Mutant):
    """The checker of the fault campaigns finds it in the facts alone."""
    found: set[str] = set()
    with mutant.plant():
        for seed in range(MAX_SEEDS):
            found |= set(simulate(seed, commands=250, buckets=3, open_rate=seed % 2 * 2).violations)
            if found & CAUGHT_BY[mutant.name]:
                return
    pytest.fail(f"{mutant.name} was not caught by {CAUGHT_BY[mutant.name]}, only by {found}")
